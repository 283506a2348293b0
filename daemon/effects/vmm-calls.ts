// Every call to a Firecracker, by name: what timelines show and where faults are put.
import { effect, look, type Context } from '../../plugins/contract.js';
import type { HttpAnswer } from './vmm-http.js';

/** Sends the request and reads the answer; made by the one owner of the connection. */
export type Exchange = (cx: Context) => Promise<HttpAnswer>;

const run = (exchange: Exchange, cx: Context): Promise<HttpAnswer> => exchange(cx);

export const vmmCalls = {
  describe: look('vmm.describe', run),
  version: look('vmm.version', run),
  config: look('vmm.config', run),
  putBootSource: effect('vmm.boot-source', run),
  putDrive: effect('vmm.drive', run),
  putMachineConfig: effect('vmm.machine-config', run),
  putVsock: effect('vmm.vsock', run),
  putEntropy: effect('vmm.entropy', run),
  putNic: effect('vmm.attach', run),
  patchNic: effect('vmm.limit', run),
  deleteNic: effect('vmm.detach', run),
  start: effect('vmm.start', run),
  pause: effect('vmm.pause', run),
  resume: effect('vmm.resume', run),
  createSnapshot: effect('vmm.create', run),
  loadSnapshot: effect('vmm.load', run),
} as const;

export type VmmCallName = keyof typeof vmmCalls;
