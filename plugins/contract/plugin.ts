import type { z } from 'zod';
import type { AgentDialect } from './agent.js';
import type { Context } from './context.js';
import type { LifecycleHooks } from './lifecycle.js';
import type { Fabric } from './network.js';
import type { SnapshotStore } from './storage.js';
import type { NetworkStrategy } from './strategy.js';

/** What a plugin of each kind gives when it is started. */
export interface PluginKinds {
  fabric: Fabric;
  strategy: NetworkStrategy;
  storage: SnapshotStore;
  agent: AgentDialect;
  lifecycle: LifecycleHooks;
}

export type PluginKind = keyof PluginKinds;

/** What a plugin may use of its host. */
export interface PluginHost {
  /** For the time of `start`: its deadline is the plugin's. */
  readonly cx: Context;
  readonly storeDir: string;
  readonly runDir: string;
  log(level: 'debug' | 'info' | 'warn', message: string, data?: Readonly<Record<string, unknown>>): void;
}

/** The version of this contract that a plugin was written for. */
export const pluginContract = 1;

export interface Plugin<K extends PluginKind = PluginKind, C extends z.ZodType = z.ZodType> {
  readonly kind: K;
  readonly name: string;
  readonly contract: typeof pluginContract;
  /** Checked before `start`; strict, so that a misspelt key is refused. */
  readonly config: C;
  /** What it opens here, the `close` of what it returns ends. */
  start(host: PluginHost, config: z.output<C>): Promise<PluginKinds[K]>;
}

/** A plugin whose configuration's type is forgotten: as the host keeps it, after the schema is known to check it. */
export type AnyPlugin = { [K in PluginKind]: Plugin<K> }[PluginKind];

/** Declares a plugin: gives `start` the type of its checked configuration. */
export function definePlugin<K extends PluginKind, C extends z.ZodType>(plugin: Plugin<K, C>): Plugin<K> {
  return plugin;
}
