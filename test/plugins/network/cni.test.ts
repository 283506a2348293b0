import t from 'tap';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CniAttachments } from '../../../plugins/network/cni/attachments.js';
import { CniList, stdinOf } from '../../../plugins/network/cni/list.js';
import { CniResult, guestPart, movedTo } from '../../../plugins/network/cni/result.js';
import { readList } from '../../../plugins/network/effects/cni.js';
import { cx } from './fixture.js';

const result = (more: object = {}) =>
  CniResult.parse({
    cniVersion: '1.1.0',
    interfaces: [
      { name: 'cni0', mac: '02:00:00:00:00:01' },
      { name: 'eth0', mac: '02:00:00:00:00:0A', sandbox: '/ns', mtu: 1400 },
    ],
    ips: [
      { address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 1 },
      { address: 'fd00::2/64', gateway: 'fd00::1', interface: 1 },
      { address: '10.9.0.9/24', interface: 0 },
    ],
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0', gw: 'fd00::fe' }],
    dns: { nameservers: ['10.1.0.53'] },
    ...more,
  });

t.test('what a guest gets of a result', (t) => {
  t.strictSame(guestPart(result(), 'eth0'), {
    mac: '02:00:00:00:00:0a',
    addresses: ['10.1.0.2/24', 'fd00::2/64'],
    gateway: '10.1.0.1',
    gateway6: 'fd00::fe',
    dns: ['10.1.0.53'],
    mtu: 1400,
  });
  t.match(guestPart(result({ routes: [] }), 'eth0'), { gateway: null, gateway6: null });
  t.match(guestPart(result(), 'cni0'), { why: /no interface cni0 in the namespace/ });
  t.match(guestPart(result({ ips: [] }), 'eth0'), { why: /no address/ });
  t.match(guestPart(result({ interfaces: [{ name: 'eth0', sandbox: '/ns' }], ips: [] }), 'eth0'), {
    why: /no MAC/,
  });
  t.end();
});

t.test('a result whose namespace has another path now', (t) => {
  const moved = movedTo(result(), { from: '/ns', to: '/proc/7/fd/8' });
  t.strictSame(
    moved.interfaces.map(({ sandbox }) => sandbox),
    [undefined, '/proc/7/fd/8'],
  );
  t.strictSame(movedTo(result(), { from: '/ns', to: '' }), result(), 'unless it is gone');
  t.end();
});

t.test('a plugin is told what it declares, and no more', (t) => {
  const list = { cniVersion: '1.0.0', name: 'n' } as const;
  const plugin = { type: 'x', own: [1], capabilities: { mac: true, ips: false } };
  const runtime = { mac: 'm', ips: ['i'] };
  t.strictSame(JSON.parse(stdinOf(list, plugin, { runtime })), {
    ...{ type: 'x', own: [1], cniVersion: '1.0.0', name: 'n' },
    runtimeConfig: { mac: 'm' },
  });
  t.strictSame(JSON.parse(stdinOf(list, { type: 'x' }, { runtime, prevResult: { a: 1 } })), {
    ...{ type: 'x', cniVersion: '1.0.0', name: 'n' },
    prevResult: { a: 1 },
  });
  t.end();
});

/** Plugins that write down how they were called. */
async function plugins(t: { teardown(fn: () => Promise<void>): void }) {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-cni-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const plugin = async (name: string, more = '') => {
    const said = JSON.stringify(result());
    const script = `#!/bin/sh\nread -r in\nprintf '%s %s %s\\n' "$CNI_COMMAND" ${name} "$in" >> ${dir}/calls\n${more}\n[ "$CNI_COMMAND" = ADD ] && echo '${said}'\nexit 0\n`;
    await writeFile(join(dir, name), script, { mode: 0o755 });
  };
  const calls = async () => {
    const text = await readFile(join(dir, 'calls'), 'utf8').catch(() => '');
    await rm(join(dir, 'calls'), { force: true });
    return text
      .trim()
      .split('\n')
      .map((line) => /^(\S+ \S+) (.*)$/.exec(line)?.slice(1) ?? []);
  };
  const cni = new CniAttachments({ dir, path: [join(dir, 'nowhere'), dir] });
  return { dir, plugin, calls, cni };
}

const list = CniList.parse({
  cniVersion: '1.1.0',
  name: 'net',
  plugins: [{ type: 'first' }, { type: 'second' }],
});
const of = { network: 'net', vm: 'vm-0000000001', link: 'eth0' };

t.test('ADD in order with the result so far, DEL in reverse, both as often as one likes', async (t) => {
  const { plugin, calls, cni } = await plugins(t);
  await plugin('first');
  await plugin('second');
  await cni.add(of, { list, netns: '/ns' }, cx);
  await cni.add(of, { list, netns: '/ns' }, cx);
  const added = await calls();
  t.strictSame(
    added.map(([what]) => what),
    ['ADD first', 'ADD second'],
  );
  t.notMatch(added[0]?.[1], 'prevResult');
  t.match(added[1]?.[1], '"prevResult":{"cniVersion":"1.1.0"');
  t.strictSame(await cni.check(of, '/ns', cx), []);
  t.strictSame(
    (await calls()).map(([what]) => what),
    ['CHECK first', 'CHECK second'],
  );
  await cni.gc(list, { network: 'net', valid: await cni.known(cx) }, cx);
  t.match((await calls())[0], [
    'GC first',
    '"cni.dev/valid-attachments":[{"containerID":"vm-0000000001","ifname":"eth0"}]',
  ]);
  await cni.gc(CniList.parse({ ...list, cniVersion: '1.0.0' }), { network: 'net', valid: [] }, cx);
  t.strictSame(await calls(), [[]], 'plugins of 1.0 know no GC');
  await cni.remove(of, '', cx);
  await cni.remove(of, '', cx);
  const removed = await calls();
  t.strictSame(
    removed.map(([what]) => what),
    ['DEL second', 'DEL first'],
  );
  t.match(removed[1]?.[1], 'prevResult');
  t.strictSame(await cni.known(cx), []);
});

t.test('a DEL that fails keeps no other from its own, and is done again', async (t) => {
  const { plugin, calls, cni } = await plugins(t);
  await plugin('first');
  await plugin('second', `[ "$CNI_COMMAND" = DEL ] && { echo 'not now' >&2; exit 7; }`);
  await cni.add(of, { list, netns: '/ns' }, cx);
  await calls();
  await t.rejects(cni.remove(of, '/ns', cx), { reason: 'cni-failed', message: /second .* DEL: not now/ });
  t.equal((await calls()).length, 2);
  t.strictSame(await cni.known(cx), [of]);
  await plugin('second');
  await cni.remove(of, '/ns', cx);
  t.strictSame(await cni.known(cx), []);
});

t.test('what can’t be used as a list is said, with its file', async (t) => {
  const { dir, plugin, cni } = await plugins(t);
  const file = join(dir, 'net.conflist');
  for (const [text, why] of [
    ['{', 'it is no'],
    ['{"cniVersion":"0.4.0","name":"n","plugins":[{"type":"x"}]}', 'cniVersion'],
    ['{"cniVersion":"1.0.0","name":"n","type":"bridge"}', 'plugins'],
    ['{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"../x"}]}', 'plugins.0.type'],
  ] as const) {
    await writeFile(file, text);
    await t.rejects(readList(file, cx), {
      reason: 'cni-list-invalid',
      message: new RegExp(`${file}.*${why}|expected object`, 's'),
    });
  }
  await t.rejects(readList(join(dir, 'none'), cx), { message: /ENOENT/ });
  await plugin('first', 'echo nonsense; exit 0');
  await plugin('second');
  await t.rejects(cni.add(of, { list, netns: '/ns' }, cx), { message: /first .*is no CNI result/ });
});
