import type { VmWord } from '../api/shapes/vm.js';
import type { NetworkView } from '../../plugins/contract.js';

/** What is, asked for at each look and never kept. */
export interface Present {
  /** The word of every VM that people see, others' included. */
  vms(): readonly VmWord[];
  slots(): { readonly ready: number; readonly size: number };
  networks(): readonly Pick<NetworkView, 'name' | 'leases' | 'capacity'>[];
  /** The methods of the operations under way. */
  operations(): readonly string[];
  snapshots(): number;
  /** Of the limits; `most` is null where there is none. */
  room(): Readonly<Record<'vms' | 'memoryMib', { readonly used: number; readonly most: number | null }>>;
  rpc(): { readonly inFlight: number; readonly connections: number };
}
