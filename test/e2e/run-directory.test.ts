// The run directory is anybody's to change: replaced, mounted over, emptied and filled again while the daemon watches it.
// Nothing but the watch's hints can be what shows it here: nobody looks at an interval.
import { mkdir, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import { answering } from '../support/answering.js';
import { atOnce, eventually } from '../support/flow.js';
import { startHost } from '../support/host.js';

const host = await startHost(t, {
  env: atOnce,
  config: {
    health: { intervalSeconds: 0, agentIntervalSeconds: 0 },
    reconcile: { intervalSeconds: 0 },
  },
});
const at = (path: string): string => join(host.runDir, path);
const names = async () => (await host.client.vm.list()).vms.map((vm) => vm.name).sort();
const listed = (...wanted: readonly string[]) =>
  eventually(`the VMs ${wanted.join(', ') || '(none)'}`, async () =>
    (await names()).join() === [...wanted].sort().join() ? true : undefined,
  );
const elsewhere = await mkdtemp(join(dirname(host.runDir), 'else-'));

t.test('a folder that is removed and made again at once is watched anew', async () => {
  const first = await answering(at('again/sock/fc.sock'));
  await listed('again');
  await host.exec('sh', '-c', `rm -rf ${at('again')} && mkdir ${at('again')}`);
  await listed();
  first();
  const second = await answering(at('again/sock/fc.sock'));
  await listed('again');
  await rm(at('again/sock'), { recursive: true });
  await listed();
  second();
  await rm(at('again'), { recursive: true });
});

t.test('a socket that is unlinked, and one bound in its place, are told apart', async (t) => {
  const first = await answering(at('one/fc.sock'));
  await listed('one');
  await rm(at('one/fc.sock'));
  await listed();
  const second = await answering(at('one/fc.sock'));
  await listed('one');
  first();
  t.strictSame(await names(), ['one'], 'the end of the one before is not its end');
  second();
  await listed();
  await rm(at('one'), { recursive: true });
});

t.test('a folder that is renamed is another VM', async () => {
  const end = await answering(at('vms/before/api.sock'));
  await listed('before');
  await rename(at('vms/before'), at('vms/after'));
  await listed('after');
  end();
  await listed();
  await rm(at('vms/after'), { recursive: true });
});

t.test('files of a terabyte and thousands of files beside a socket hold nothing up', async () => {
  await mkdir(at('huge'));
  await writeFile(at('huge/fc.sock'), '');
  await truncate(at('huge/fc.sock'), 2 ** 40);
  await host.exec('sh', '-c', `cd ${at('huge')} && seq 5000 | xargs touch`);
  const end = await answering(at('huge/api.sock'));
  await listed('huge');
  end();
  await listed();
  await rm(at('huge'), { recursive: true });
});

t.test('the folder of VMs is removed and made again', async () => {
  await rm(at('vms'), { recursive: true });
  await mkdir(at('vms'), { mode: 0o700 });
  const end = await answering(at('vms/new/fc.sock'));
  await listed('new');
  await rm(at('vms/new'), { recursive: true });
  await listed();
  end();
});

t.test('another run directory in the place of this one is watched, and this one again', async () => {
  const here = await answering(at('here/fc.sock'));
  await listed('here');
  await rename(host.runDir, join(elsewhere, 'run'));
  await listed();
  const other = await answering(at('vms/other/fc.sock'));
  await listed('other');
  const later = await answering(at('later/fc.sock'));
  await listed('later', 'other');
  await rm(host.runDir, { recursive: true });
  await listed();
  await rename(join(elsewhere, 'run'), host.runDir);
  await listed('here');
  for (const end of [here, other, later]) end();
  await listed();
  await rm(at('here'), { recursive: true });
});

t.test('what is mounted over a VM’s folder is seen, and what it hid once it is gone', async () => {
  const hidden = await answering(at('hidden/fc.sock'));
  await listed('hidden');
  await mkdir(join(elsewhere, 'empty'));
  await host.exec('mount', '--bind', join(elsewhere, 'empty'), at('hidden'));
  await listed();
  const inside = await answering(join(elsewhere, 'empty', 'fc.sock'));
  await listed('hidden');
  inside();
  await listed();
  await host.exec('umount', at('hidden'));
  await listed('hidden');
  hidden();
  await listed();
  await rm(at('hidden'), { recursive: true });
});

t.test('what is mounted over the run directory is watched', async () => {
  const under = await answering(at('under/fc.sock'));
  await listed('under');
  await mkdir(join(elsewhere, 'over'));
  await host.exec('mount', '--bind', join(elsewhere, 'over'), host.runDir);
  await listed();
  const over = await answering(join(elsewhere, 'over', 'vms', 'over', 'fc.sock'));
  await listed('over');
  await host.exec('umount', host.runDir);
  await listed('under');
  under();
  over();
  await listed();
  await rm(at('under'), { recursive: true });
});

t.test('nothing is left of all that', async (t) => {
  await rm(elsewhere, { recursive: true });
  t.strictSame(await host.leftovers(), []);
});
