import { internal } from '../api/errors/rpc.js';
import {
  type AgentDialect,
  type AnyPlugin,
  type Context,
  type Fabric,
  type NetworkStrategy,
  type PluginKind,
  type PluginKinds,
  type SnapshotStore,
  within,
} from '../../plugins/contract.js';
import { orAbandon } from './abandon.js';
import { Moments } from './moments.js';
import { closeStarted, type HostParts, type Started } from './start.js';

/** A plugin that runs. */
export interface Running {
  readonly plugin: AnyPlugin;
  readonly started: Started;
}

/** The plugins of a daemon, started in order and closed in reverse. */
export class PluginSet {
  readonly fabric: Fabric;
  readonly storage: SnapshotStore;
  readonly strategies: ReadonlyMap<string, NetworkStrategy>;
  readonly dialects: ReadonlyMap<string, AgentDialect>;
  /** What tells those that listen. */
  readonly moments: Moments;
  readonly #running: readonly Running[];
  readonly #log: HostParts['log'];
  readonly #closeDeadline: number;
  #closed: Promise<void> | undefined;

  /** @param closing milliseconds that each plugin has for its close */
  constructor(running: readonly Running[], closing: { log: HostParts['log']; deadline: number }) {
    this.#running = running;
    this.#log = closing.log;
    this.#closeDeadline = closing.deadline;
    this.fabric = only('fabric', ofKind('fabric', running));
    this.storage = only('storage', ofKind('storage', running));
    this.strategies = ofKind('strategy', running);
    this.dialects = ofKind('agent', running);
    const listeners = [...ofKind('lifecycle', running)].map(([plugin, given]) => ({ plugin, given }));
    this.moments = new Moments(listeners, closing.log);
  }

  /** What runs, in the order of its start. */
  list(): { kind: PluginKind; name: string }[] {
    return this.#running.map(({ plugin: { kind, name } }) => ({ kind, name }));
  }

  /** Closes all once nothing is being told, the last started first. One that fails or takes too long is logged, and the next has its turn. */
  close(): Promise<void> {
    this.#closed ??= this.moments
      .idle()
      .then(() => closeAll(this.#running, { log: this.#log, deadline: this.#closeDeadline }));
    return this.#closed;
  }
}

/** See {@link PluginSet.close}. */
export async function closeAll(
  running: readonly Running[],
  { log, deadline }: { log: HostParts['log']; deadline: number },
): Promise<void> {
  for (const { plugin, started } of [...running].reverse()) {
    const limit = { what: `closing the plugin ${plugin.name}`, milliseconds: deadline };
    try {
      await within(untouched, limit, ({ signal }) => orAbandon(closeStarted(started), signal));
    } catch (error) {
      const about = { kind: plugin.kind, plugin: plugin.name, error: String(error) };
      log('warn', 'a plugin was not closed in order', about);
    }
  }
}

/** Closing is not part of any operation, and nothing cancels it. */
const untouched: Context = { signal: new AbortController().signal, probe: { effect: () => undefined } };

/** The host has checked that a plugin's kind and what it gives belong together as far as its types can tell. */
function ofKind<K extends PluginKind>(kind: K, running: readonly Running[]): Map<string, PluginKinds[K]> {
  return new Map(
    running
      .filter(({ plugin }) => plugin.kind === kind)
      .map(({ plugin, started }) => [plugin.name, started as PluginKinds[K]]),
  );
}

function only<T>(kind: PluginKind, found: ReadonlyMap<string, T>): T {
  const [first] = found.values();
  if (first === undefined) throw internal({ what: `there is no plugin of the kind ${kind}` });
  return first;
}
