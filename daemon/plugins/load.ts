import { pluginRefused } from '../api/errors/host.js';
import { pluginLoad } from '../effects/plugin-load.js';
import type { AnyPlugin, Context, Plugin } from '../../plugins/contract.js';
import { checkPlugin, checkSettings, kinds } from './check.js';
import { closeAll, PluginSet, type Running } from './set.js';
import { type HostParts, startPlugin } from './start.js';

export interface PluginWish {
  readonly builtIn: readonly Plugin[];
  /** Files of further plugins: absolute, and only root may be able to change them. */
  readonly paths: readonly string[];
  /** By plugin name. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Milliseconds that each plugin has for its start, and for its close. */
  readonly deadline: number;
}

/**
 * Checks all plugins, then starts them in order, built-in ones first. A fabric or a storage from a path takes the
 * place of the built-in one. Where one is refused nothing stays open.
 * @throws pluginRefused, naming the plugin and what is wrong with it
 */
export async function loadPlugins(wish: PluginWish, host: HostParts, cx: Context): Promise<PluginSet> {
  const { settings, deadline } = wish;
  const chosen = choose(wish.builtIn.map(builtIn), await loadAll(wish.paths, cx), host);
  refuseStraySettings(settings, chosen);
  const ready = chosen.map((plugin) => ({ plugin, settings: settingsOf(plugin, settings) }));
  const running: Running[] = [];
  try {
    for (const one of ready) {
      running.push({ plugin: one.plugin, started: await startPlugin({ ...one, host, deadline }, cx) });
    }
    return new PluginSet(running, { log: host.log, deadline });
  } catch (error) {
    await closeAll(running, { log: host.log, deadline });
    throw error;
  }
}

function builtIn(plugin: Plugin): AnyPlugin {
  return approved(plugin, plugin.name);
}

async function loadAll(paths: readonly string[], cx: Context): Promise<AnyPlugin[]> {
  const plugins: AnyPlugin[] = [];
  for (const path of paths) {
    const file = await pluginLoad(path, cx);
    if (!file.ok) throw pluginRefused({ plugin: path, why: file.why }, { cause: file.cause });
    plugins.push(approved(file.exported, path));
  }
  return plugins;
}

function approved(candidate: unknown, origin: string): AnyPlugin {
  const checked = checkPlugin(candidate);
  if (!checked.ok) throw pluginRefused({ plugin: origin, why: checked.why });
  return checked.value;
}

function settingsOf(plugin: AnyPlugin, settings: PluginWish['settings']): unknown {
  const checked = checkSettings(plugin, settings[plugin.name]);
  if (!checked.ok) throw pluginRefused({ plugin: plugin.name, why: checked.why });
  return checked.value;
}

function choose(own: readonly AnyPlugin[], others: readonly AnyPlugin[], host: HostParts): AnyPlugin[] {
  const kept = own.filter((plugin) => {
    const other = kinds[plugin.kind] === 'one' && others.find(({ kind }) => kind === plugin.kind);
    if (other) host.log('info', `the ${plugin.kind} ${other.name} takes the place of ${plugin.name}`);
    return !other;
  });
  const chosen: AnyPlugin[] = [];
  for (const plugin of [...kept, ...others]) {
    const { kind, name } = plugin;
    const same = chosen.find(
      (other) => other.kind === kind && (kinds[kind] === 'one' || other.name === name),
    );
    if (same) throw pluginRefused({ plugin: name, why: `there is a ${kind} already: ${same.name}` });
    chosen.push(plugin);
  }
  return chosen;
}

/** Settings that no plugin reads are a misspelt name. */
function refuseStraySettings(settings: PluginWish['settings'], plugins: readonly AnyPlugin[]): void {
  const names = plugins.map(({ name }) => name);
  const stray = Object.keys(settings).find((name) => !names.includes(name));
  if (stray === undefined) return;
  const why = `there are settings for it, but no plugin of that name; there are ${names.join(', ')}`;
  throw pluginRefused({ plugin: stray, why });
}
