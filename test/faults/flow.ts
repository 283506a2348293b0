import type { Host, HostFault, HostOptions } from '../support/host.js';
import type { Kind, Point } from './points.js';

/** A change that faults are put into. */
export interface Flow {
  readonly name: string;
  readonly host?: HostOptions;
  /** Effects that it is here to hit, at the least. */
  readonly covers: readonly string[];
  readonly kinds?: readonly Kind[];
  /** What goes wrong in any case: the change then fails, and only what comes after that is looked at. */
  readonly always?: HostFault;
  /** Which of the points that it meets are its own; all where it is left out. */
  pick?(points: readonly Point[]): readonly Point[];
  /** What may be wrong afterwards, because Firecracker can't do better. */
  readonly forgives?: RegExp;
  /** Once: what all of it needs. */
  prepare(host: Host): Promise<unknown>;
  /** Before each fault: the VM that is changed. `set` puts faults into what is done to arrange it. */
  arrange?(host: Host, set: (faults: readonly HostFault[]) => void): Promise<unknown>;
  /** The change; rejects where it fails. */
  act(host: Host, signal: AbortSignal): Promise<unknown>;
  /** What else must hold afterwards, in words where it does not. */
  judge?(host: Host): Promise<readonly string[]>;
  /** Takes back what a change that succeeded has left, beside VMs. */
  clear?(host: Host): Promise<unknown>;
  /** What is there although every VM was stopped, beside what is looked for anyway. */
  left?(host: Host): Promise<readonly string[]>;
}
