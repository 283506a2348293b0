import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { atOnce, failureOf, machine, only, stopAll, whyNot, type Vm } from '../support/flow.js';
import { startHost } from '../support/host.js';

const host = await startHost(t, { env: atOnce });
const { client } = host;
const files = await mkdtemp(join(tmpdir(), 'thaw-parts-'));
t.teardown(() => rm(files, { recursive: true }));

/** Puts a program into a guest's restore.d, as `thaw upgrade` does. */
async function program(vm: string, name: string, lines: string): Promise<void> {
  const file = join(files, name);
  await writeFile(file, `#!/bin/sh\n${lines}\n`);
  const path = `/etc/thaw/restore.d/${name}`;
  const { bytes } = await client.agent.upgrade({ vm, file, path });
  t.equal(bytes, lines.length + 11);
}

const restore = async (name: string, more: object = {}): Promise<Vm> =>
  only((await client.snapshot.restore({ snapshot: 'base', names: [name], ...more })).clones);

await client.vm.boot({ name: 'source', config: machine() });
await t.test('files come into a guest, or why not is told', async (t) => {
  const file = join(files, 'new');
  await writeFile(file, 'text');
  const nowhere = client.agent.upgrade({ vm: 'source', file, path: '/etc/hostname/file' });
  t.match(await failureOf(nowhere), { reason: 'upgrade-failed' });
  const missing = client.agent.upgrade({ vm: 'source', file: `${file}-none`, path: '/etc/motd' });
  t.match(await failureOf(missing), { reason: 'file-missing' });
  const { sha256, agent } = await client.agent.upgrade({
    vm: 'source',
    file,
    path: '/etc/motd',
    mode: '644',
  });
  t.equal(sha256, '982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1');
  t.equal(agent.dialect, 'qemu-ga');
  t.match((await client.vm.get({ vm: 'source' })).vm.word, 'ready');
});

await t.test('a clone’s own programs know who it is; what is switched off is left alone', async (t) => {
  await program('source', '10-who', 'echo "$THAW_NAME $THAW_NETWORKS $THAW_USER_DATA" > /etc/who');
  await program('source', '20-fails', '[ "$THAW_NAME" != picky ] || { echo no licence; exit 7; }');
  await client.snapshot.create({ vm: 'source', name: 'base' });
  const parts = { hostname: false, 'ssh-host-keys': true };
  await restore('web', { userData: 'mine', parts });
  const { timelines } = await client.vm.timeline({ vm: 'web' });
  const told = timelines.at(-1)?.spans.find(({ name, kind }) => name === 'update' && kind === 'step')?.detail;
  t.match(told, {
    parts: { network: { is: 'done' }, 'machine-id': { is: 'done' }, scripts: { is: 'done' } },
    hostname: 'guest',
  });
  const first = await client.agent.update({ vm: 'web' });
  t.notOk('hostname' in first.update.parts, 'later updates keep to it');
  for (const part of ['network', 'machine-id', 'identity', 'scripts'])
    t.strictSame(first.update.parts[part], { is: 'unchanged' }, part);
  t.ok('ssh-host-keys' in first.update.parts);
  const second = await client.agent.update({ vm: 'web', parts: { hostname: true, 'ssh-host-keys': false } });
  t.strictSame(second.update.parts['hostname'], { is: 'done' });
  t.equal(second.update.hostname, 'web');
  t.notOk('ssh-host-keys' in second.update.parts);
});

await t.test('a program that fails: told, and the clone is ready, unless that part is needed', async (t) => {
  const vm = await restore('picky');
  t.equal(vm.word, 'ready');
  const { update } = await client.agent.update({ vm: 'picky' });
  t.strictSame(update.parts['scripts'], {
    is: 'failed',
    reason: '20-fails: exit status 7, it said: no licence (/run/thaw/restore.log)',
  });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
  const needing = await startHost(t, { env: atOnce, config: { guest: { needs: ['scripts'] } } });
  await needing.client.vm.boot({ name: 'source', config: machine() });
  const file = join(files, 'fails');
  await writeFile(file, '#!/bin/sh\nexit 7\n');
  await needing.client.agent.upgrade({ vm: 'source', file, path: '/etc/thaw/restore.d/fails' });
  await needing.client.snapshot.create({ vm: 'source', name: 'base' });
  const error = whyNot((await needing.client.snapshot.restore({ snapshot: 'base' })).clones);
  t.match(error, { data: { reason: 'update-failed', part: 'scripts' } });
  t.match(error.data.remedy, 'restore.d');
  const off = await needing.client.snapshot.restore({ snapshot: 'base', parts: { scripts: false } });
  t.equal(only(off.clones).word, 'ready', 'what is off is not needed');
  await stopAll(needing);
  t.strictSame(await needing.leftovers(), []);
});
