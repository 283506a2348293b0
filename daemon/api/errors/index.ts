import type { ErrorInfo } from '../define.js';
import * as agent from './agent.js';
import * as container from './container.js';
import * as host from './host.js';
import * as namespaces from './namespaces.js';
import * as network from './network.js';
import * as rpc from './rpc.js';
import * as snapshot from './snapshot.js';
import * as vm from './vm.js';
import * as vmm from './vmm.js';

/** Every entry of the registry, in the order of codes. */
export const errorRegistry: readonly ErrorInfo[] = [
  rpc,
  host,
  vm,
  vmm,
  snapshot,
  network,
  namespaces,
  agent,
  container,
]
  .flatMap((module): ErrorInfo[] => Object.values(module))
  .sort((a, b) => a.code - b.code);
