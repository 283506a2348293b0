import { inOwnNetwork } from './own-network.js';

/** Milliseconds for one attachment of many, each the median of the rounds. */
export interface BatchBench {
  readonly attachments: number;
  readonly rounds: number;
  /** Lease, tap and rules, all in one go, as slots are filled. */
  readonly batch: number;
  /** The same, one attachment after the other. */
  readonly singly: number;
  /** The kernel’s share that no batch can spare: a tap made, marked, kept and let go, in its bridge and up; no rules. */
  readonly tapAlone: number;
  /** One attachment with a process for each touch, as tools without netlink do it. */
  readonly byTools: number;
  /** Of one such process: `sh`, which does nothing. */
  readonly processStart: number;
  /** A batch while ten VMs are there, and while a thousand are. */
  readonly atTen: number;
  readonly atThousand: number;
  readonly ratio: {
    readonly batchToSingly: number;
    readonly tapAloneToSingly: number;
    readonly batchToTools: number;
    readonly thousandToTen: number;
  };
}

/** Measures attachments made together, in a network namespace of their own. */
export async function benchBatch(): Promise<BatchBench> {
  return (await inOwnNetwork('batch.program.js')) as BatchBench;
}
