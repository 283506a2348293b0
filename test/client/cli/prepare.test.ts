import { lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { planPreparation, type Preparation } from '../../../client/cli/guest/plan.js';
import { Tree, type Made } from '../../../client/cli/guest/tree.js';

/** A tree of these files; a value of `-> X` is a link, null a folder. */
function tree(t: Test, files: Readonly<Record<string, string | null>>): string {
  const root = t.testdir({ root: {}, outside: { 'secret.conf': 'mine' } });
  for (const [path, content] of Object.entries(files)) {
    const at = join(root, 'root', path);
    mkdirSync(join(at, '..'), { recursive: true });
    if (content === null) mkdirSync(at);
    else if (content.startsWith('-> '))
      symlinkSync(content.slice(3).replace('OUTSIDE', join(root, 'outside')), at);
    else writeFileSync(at, content);
  }
  return join(root, 'root');
}

function prepare(root: string, dry = false): { made: Record<string, Made>; plan: Preparation } {
  const one = new Tree(root);
  const plan = planPreparation(one, { port: 999, arch: 'x64' });
  return {
    made: Object.fromEntries(plan.wanted.map((wanted) => [wanted.path, one.make(wanted, dry)])),
    plan,
  };
}

const debian = {
  'usr/lib/systemd/systemd': '',
  lib: '-> usr/lib',
  'usr/sbin/qemu-ga': '',
  'etc/hostname': 'image\n',
};
const alpine = {
  'sbin/openrc-run': '',
  'usr/bin/qemu-ga': '',
  'etc/inittab': '::sysinit:/sbin/openrc sysinit\n',
};

t.test('systemd: a service that is on; a second time there is nothing to do', (t) => {
  const root = tree(t, debian);
  const first = prepare(root);
  for (const [path, is] of Object.entries(first.made)) t.equal(is, 'made', path);
  t.equal(
    readlinkSync(join(root, 'etc/systemd/system/multi-user.target.wants/thaw-agent.service')),
    '/etc/systemd/system/thaw-agent.service',
  );
  t.match(
    readFileSync(join(root, 'usr/lib/thaw/agent'), 'utf8'),
    'exec /usr/sbin/qemu-ga -m vsock-listen -p 4294967295:999',
  );
  t.match(readFileSync(join(root, 'etc/modprobe.d/thaw.conf'), 'utf8'), 'install vsock_loopback /bin/false');
  t.equal(readFileSync(join(root, 'usr/lib/thaw/reseed')).toString('latin1', 1, 4), 'ELF');
  t.equal(lstatSync(join(root, 'usr/lib/thaw/agent')).mode & 0o777, 0o755);
  t.ok(lstatSync(join(root, 'etc/thaw/restore.d')).isDirectory());
  for (const [path, is] of Object.entries(prepare(root).made)) t.equal(is, 'unchanged', path);
  writeFileSync(join(root, 'usr/lib/thaw/agent'), 'older');
  t.equal(prepare(root).made['/usr/lib/thaw/agent'], 'changed');
  t.end();
});

t.test('OpenRC, inittabs and inits of one’s own', (t) => {
  const openrc = tree(t, alpine);
  prepare(openrc);
  t.equal(readlinkSync(join(openrc, 'etc/runlevels/default/thaw-agent')), '/etc/init.d/thaw-agent');
  t.match(readFileSync(join(openrc, 'usr/lib/thaw/agent'), 'utf8'), 'exec /usr/bin/qemu-ga');
  t.equal(readFileSync(join(openrc, 'etc/inittab'), 'utf8'), alpine['etc/inittab']);

  const busybox = tree(t, { 'etc/inittab': '::sysinit:/etc/rc' });
  const first = prepare(busybox);
  t.match(first.plan.notes.join('\n'), 'install the package qemu-guest-agent');
  const table = '::sysinit:/etc/rc\n::respawn:/usr/lib/thaw/agent\n';
  t.equal(readFileSync(join(busybox, 'etc/inittab'), 'utf8'), table);
  t.equal(prepare(busybox).made['/etc/inittab'], 'unchanged');
  const sysv = tree(t, { 'etc/inittab': 'id:2:initdefault:\n' });
  prepare(sysv);
  t.match(readFileSync(join(sysv, 'etc/inittab'), 'utf8'), '\nthaw:2345:respawn:/usr/lib/thaw/agent\n');

  t.match(prepare(tree(t, {})).plan.notes.join('\n'), 'have your init run /usr/lib/thaw/agent');
  t.end();
});

t.test('links never lead out of the tree', (t) => {
  const root = tree(t, {
    ...debian,
    'usr/lib/thaw': '-> OUTSIDE',
    'etc/modprobe.d': '-> ../../../../../../../..OUTSIDE',
    'etc/thaw/qemu-ga.conf': '-> OUTSIDE/secret.conf',
  });
  const outside = join(root, '../outside');
  prepare(root);
  t.equal(readFileSync(join(outside, 'secret.conf'), 'utf8'), 'mine');
  t.throws(() => lstatSync(join(outside, 'agent')), { code: 'ENOENT' });
  t.notOk(
    lstatSync(join(root, 'etc/thaw/qemu-ga.conf')).isSymbolicLink(),
    'a link where a file goes is replaced',
  );

  const circle = tree(t, { etc: '-> /etc' });
  t.throws(() => prepare(circle), /lead in a circle/);
  t.throws(() => new Tree('/'), /own root/);
  t.throws(() => new Tree(join(root, 'nothing')), /no folder/);
  t.end();
});

t.test('a dry run tells the same and does nothing', (t) => {
  const root = tree(t, debian);
  const dry = prepare(root, true).made;
  t.throws(() => lstatSync(join(root, 'etc/thaw')), { code: 'ENOENT' });
  t.throws(() => lstatSync(join(root, 'usr/lib/thaw')), { code: 'ENOENT' });
  t.strictSame(prepare(root).made, dry);
  t.end();
});

t.test('the processor is that of the tree’s programs', (t) => {
  const elf = (machine: number): string => {
    const head = Buffer.alloc(64);
    head.write('\x7fELF');
    head.writeUInt16LE(machine, 18);
    return head.toString('latin1');
  };
  const machineOf = (root: string, arch: string | null = null): number | undefined => {
    const { wanted } = planPreparation(new Tree(root), { port: 999, arch });
    const reseed = wanted.find(({ path }) => path.endsWith('/reseed'));
    return reseed?.is === 'file' ? Buffer.from(reseed.content as Buffer).readUInt16LE(18) : undefined;
  };
  t.equal(machineOf(tree(t, { 'usr/bin/sh': elf(62), bin: '-> usr/bin' })), 62);
  const arm = tree(t, { 'bin/busybox': '' });
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF', 'latin1');
  bytes.writeUInt16LE(183, 18);
  writeFileSync(join(arm, 'bin/busybox'), bytes);
  t.equal(machineOf(arm), 183);
  t.equal(machineOf(arm, 'x64'), 62, 'unless somebody says otherwise');
  bytes.writeUInt16LE(243, 18);
  writeFileSync(join(arm, 'bin/busybox'), bytes);
  t.throws(() => machineOf(arm), /processor 243/);
  t.end();
});
