import type { z } from 'zod';
import * as agent from './agent.js';
import type { Method } from './define.js';
import * as events from './events.js';
import * as hook from './hook.js';
import * as network from './network.js';
import * as rpc from './rpc.js';
import * as snapshot from './snapshot.js';
import * as system from './system.js';
import * as vm from './vm.js';

/** Every method of the contract, by name. */
export const methods = {
  'agent.check': agent.check,
  'agent.ping': agent.ping,
  'agent.update': agent.update,
  'agent.upgrade': agent.upgrade,
  'events.subscribe': events.subscribe,
  'hook.invoke': hook.invoke,
  'network.attach': network.attach,
  'network.check': network.check,
  'network.detach': network.detach,
  'network.gc': network.gc,
  'network.list': network.list,
  'network.plan': network.plan,
  'rpc.discover': rpc.discover,
  'snapshot.create': snapshot.create,
  'snapshot.delete': snapshot.remove,
  'snapshot.get': snapshot.get,
  'snapshot.list': snapshot.list,
  'snapshot.restore': snapshot.restore,
  'snapshot.verify': snapshot.verify,
  'system.doctor': system.doctor,
  'system.health': system.health,
  'system.info': system.info,
  'system.reconcile': system.reconcile,
  'system.reload': system.reload,
  'vm.adopt': vm.adopt,
  'vm.boot': vm.boot,
  'vm.extend': vm.extend,
  'vm.get': vm.get,
  'vm.list': vm.list,
  'vm.pause': vm.pause,
  'vm.release': vm.release,
  'vm.resume': vm.resume,
  'vm.stop': vm.stop,
  'vm.timeline': vm.timeline,
} as const satisfies Readonly<Record<string, Method>>;

export type Methods = typeof methods;
export type MethodName = keyof Methods;
/** What a caller may write: defaults may be left out. */
export type ParamsOf<N extends MethodName> = z.input<Methods[N]['params']>;
/** What a handler gets: defaults filled in. */
export type CheckedParamsOf<N extends MethodName> = z.output<Methods[N]['params']>;
export type ResultOf<N extends MethodName> = z.input<Methods[N]['result']>;
