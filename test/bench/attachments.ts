import { inOwnNetwork } from './own-network.js';

/** Milliseconds for one attachment of many, each the median of the rounds. */
export interface AttachmentsBench {
  readonly attachments: number;
  readonly rounds: number;
  /** Lease, tap and rules, one attachment after the other. */
  readonly made: number;
  /** The kernel’s share that nothing can spare: a tap opened, and no more. */
  readonly tapOnly: number;
  /** The same with a process for each touch, as tools without netlink do it: `ip` four times, `nft` once. */
  readonly byTools: number;
  /** Taken back one after the other: the kernel waits for a grace period with each. */
  readonly removedSingly: number;
  /** Taken back at once: one grace period for many. */
  readonly removedTogether: number;
  readonly ratio: {
    readonly madeToTools: number;
    readonly madeToTapOnly: number;
    readonly togetherToSingly: number;
  };
}

/** Measures making and removing attachments, in a network namespace of its own. Takes about half a minute. */
export async function benchAttachments(): Promise<AttachmentsBench> {
  return (await inOwnNetwork('attachments.program.js')) as AttachmentsBench;
}
