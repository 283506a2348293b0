// Made from the contract by `npm run generate`; a test fails where it is stale.
import type { Access } from '../daemon/api/define.js';
import type { MethodName } from '../daemon/api/index.js';

/** What must be known of a method without loading its schemas. */
export interface MethodInfo {
  readonly access: Access;
  readonly progress: boolean;
}

/** By name. A newer daemon may have methods that are not here: those are called like any change. */
export const methodTable: Readonly<Record<string, MethodInfo>> = {
  'agent.check': { access: 'read', progress: false },
  'agent.ping': { access: 'read', progress: false },
  'agent.update': { access: 'change', progress: false },
  'agent.upgrade': { access: 'change', progress: false },
  'events.subscribe': { access: 'read', progress: false },
  'hook.invoke': { access: 'change', progress: true },
  'network.attach': { access: 'change', progress: false },
  'network.check': { access: 'read', progress: false },
  'network.detach': { access: 'change', progress: false },
  'network.gc': { access: 'change', progress: false },
  'network.list': { access: 'read', progress: false },
  'network.plan': { access: 'read', progress: false },
  'rpc.discover': { access: 'read', progress: false },
  'snapshot.create': { access: 'change', progress: true },
  'snapshot.delete': { access: 'change', progress: false },
  'snapshot.get': { access: 'read', progress: false },
  'snapshot.list': { access: 'read', progress: false },
  'snapshot.restore': { access: 'change', progress: true },
  'snapshot.verify': { access: 'read', progress: false },
  'system.doctor': { access: 'read', progress: false },
  'system.health': { access: 'read', progress: false },
  'system.info': { access: 'read', progress: false },
  'system.reconcile': { access: 'change', progress: false },
  'system.reload': { access: 'change', progress: false },
  'vm.adopt': { access: 'change', progress: false },
  'vm.boot': { access: 'change', progress: true },
  'vm.extend': { access: 'change', progress: false },
  'vm.get': { access: 'read', progress: false },
  'vm.list': { access: 'read', progress: false },
  'vm.pause': { access: 'change', progress: false },
  'vm.release': { access: 'change', progress: false },
  'vm.resume': { access: 'change', progress: false },
  'vm.stop': { access: 'change', progress: false },
  'vm.timeline': { access: 'read', progress: false },
} satisfies Record<MethodName, MethodInfo>;
