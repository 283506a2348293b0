// What the changes that faults are put into have in common.
import { join } from 'node:path';
import { truncate, writeFile } from 'node:fs/promises';
import type { ParamsOf } from '../../client/index.js';
import { machine, only } from '../support/flow.js';
import type { Host } from '../support/host.js';

/** A snapshot `base`, whose source is gone again. */
export async function prepareBase(
  { client }: Host,
  boot: Partial<ParamsOf<'vm.boot'>> = {},
  create: Partial<ParamsOf<'snapshot.create'>> = {},
): Promise<void> {
  await client.vm.boot({ name: 'source', config: machine(), ...boot });
  await client.snapshot.create({ vm: 'source', name: 'base', ...create });
  await client.vm.stop({ vm: 'source' });
}

/** A drive in the store's folder. */
export async function prepareDrive({ box, storeDir }: Host): Promise<object> {
  const disk = join(storeDir, 'rootfs.img');
  await writeFile(box.seen(disk), '');
  await truncate(box.seen(disk), 1024 * 1024);
  return { drive_id: 'rootfs', path_on_host: disk, is_root_device: true };
}

/** Restores one clone of `base`; rejects where it is not ready. */
export async function restoreOne(
  { client }: Host,
  wish: Partial<ParamsOf<'snapshot.restore'>> = {},
  signal?: AbortSignal,
): Promise<void> {
  const all = { snapshot: 'base', names: ['clone'], readyTimeout: 3_000, ...wish };
  only((await client.snapshot.restore(all, signal ? { signal } : {})).clones);
}

/** A VM whose change went wrong lives on. */
export async function survives({ client }: Host, name = 'clone'): Promise<readonly string[]> {
  const { vms } = await client.vm.list();
  return vms.some((vm) => vm.name === name) ? [] : [`${name} is gone`];
}
