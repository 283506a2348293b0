import { join } from 'node:path';
import { z } from 'zod';
import { nicPresent } from '../api/errors/snapshot.js';
import { Inode } from '../api/shapes/file.js';
import { SnapshotId, VmId } from '../api/shapes/ids.js';
import { Manifest } from '../api/shapes/snapshot.js';
import { folderMake } from '../effects/folders.js';
import { nothing, stepKind, type Context, type SnapshotStore, type Step } from '../../plugins/contract.js';
import type { Fleet } from '../vmm/fleet.js';

const guard = z.object({ kind: z.literal('guard'), vm: VmId });
export type GuardStep = z.infer<typeof guard> & Step;

/** Proves by the VMM's own answer that a snapshot taken now holds no NIC. */
export const guardKind = (fleet: Fleet) =>
  stepKind<GuardStep>({
    kind: 'guard',
    schema: guard,
    async run(step, cx) {
      const nics = (await fleet.api(step.vm).config(cx))['network-interfaces'];
      if (nics.length > 0) throw nicPresent({ vm: step.vm, nics: nics.map((nic) => nic.iface_id) });
    },
    ...nothing,
  });

const draft = z.object({ kind: z.literal('draft'), vm: VmId, snapshot: SnapshotId });
export type DraftStep = z.infer<typeof draft> & Step;

/** The folder in which a snapshot grows, unseen until it is whole. */
export const draftKind = (store: SnapshotStore) =>
  stepKind<DraftStep>({
    kind: 'draft',
    schema: draft,
    run: async (step, cx) => {
      await store.begin(step.snapshot, cx);
    },
    undo: (step, cx) => store.discard(step.snapshot, cx),
    check: () => Promise.resolve([]),
  });

const capture = z.object({
  kind: z.literal('capture'),
  vm: VmId,
  dir: z.string(),
  disks: z.array(z.object({ from: z.string(), file: z.string(), inode: Inode.optional() })),
});
export type CaptureStep = z.infer<typeof capture> & Step;

/** Copies the writable disks while the source is paused: memory and disks are of the same instant. */
export const captureKind = (store: SnapshotStore) =>
  stepKind<CaptureStep>({
    kind: 'capture',
    schema: capture,
    async run(step, cx) {
      if (step.disks.length > 0) await folderMake({ dir: join(step.dir, 'disks'), mode: 0o700 }, cx);
      for (const { file, ...disk } of step.disks) {
        await store.copyDisk({ ...disk, to: join(step.dir, 'disks', file) }, cx);
      }
    },
    ...nothing,
  });

const create = z.object({ kind: z.literal('create'), vm: VmId, dir: z.string() });
export type CreateStep = z.infer<typeof create> & Step;

/** Has Firecracker write state and memory. */
export const createKind = (fleet: Fleet) =>
  stepKind<CreateStep>({
    kind: 'create',
    schema: create,
    run: (step, cx) =>
      fleet.api(step.vm).createSnapshot({ state: join(step.dir, 'state'), mem: join(step.dir, 'mem') }, cx),
    ...nothing,
  });

const unsealed = Manifest.omit({ files: true });
export type Unsealed = z.infer<typeof unsealed>;

const verify = z.object({ kind: z.literal('verify'), vm: VmId, dir: z.string(), manifest: unsealed });
export type VerifyStep = z.infer<typeof verify> & Step;

/**
 * Proves that a NIC attached to a clone lives.
 * @param prove restores a throw-away clone of the draft, attaches a NIC, waits for the guest's answer, and ends it
 */
export const verifyKind = (prove: (step: VerifyStep, cx: Context) => Promise<void>) =>
  stepKind<VerifyStep>({
    kind: 'verify',
    schema: verify,
    run: (step, cx) => prove(step, cx),
    ...nothing,
  });

const publish = z.object({
  kind: z.literal('publish'),
  vm: VmId,
  dir: z.string(),
  manifest: unsealed,
});
export type PublishStep = z.infer<typeof publish> & Step;

/** Hashes, syncs and renames: after this the snapshot exists. */
export const publishKind = (store: SnapshotStore) =>
  stepKind<PublishStep>({
    kind: 'publish',
    schema: publish,
    async run(step, cx) {
      const made = { id: step.manifest.id, dir: step.dir };
      const files = [...(await store.seal(made, cx))];
      await store.publish(made, { ...step.manifest, files }, cx);
      return files;
    },
    undo: (step, cx) => store.delete(step.manifest.id, cx),
    check: () => Promise.resolve([]),
  });
