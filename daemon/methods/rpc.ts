import type { ResultOf } from '../api/index.js';
import { openrpcDocument } from '../api/openrpc.js';
import type { Handlers } from './call.js';

/** `rpc.discover`: made when it is first asked for, and then kept. */
export function rpcHandlers(): Pick<Handlers, 'rpc.discover'> {
  let document: ResultOf<'rpc.discover'> | null = null;
  return { 'rpc.discover': () => (document ??= { ...openrpcDocument() }) };
}
