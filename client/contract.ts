import type { ThawError } from '../daemon/api/thaw-error.js';
import { contractVersion } from './methods.gen.js';

/** What a daemon of another contract answers to what it does not know. */
const puzzled: ReadonlySet<string> = new Set(['method-not-found', 'invalid-params']);

/** Whether an error may come of the daemon's being older or newer than this client. */
export const mayBeOfAge = ({ reason }: ThawError): boolean => puzzled.has(reason);

/** Which side to upgrade, in words; null where both speak the same contract. Pure. */
export function contractGap(daemon: string, client: string = contractVersion): string | null {
  const [theirs, ours] = [daemon, client].map((version) => version.split('.').map(Number));
  const [major = NaN, minor = NaN] = theirs ?? [];
  const [ownMajor = 0, ownMinor = 0] = ours ?? [];
  if (major === ownMajor && minor === ownMinor) return null;
  const older = major < ownMajor || (major === ownMajor && minor < ownMinor);
  const whom = older ? 'thawd, and restart it' : 'this client';
  return `thawd speaks contract ${daemon}, this client ${client}: upgrade ${whom}`;
}
