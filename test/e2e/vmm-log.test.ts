import { appendFile, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { eventually, hostWithBase, only, pidOf, stopAll } from '../support/flow.js';

const bytes = 8192;
const { host } = await hostWithBase(t, { config: { vmmLog: { bytes } } });
const restore = async () => only((await host.client.snapshot.restore({ snapshot: 'base' })).clones);

/** Lines that can be told from each other, of about so many bytes. */
const lines = (from: number, size: number): string =>
  Array.from({ length: Math.ceil(size / 10) }, (_, index) => String(from + index).padStart(9, '0')).join(
    '\n',
  ) + '\n';

t.test(
  'a log is cut while the VMM has it open: the end is kept, and what is said next is there',
  async (t) => {
    const vm = await restore();
    const path = join(vm.dir, 'vmm.log');
    const text = lines(0, 5 * bytes);
    await appendFile(path, text);
    await eventually('the cut', async () => ((await stat(path)).size === 0 ? true : undefined));
    t.equal(await readFile(`${path}.1`, 'utf8'), text.slice(-bytes));
    // Through the VMM's own descriptor, where it stands: a hole of zeros would show that it does not append.
    await host.exec('sh', '-c', 'echo "it goes on" >> /proc/$1/fd/1', 'sh', String(pidOf(vm)));
    t.equal(await readFile(path, 'utf8'), 'it goes on\n');
    t.match(
      await host.exec('sh', '-c', 'cat /proc/$1/fdinfo/1', 'sh', String(pidOf(vm))),
      /flags:\s+0?\d*2001/,
      'O_APPEND',
    );
    await appendFile(path, lines(0, bytes - 200));
    await new Promise((resolve) => setTimeout(resolve, 2_200));
    t.ok((await stat(path)).size > bytes - 200, 'a small one is left alone');
    t.equal((await host.client.vm.get({ vm: vm.name })).vm.word, 'ready');
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('a log that somebody has put a link in place of is not followed', async (t) => {
  const vm = await restore();
  const other = join(host.box.runDir, 'other');
  await writeFile(other, lines(0, 3 * bytes));
  await host.exec('rm', join(vm.dir, 'vmm.log'));
  await symlink(other, join(vm.dir, 'vmm.log'));
  await new Promise((resolve) => setTimeout(resolve, 2_200));
  t.ok((await stat(other)).size >= 3 * bytes);
  t.notOk((await readdir(vm.dir)).includes('vmm.log.1'));
  await host.exec('rm', other);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
