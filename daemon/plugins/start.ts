import { pluginRefused } from '../api/errors/host.js';
import { ThawError } from '../api/thaw-error.js';
import {
  type AnyPlugin,
  type Context,
  type PluginHost,
  type PluginKinds,
  within,
} from '../../plugins/contract.js';
import { orAbandon } from './abandon.js';
import { checkHooks } from './check-hooks.js';

/** What every plugin is given, beside the context of its start. */
export type HostParts = Omit<PluginHost, 'cx'>;

export type Started = PluginKinds[keyof PluginKinds];

export interface StartWish {
  readonly plugin: AnyPlugin;
  /** Checked by the plugin's schema. */
  readonly settings: unknown;
  readonly host: HostParts;
  /** Milliseconds for the start. */
  readonly deadline: number;
}

/**
 * Starts a plugin and waits no longer than its deadline. What it gives too late is closed, not dropped: it may hold
 * files, links or processes.
 * @throws pluginRefused where it fails or takes too long; what it throws itself, where that is of the registry
 */
export async function startPlugin(wish: StartWish, cx: Context): Promise<Started> {
  const { plugin, settings, host, deadline } = wish;
  const limit = { what: `the start of the plugin ${plugin.name}`, milliseconds: deadline };
  return within(cx, limit, async (limited) => {
    // Inside a promise, so that one that throws at once fails like the others.
    const starting = Promise.resolve().then((): Promise<Started> =>
      plugin.start({ ...host, cx: limited }, settings),
    );
    try {
      const started: unknown = await orAbandon(starting, limited.signal);
      // What a plugin from a path gives, no compiler has seen.
      if (typeof started !== 'object' || started === null) throw new TypeError(`it gave ${String(started)}`);
      const checked = plugin.kind === 'lifecycle' ? checkHooks(started) : { ok: true as const };
      if (!checked.ok) {
        await orAbandon(closeStarted(started as Started), limited.signal).catch(() => undefined);
        throw new TypeError(checked.why);
      }
      return started as Started;
    } catch (error) {
      if (limited.signal.aborted) void closeLate(starting, wish);
      cx.signal.throwIfAborted();
      if (error instanceof ThawError && !limited.signal.aborted) throw error;
      const why = limited.signal.aborted
        ? `its start took longer than ${deadline} ms`
        : `its start failed: ${error instanceof Error ? error.message : String(error)}`;
      throw pluginRefused({ plugin: plugin.name, why }, { cause: error });
    }
  });
}

/** Ends what a start has opened. */
export async function closeStarted(started: Started): Promise<void> {
  if ('close' in started) await started.close();
}

async function closeLate(starting: Promise<Started>, { plugin, host }: StartWish): Promise<void> {
  const about = { kind: plugin.kind, plugin: plugin.name };
  try {
    const late = await starting;
    await closeStarted(late);
    host.log('warn', 'a plugin started too late and was closed', about);
  } catch (error) {
    host.log('warn', 'a plugin that was too late failed', { ...about, error: String(error) });
  }
}
