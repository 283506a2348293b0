import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SnapshotId, VmId } from '../../../daemon/api/shapes/ids.js';
import { type FileFact, Manifest } from '../../../daemon/api/shapes/snapshot.js';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import type { Context, Probe, SnapshotStore } from '../../../plugins/contract.js';
import local from '../../../plugins/storage/local.js';

interface Teardown {
  teardown(callback: () => Promise<void>): void;
}

/** A context that nobody cancels and nobody watches, unless given. */
export function context(over: { signal?: AbortSignal; probe?: Partial<Probe> } = {}): Context {
  const { signal = new AbortController().signal, probe } = over;
  return { signal, probe: { effect: () => undefined, ...probe } };
}

export const cx = context();

export const snapshotId = (n: number): SnapshotId => SnapshotId.parse(`snap-${String(n).padStart(10, '0')}`);
export const vmId = (n: number): VmId => VmId.parse(`vm-${String(n).padStart(10, '0')}`);

/** A fresh folder that goes with the test; in memory, because the store syncs often and disks take their time. */
export async function folder(t: Teardown): Promise<string> {
  const dir = await mkdtemp('/dev/shm/thaw-store-');
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export interface Warning {
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>> | undefined;
}

/** Starts the plugin on a folder, as the daemon does. */
export async function openStore(
  dir: string,
  { warnings = [], watch = cx }: { warnings?: Warning[]; watch?: Context } = {},
): Promise<SnapshotStore> {
  const host = {
    cx: watch,
    storeDir: dir,
    runDir: dir,
    log: (level: string, message: string, data?: Readonly<Record<string, unknown>>) => {
      if (level === 'warn') warnings.push({ message, data });
    },
  };
  return local.start(host, {});
}

export function manifestFor(id: SnapshotId, files: readonly FileFact[]): Manifest {
  return Manifest.parse({
    version: 1,
    id,
    name: 'base',
    createdAt: 1,
    source: { vm: 'vm-0000000000', name: 'source', origin: 'booted' },
    parent: null,
    vmm: { version: '1.16.1', snapshotFormat: '8.0.0' },
    host: { cpuModel: 'a cpu', arch: 'x86_64', kernel: '6.1' },
    machine: { vcpus: 1, memoryMib: 128 },
    pci: true,
    everUnplugged: false,
    hotAttach: { is: 'yes', reason: 'booted here' },
    nics: [],
    drives: [],
    vsock: { cid: 3, path: 'v.sock' },
    agent: { dialect: 'qemu-ga', port: 1024 },
    generation: 0,
    files: [...files],
    labels: {},
  } satisfies Manifest | Record<string, unknown>);
}

/** Takes a whole snapshot of made-up files. */
export async function takeSnapshot(store: SnapshotStore, id: SnapshotId, watch = cx): Promise<Manifest> {
  const draft = await store.begin(id, watch);
  await writeFile(join(draft.dir, 'state'), 'the state of the devices');
  await writeFile(join(draft.dir, 'mem'), Buffer.alloc(300_000, 'memory'));
  await writeFile(join(draft.dir, 'disks/rootfs'), Buffer.alloc(10_000, 'disk'));
  const manifest = manifestFor(id, await store.seal(draft, watch));
  await store.publish(draft, manifest, watch);
  return manifest;
}

/** The error that `work` ends with, as clients see it. */
export async function failureOf(work: Promise<unknown>): Promise<{ reason: string; message: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ThawError) return { reason: error.reason, message: error.message };
    throw error;
  }
  return { reason: 'none', message: 'it succeeded' };
}
