// What happens beside the changes that somebody asks for: slots that are filled, and plugins that are told.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/flow.js';
import type { Host } from '../../support/host.js';
import type { Flow } from '../flow.js';
import { prepareBase, restoreOne } from '../support.js';

/** How many slots the next daemon fills. */
function want({ box }: Host, size: number): void {
  const path = box.seen(join(box.runDir, 'config.json'));
  const config = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...config, slots: { size } }));
}

/** A daemon that has just started fills two slots at once. */
export const slots: Flow = {
  name: 'slots',
  // Nobody waits for them who could give up.
  kinds: ['kill', 'error', 'full'],
  covers: ['record.write', 'folder.make', 'taps.create', 'filter.add', 'process.spawn'],
  pick: (points) => points.slice(points.findIndex(({ at }) => at === 'socket.listen') + 2),
  prepare: (host) => prepareBase(host),
  arrange: async (host) => {
    await host.kill('SIGTERM');
    await host.client.close();
    want(host, 2);
  },
  act: async (host) => {
    const before = host.log.length;
    try {
      await host.start();
      const filled = eventually('the slots', async () => {
        const failure = host.log.slice(before).find((line) => line.includes('a slot could not be made'));
        if (failure !== undefined) throw new TypeError(failure);
        return (await host.client.system.health()).slots === 2 || undefined;
      });
      const ended = host.ended().then(() => Promise.reject(new TypeError('the daemon has ended')));
      await Promise.race([filled, ended]);
    } finally {
      // What this one leaves half made, the next one does not fill up again.
      want(host, 0);
    }
  },
  clear: async (host) => {
    await host.restart();
  },
};

/** A folder that only root can change: what is loaded from it runs as root. */
const dir = mkdtempSync('/run/thaw-plugins-');
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
const witness = join(dir, 'witness.mjs');
writeFileSync(
  witness,
  `const moments = ['vm.preparing', 'vm.loaded', 'vm.attached', 'vm.ready', 'vm.failed', 'vm.stopped', 'vm.removed'];
  export default {
    kind: 'lifecycle', name: 'witness', contract: 1, config: { safeParse: (data) => ({ success: true, data }) },
    start: async () => ({ deadline: 200, hooks: Object.fromEntries(moments.map((moment) => [moment, () => undefined])) }),
  };\n`,
);

/** A clone comes and goes, and a plugin is told of each moment. */
export const hooks: Flow = {
  name: 'hooks',
  host: { config: { plugins: { paths: [witness] } } },
  covers: ['hook.call'],
  pick: (points) => points.filter(({ at }) => at === 'hook.call'),
  prepare: (host) => prepareBase(host),
  act: async (host, signal) => {
    await restoreOne(host, {}, signal);
    await host.client.vm.stop({ vm: 'clone' }, { signal });
  },
};
