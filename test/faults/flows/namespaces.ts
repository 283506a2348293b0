import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networks } from '../../e2e/netns.js';
import type { Host } from '../../support/host.js';
import type { Flow } from '../flow.js';
import { prepareBase, restoreOne, survives } from '../support.js';

const host = { config: { networks, netns: { pool: 0 } } };
const prepare = (on: Host) => prepareBase(on, { networks: ['default'] }, { keepNics: true });

export const netns: Flow = {
  name: 'netns',
  host,
  covers: ['netns.give', 'uplink.lay', 'inner.make', 'process.spawn', 'vmm.load'],
  prepare,
  act: (on, signal) => restoreOne(on, { strategy: 'netns' }, signal),
};

const attachOne = ({ client }: Host, signal?: AbortSignal) =>
  client.network.attach({ vm: 'clone', readyTimeout: 3_000 }, signal ? { signal } : {});

export const netnsAttach: Flow = {
  name: 'netns: attach',
  host,
  covers: ['uplink.lay', 'joint.make', 'vmm.attach', 'agent.update'],
  prepare,
  arrange: (on) => restoreOne(on, { strategy: 'netns' }),
  act: attachOne,
  judge: (on) => survives(on),
};

export const netnsStop: Flow = {
  name: 'netns: stop',
  host,
  covers: ['netns.drop', 'tap.remove', 'joint.unmake'],
  prepare,
  arrange: async (on) => {
    await restoreOne(on, { strategy: 'netns' });
    await attachOne(on);
  },
  act: ({ client }, signal) => client.vm.stop({ vm: 'clone' }, { signal }),
};

/** A network of CNI's, whose plugins keep their state in a folder. */
const dir = mkdtempSync(join(tmpdir(), 'thaw-cni-'));
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
const list = join(dir, 'engine.conflist');
const ipam = {
  type: 'host-local',
  dataDir: join(dir, 'ipam'),
  ranges: [[{ subnet: '10.77.0.0/24' }]],
  routes: [{ dst: '0.0.0.0/0' }],
};
const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, ipam };
writeFileSync(list, JSON.stringify({ cniVersion: '1.0.0', name: 'engine', plugins: [bridge] }));
const cniHost = {
  config: { netns: { pool: 0 }, cni: { path: ['/usr/lib/cni'], networks: { engine: { list } } } },
};
const throughCni = { nics: [{ network: 'engine' }] };

/** Addresses that the plugins have given, and what is kept of their results. */
async function given({ exec, runDir }: { exec: Host['exec']; runDir: string }): Promise<readonly string[]> {
  const script = `find ${dir}/ipam ${runDir}/cni -type f 2>/dev/null || true`;
  const found = (await exec('sh', '-c', script)).split('\n');
  return found.filter((path) => path !== '' && !/\/(?:lock|last_reserved_ip\.0)$/.test(path));
}
const left = (on: Host) => given({ exec: on.exec.bind(on), runDir: on.runDir });

export const cni: Flow = {
  name: 'cni',
  host: cniHost,
  covers: ['netns.give', 'cni.write', 'cni.call', 'joint.make', 'process.spawn', 'vmm.load'],
  prepare: (on) => prepareBase(on),
  act: (on, signal) => restoreOne(on, throughCni, signal),
  left,
};

export const cniStop: Flow = {
  name: 'cni: stop',
  host: cniHost,
  covers: ['cni.call', 'cni.remove', 'netns.drop'],
  prepare: (on) => prepareBase(on),
  arrange: (on) => restoreOne(on, throughCni),
  act: ({ client }, signal) => client.vm.stop({ vm: 'clone' }, { signal }),
  left,
};

export const cniStart: Flow = {
  name: 'cni: start',
  host: cniHost,
  covers: ['cni.open', 'socket.listen'],
  prepare: (on) => prepareBase(on),
  arrange: async (on) => {
    await restoreOne(on, throughCni);
    await on.kill();
    await on.client.close();
  },
  act: (on) => on.start(),
  left,
};
