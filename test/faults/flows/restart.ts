import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../support/host.js';
import type { Flow } from '../flow.js';
import { prepareBase, restoreOne, survives } from '../support.js';

const torn = ({ box, runDir }: Host): string => box.seen(join(runDir, 'records', 'vm-torn.json'));

/** A daemon takes up what another has left half done, and a torn record. */
export const start: Flow = {
  name: 'start',
  host: {
    config: { networks: { default: { bridge: 'thaw0', subnet: '10.88.0.0/24', subnet6: 'fd88::/64' } } },
  },
  covers: [
    ...[
      'folder.make',
      'lock.take',
      'record.open',
      'record.set-aside',
      'store.open',
      'bridge.open',
      'bridge.open6',
    ],
    ...['tables.load', 'process.end', 'tap.remove', 'filter.remove', 'folder.remove', 'record.write'],
    ...[
      'record.remove',
      'run.watch',
      'mounts.open',
      'vmm.watch',
      'socket.clear',
      'socket.listen',
      'socket.chown',
    ],
  ],
  prepare: (host) => prepareBase(host),
  arrange: async (host, set) => {
    await restoreOne(host);
    set([{ at: 'agent.update', when: 'after', kill: true }]);
    await Promise.race([restoreOne(host, { names: ['half'] }).catch(() => undefined), host.ended()]);
    await host.ended();
    await host.client.close();
    writeFileSync(torn(host), '{"version":1');
  },
  act: (host) => host.start(),
  judge: (host) => survives(host),
  clear: (host) => {
    rmSync(`${torn(host)}.unusable`, { force: true });
    return Promise.resolve();
  },
};

const mends: Flow['act'] = async ({ client }, signal) => {
  const { findings } = await client.system.reconcile({}, { signal });
  const failed = findings.filter(({ outcome }) => outcome === 'failed');
  if (failed.length > 0) throw new TypeError(JSON.stringify(failed));
};

/** A daemon that runs mends what somebody has broken. */
export const reconcile: Flow = {
  name: 'reconcile',
  covers: ['tap.remove', 'tables.load', 'filter.add'],
  prepare: (host) => prepareBase(host),
  arrange: async (host) => {
    await restoreOne(host);
    await host.exec('nft', 'delete', 'table', 'bridge', 'thaw');
    await host.exec('ip', 'tuntap', 'add', 'stray0', 'mode', 'tap');
    await host.exec('ip', 'link', 'set', 'stray0', 'alias', 'thaw:vm-0000000000');
  },
  act: mends,
  judge: (host) => survives(host),
};

/** A record that somebody has removed is written again. */
export const rewrite: Flow = {
  name: 'reconcile: a lost record',
  // A daemon that dies now takes its knowledge of the VM with it.
  kinds: ['error', 'hang', 'full'],
  covers: ['record.write'],
  prepare: (host) => prepareBase(host),
  arrange: async (host) => {
    await restoreOne(host);
    const { vm } = await host.client.vm.get({ vm: 'clone' });
    rmSync(host.box.seen(join(host.runDir, 'records', `${vm.id}.json`)));
  },
  act: mends,
  judge: (host) => survives(host),
};
