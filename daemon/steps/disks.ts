import { join } from 'node:path';
import { z } from 'zod';
import { VmId } from '../api/shapes/ids.js';
import { folderMake, linkMake } from '../effects/folders.js';
import { stepKind, type SnapshotStore, type Step } from '../../plugins/contract.js';

const schema = z.object({
  kind: z.literal('disks'),
  vm: VmId,
  dir: z.string(),
  disks: z.array(
    z.object({
      /** Name of the link in the VM's folder: what Firecracker is told. */
      link: z.string(),
      from: z.string(),
      /** Where the VM's own copy goes; null where it uses `from` itself. */
      copy: z.string().nullable(),
    }),
  ),
});
export type DisksStep = z.infer<typeof schema> & Step;

/** A VM's drives: each a link in its folder, to the file itself or to a copy of its own. */
export const disksKind = (store: SnapshotStore) =>
  stepKind<DisksStep>({
    kind: 'disks',
    schema,
    async run(step, cx) {
      for (const disk of step.disks) {
        if (disk.copy !== null) {
          await folderMake({ dir: join(disk.copy, '..'), mode: 0o700 }, cx);
          await store.copyDisk({ from: disk.from, to: disk.copy }, cx);
        }
        await linkMake({ path: join(step.dir, disk.link), target: disk.copy ?? disk.from }, cx);
      }
    },
    // The links go with the folder.
    undo: (step, cx) =>
      step.disks.some((disk) => disk.copy !== null) ? store.removeDisks(step.vm, cx) : Promise.resolve(),
    check: () => Promise.resolve([]),
  });
