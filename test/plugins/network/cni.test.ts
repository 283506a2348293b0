import fc from 'fast-check';
import t from 'tap';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CniAttachments } from '../../../plugins/network/cni/attachments.js';
import { CniList, stdinOf } from '../../../plugins/network/cni/list.js';
import { CniOrder } from '../../../plugins/network/cni/order.js';
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
  const cni = new CniAttachments({ dir, path: [join(dir, 'nowhere'), dir], deadline: 10_000 });
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
    ['STATUS first', 'STATUS second', 'ADD first', 'ADD second'],
  );
  t.notMatch(added[2]?.[1], 'prevResult');
  t.match(added[3]?.[1], '"prevResult":{"cniVersion":"1.1.0"');
  t.strictSame(await cni.check(of, '/ns', cx), []);
  t.strictSame(
    (await calls()).map(([what]) => what),
    ['CHECK first', 'CHECK second'],
  );
  await cni.gc(list, { network: 'net', alive: new Set([of.vm]) }, cx);
  t.match((await calls())[0], [
    'GC first',
    '"cni.dev/valid-attachments":[{"containerID":"vm-0000000001","ifname":"eth0"}]',
  ]);
  await cni.gc(list, { network: 'net', alive: new Set() }, cx);
  t.match(
    (await calls())[1],
    ['GC second', '"cni.dev/valid-attachments":[]'],
    'what is a stray’s is not valid',
  );
  for (const without of [{ cniVersion: '1.0.0' }, { disableGC: true }])
    await cni.gc(CniList.parse({ ...list, ...without }), { network: 'net', alive: new Set() }, cx);
  t.strictSame(await calls(), [[]], 'plugins of 1.0 know no GC, and a list may forbid it');
  const unasked = CniList.parse({ ...list, disableCheck: true });
  const other = { ...of, vm: 'vm-0000000002' };
  await cni.add(other, { list: unasked, netns: '/ns' }, cx);
  await calls();
  t.strictSame(await cni.check(other, '/ns', cx), []);
  t.strictSame(await calls(), [[]], 'or CHECK');
  await cni.remove(other, '', cx);
  await calls();
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

t.test('plugins that say they can’t serve, or are not there, are not asked for more', async (t) => {
  const { dir, plugin, calls, cni } = await plugins(t);
  await plugin('first');
  const says = (code: number) =>
    `[ "$CNI_COMMAND" = STATUS ] && { echo '{"cniVersion":"1.1.0","code":${code},"msg":"no controller"}'; exit 1; }`;
  const added = (more: object = {}) =>
    cni.add(of, { list: CniList.parse({ ...list, ...more }), netns: '/ns' }, cx);
  await t.rejects(added(), {
    reason: 'cni-plugin-missing',
    message: `There is no CNI plugin second in ${join(dir, 'nowhere')}:${dir}`,
  });
  t.strictSame(await calls(), [[]], 'not even those before it');
  await plugin('second', says(50));
  await t.rejects(added(), {
    reason: 'cni-unavailable',
    message: /in net now: no controller$/,
  });
  await plugin('second', says(51));
  await t.rejects(added(), { message: /NICs which are there may be cut off: no controller/ });
  await plugin('second', says(4));
  await t.rejects(added(), { reason: 'cni-failed', message: /second .* STATUS: no controller/ });
  t.notMatch(JSON.stringify(await calls()), 'ADD');
  t.strictSame(await cni.known(cx), [], 'there is nothing to take back');
  await added({ cniVersion: '1.0.0' });
  t.strictSame(
    (await calls()).map(([what]) => what),
    ['ADD first', 'ADD second'],
    'plugins of 1.0 know no STATUS',
  );
});

t.test('a plugin that hangs, with all that it has started, is ended', async (t) => {
  const { dir, plugin } = await plugins(t);
  const cni = new CniAttachments({ dir, path: [dir], deadline: 150 });
  const one = CniList.parse({ ...list, cniVersion: '1.0.0', plugins: [{ type: 'first' }] });
  // The last has left the group, and holds the output open.
  for (const hang of ['sleep 1000', "trap '' TERM; sleep 1000 & sleep 1000", 'setsid sleep 3 & wait']) {
    await plugin('first', hang);
    await t.rejects(cni.add(of, { list: one, netns: '/ns' }, cx), {
      reason: 'cni-failed',
      message: /first .* ADD: it did not answer within 0\.15 s and was ended/,
    });
  }
  await plugin('first');
  await cni.remove(of, '', cx);
  await plugin('first', 'sleep 1000');
  const aborted = AbortSignal.timeout(50);
  await t.rejects(cni.add(of, { list: one, netns: '/ns' }, { ...cx, signal: aborted }), {
    name: 'TimeoutError',
  });
  t.equal(await processesOf('sleep 1000'), 0);
});

/** How many processes of this one have such a command line. */
async function processesOf(command: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const [line, environment] = await Promise.all(
        ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')),
      );
      return environment?.includes('CNI_CONTAINERID=vm-0000000001') ? line : '';
    }),
  );
  return lines.filter((line) => line === `${command.replaceAll(' ', '\0')}\0`).length;
}

t.test('whatever a plugin writes', async (t) => {
  const { plugin, cni } = await plugins(t);
  await plugin('second');
  const said = async (script: string) => {
    await plugin('first', `[ "$CNI_COMMAND" = ADD ] && { ${script}; }`);
    const failure = await cni.add(of, { list, netns: '/ns' }, cx).then(
      () => 'none',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    await cni.remove(of, '', cx);
    return failure;
  };
  t.match(await said('echo nonsense; exit 0'), /first .* ADD: what it wrote is no CNI result$/);
  t.match(await said('exit 0'), /no CNI result$/);
  t.match(await said("echo '[1]'; exit 0"), /no CNI result$/);
  t.match(await said('echo nonsense; exit 3'), /first .* ADD: nonsense$/);
  t.match(await said('kill -9 $$'), /first .* ADD: .*SIGKILL/);
  t.match(
    await said('head -c 1000000000 /dev/zero; exit 0'),
    /it wrote more than 1048576 bytes and was ended$/,
  );
  t.match(await said('yes >&2'), /it wrote more than 1048576 bytes/);
});

t.test('one operation at a time for a container, and a GC beside none', async (t) => {
  const keys = fc.array(fc.constantFrom('a', 'b', null), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(keys, fc.nat(11), async (asked, leaving) => {
      const order = new CniOrder();
      const running: (string | null)[] = [];
      const done: string[] = [];
      await Promise.all(
        asked.map(async (key, n) => {
          // One of them gives up before its turn, unless that is at once.
          const signal = n === leaving ? AbortSignal.abort(new Error('left')) : new AbortController().signal;
          await order
            .take(key, signal, async () => {
              if (running.includes(key) || running.includes(null) || (key === null && running.length > 0))
                throw new Error(`${String(key)} beside ${running.join()}`);
              running.push(key);
              await new Promise(setImmediate);
              running.splice(running.indexOf(key), 1);
              done.push(`${String(key)}${n}`);
            })
            .catch((error: unknown) => {
              if (!(error instanceof Error) || error.message !== 'left') throw error;
            });
        }),
      );
      const expected = asked.flatMap((key, n) => (n === leaving ? [] : [`${String(key)}${n}`]));
      return done.length === expected.length && ['a', 'null'].every((key) => isInOrder(done, expected, key));
    }),
  );
  const order = new CniOrder();
  let open: () => void = () => undefined;
  const first = order.take('a', cx.signal, () => new Promise<void>((resolve) => (open = resolve)));
  const leaver = new AbortController();
  const gc = order.take(null, leaver.signal, () => Promise.resolve());
  const behind = order.take('b', cx.signal, () => Promise.resolve('b'));
  leaver.abort(new Error('enough'));
  await t.rejects(gc, { message: 'enough' });
  t.equal(await behind, 'b', 'who waited for one that left goes on');
  open();
  await first;
});

/** Whether those of one key came in the order of asking. */
function isInOrder(done: readonly string[], expected: readonly string[], key: string): boolean {
  const own = (list: readonly string[]) => list.filter((one) => one.startsWith(key)).join();
  return own(done) === own(expected);
}

t.test('what can’t be used as a list is said, with its file', async (t) => {
  const { dir } = await plugins(t);
  const file = join(dir, 'net.conflist');
  for (const [text, why] of [
    ['{', 'it is no'],
    ['{"cniVersion":"0.4.0","name":"n","plugins":[{"type":"x"}]}', 'cniVersion'],
    ['{"cniVersion":"0.4.0","cniVersions":["0.3.1"],"name":"n","plugins":[{"type":"x"}]}', 'cniVersion'],
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
  await writeFile(
    file,
    '{"cniVersion":"0.4.0","cniVersions":["1.0.0","1.1.0"],"name":"n","plugins":[{"type":"x"}]}',
  );
  t.equal((await readList(file, cx)).cniVersion, '1.1.0', 'of several versions the newest');
});
