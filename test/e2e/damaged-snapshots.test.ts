import { chmod, open, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { again, failureOf, hostWithBase, machine, only, outcomes, stopAll, whyNot } from '../support/flow.js';

const { host } = await hostWithBase(t);
const { snapshot } = await host.client.snapshot.get({ snapshot: 'base' });
const dir = join(host.storeDir, 'snapshots', snapshot.id);
const restore = async (count = 1) => (await host.client.snapshot.restore({ snapshot: 'base', count })).clones;

/** Damages a file of the snapshot while `fn` runs. */
async function damaged(
  file: string,
  damage: (path: string) => Promise<void>,
  fn: () => Promise<void>,
): Promise<void> {
  const path = join(dir, file);
  await host.exec('cp', '--archive', path, `${path}.whole`);
  await chmod(path, 0o600);
  await damage(path);
  try {
    await fn();
  } finally {
    await rm(path, { force: true });
    await rename(`${path}.whole`, path);
  }
}

async function flip(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0x10]), 0, 1, at);
}

const damages = [
  ['a truncated state', 'state', (path: string) => truncate(path, 100)],
  ['a state with one bit flipped', 'state', (path: string) => flip(path, 200)],
  ['a memory file that is short', 'mem', (path: string) => truncate(path, 4096)],
  ['a memory file with one bit flipped', 'mem', (path: string) => flip(path, 70_000)],
  ['a memory file that is missing', 'mem', (path: string) => rm(path)],
] as const;
for (const [what, file, damage] of damages) {
  t.test(`${what} is named, and no VMM is given it`, async (t) => {
    await damaged(file, damage, async () => {
      for (const error of (await restore(2)).map((clone) => whyNot([clone]))) {
        t.match(error, {
          code: 3003,
          data: { reason: 'snapshot-damaged', file, snapshot: snapshot.id, operation: /^op-/ },
        });
      }
      t.match(await failureOf(host.client.snapshot.verify({ snapshot: 'base' })), {
        reason: 'snapshot-damaged',
      });
    });
    t.strictSame(await host.leftovers(), []);
  });
}

t.test('a snapshot whose damage was mended is good again', async (t) => {
  t.strictSame(outcomes(await restore(2)), ['ready', 'ready']);
  t.match(await host.client.snapshot.verify({ snapshot: 'base' }), { intact: true });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a snapshot of another CPU or a newer Firecracker is refused before anything is made', async (t) => {
  const manifest = { ...snapshot, bytes: undefined, clones: undefined };
  const refused = async (change: object, problem: RegExp) => {
    await damaged(
      'manifest.json',
      (file) => writeFile(file, JSON.stringify({ ...manifest, ...change })),
      async () => {
        await again(host);
        const detail = { reason: 'incompatible', problems: [problem] };
        t.match(await failureOf(host.client.snapshot.restore({ snapshot: 'base' })), { code: 3007, detail });
      },
    );
  };
  await refused({ host: { ...manifest.host, cpuModel: 'Other CPU' } }, /Other CPU/);
  await refused({ vmm: { version: '9.9.9', snapshotFormat: '99.0.0' } }, /99\.0\.0/);
  t.strictSame(await host.leftovers(), []);
});

t.test('a snapshot without PCI is refused for hot-attach, and serves the strategy none', async (t) => {
  await again(host);
  await host.client.vm.boot({ name: 'old', config: machine(), pci: false });
  const { snapshot: taken, warnings } = await host.client.snapshot.create({ vm: 'old', name: 'without-pci' });
  t.match(taken, { pci: false, hotAttach: { is: 'no', reason: /PCI/ } });
  t.match(warnings, [/hot-attach/]);
  t.match(await failureOf(host.client.network.attach({ vm: 'old' })), { code: 3106, reason: 'no-pci' });
  t.match(await failureOf(host.client.snapshot.restore({ snapshot: 'without-pci' })), {
    code: 3106,
    reason: 'no-pci',
  });
  const { clones } = await host.client.snapshot.restore({ snapshot: 'without-pci', strategy: 'none' });
  t.match(only(clones), { word: 'ready', attachments: [] });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
