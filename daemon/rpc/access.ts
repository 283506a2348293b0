import type { Access } from '../api/define.js';
import type { Peer } from '../methods/call.js';

/** Root and the configured users may change; whoever else the socket's mode lets in may read. */
export const accessOf =
  (users: readonly number[]) =>
  ({ uid }: Peer): Access =>
    uid === 0 || users.includes(uid) ? 'change' : 'read';
