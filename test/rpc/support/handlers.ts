import { contractVersion } from '../../../daemon/api/system.js';
import { vmUnknown } from '../../../daemon/api/errors/vm.js';
import { methods } from '../../../daemon/api/index.js';
import type { Vm } from '../../../daemon/api/shapes/vm.js';
import type { Handlers } from '../../../daemon/methods/call.js';
import { rpcHandlers } from '../../../daemon/methods/rpc.js';

/** A table in which every method exists; those not given answer as if there were no VM at all. */
export function fakeHandlers(over: Partial<Handlers> = {}): Handlers {
  const none = (): never => {
    throw vmUnknown({ vm: 'nobody' });
  };
  const table = Object.fromEntries(Object.keys(methods).map((name) => [name, none])) as unknown as Handlers;
  return {
    ...table,
    ...rpcHandlers(),
    'system.health': () => ({
      status: 'ok',
      vms: 0,
      operations: 0,
      room: { vms: { used: 0, most: null }, memoryMib: { used: 0, most: null } },
      slots: 0,
      residentBytes: 1,
      eventLoopLagMs: 0,
    }),
    'system.info': (_, { peer, access }) => ({
      version: '0',
      contract: contractVersion,
      pid: process.pid,
      startedAt: 0,
      runDir: '/',
      storeDir: '/',
      firecracker: { binary: '/', version: null, problem: null },
      networks: [],
      plugins: [],
      peer: { uid: peer.uid, access },
    }),
    'vm.list': () => ({ vms: [] }),
    ...over,
  };
}

export function fakeVm(name: string): Vm {
  return {
    id: `vm-${name.padStart(10, '0')}`,
    name,
    word: 'ready',
    origin: 'booted',
    createdAt: 0,
    expiresAt: null,
    process: { is: 'starting', at: 0 },
    power: { is: 'running', at: 0 },
    readiness: { is: 'waiting', at: 0 },
    attachments: [],
    snapshot: null,
    strategy: null,
    reservedSnapshot: null,
    dir: '/',
    apiSocket: null,
    vmmVersion: null,
    operation: null,
    limits: null,
    labels: {},
    container: null,
    warnings: [],
  };
}
