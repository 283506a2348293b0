import type { Config } from '../config/schema.js';
import { loadPlugins } from '../plugins/load.js';
import http from '../../plugins/agent/http.js';
import qemuGa from '../../plugins/agent/qemu-ga.js';
import bridge from '../../plugins/network/fabric.js';
import hotAttach from '../../plugins/network/strategies/hot-attach.js';
import netns from '../../plugins/network/strategies/netns.js';
import none from '../../plugins/network/strategies/none.js';
import override from '../../plugins/network/strategies/override.js';
import predictable from '../../plugins/network/strategies/predictable.js';
import recorded from '../../plugins/network/strategies/recorded.js';
import local from '../../plugins/storage/local.js';
import type { Ground } from './ground.js';
import type { Lifetime } from './lifetime.js';
import { hostParts } from './plugin-host.js';

/** Milliseconds for each plugin to start, and to close. */
const deadline = 10_000;

const builtIn = [bridge, local, hotAttach, override, netns, predictable, recorded, none, qemuGa, http];

/**
 * The built-in plugins and those of the configuration, started.
 * @throws pluginRefused, and what a plugin's start throws
 */
export async function openPlugins(life: Lifetime, { config, log, cx }: Ground) {
  const { paths, settings } = config.plugins;
  const wish = { builtIn, paths, settings: { ...fabricSettings(config), ...settings }, deadline };
  const plugins = await life.open(
    'plugins',
    () => loadPlugins(wish, hostParts(config, log), cx),
    (set) => set.close(),
  );
  const { fabric, storage: store, strategies } = plugins;
  return { plugins, fabric, store, strategies };
}

/** The fabric's settings, as far as they are keys of the configuration's own. */
function fabricSettings({ networks, netns: pool, cni }: Config): Record<string, unknown> {
  const own = Object.entries({ networks, netns: pool, cni }).filter(([, value]) => value !== undefined);
  return own.length > 0 ? { bridge: Object.fromEntries(own) } : {};
}
