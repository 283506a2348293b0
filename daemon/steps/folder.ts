import { z } from 'zod';
import { folderMake, folderNames, folderRemove } from '../effects/folders.js';
import { stepKind, type Step } from '../../plugins/contract.js';

const schema = z.object({ kind: z.literal('folder'), vm: z.string(), dir: z.string() });
export type FolderStep = z.infer<typeof schema> & Step;

/** The VM's folder in the run directory: sockets, log, links to its disks. */
export const folderKind = stepKind<FolderStep>({
  kind: 'folder',
  schema,
  run: (step, cx) => folderMake({ dir: step.dir, mode: 0o700 }, cx),
  undo: (step, cx) => folderRemove(step.dir, cx),
  check: async (step, cx) => {
    const names = await folderNames(step.dir, cx);
    if (names.length > 0) return [];
    return [
      {
        what: step.dir,
        problem: 'the VM’s folder is gone or empty',
        remedy: 'Stop the VM: its sockets can’t be reached any more',
      },
    ];
  },
});
