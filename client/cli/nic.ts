import type { ParamsOf } from '../../daemon/api/index.js';
import { readPort } from './ports.js';
import { readFields } from './values.js';

type Nic = NonNullable<ParamsOf<'snapshot.restore'>['nics']>[number];

/** What `--nic` may say. */
const keys = ['network', 'address', 'mac', 'id', 'port'] as const;

/** The NICs that `--network` and `--nic` ask for, networks first. @throws usage */
export function nicsOf(networks: readonly string[], nics: readonly string[]): Nic[] {
  return [
    ...networks.map((network) => ({ network })),
    ...nics.map((text) => {
      const { port, ...fields } = readFields('nic', text, keys);
      return { ...fields, ...(port !== undefined && { ports: [readPort('nic', port)] }) };
    }),
  ];
}
