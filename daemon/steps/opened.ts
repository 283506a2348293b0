import { z } from 'zod';
import { fileReplaced } from '../api/errors/host.js';
import { Inode } from '../api/shapes/file.js';
import type { FoundFile } from '../effects/files.js';
import { sameInode } from '../effects/inode.js';
import { openFiles } from '../effects/vmm-proc.js';
import { nothing, stepKind, type Step } from '../../plugins/contract.js';
import type { Fleet } from '../vmm/fleet.js';

const opened = z.object({
  kind: z.literal('opened'),
  vm: z.string(),
  files: z.array(Inode.extend({ path: z.string() })),
});
type OpenedStep = z.infer<typeof opened> & Step;

/** The step for files as they were found. */
export const openedStep = (vm: string, files: readonly FoundFile[]): OpenedStep => ({
  kind: 'opened',
  vm,
  files: files.map(({ path, inode }) => ({ path, ...inode })),
});

/**
 * Proves, while the guest does not run yet, that the VMM has open the very files that were judged: it opens paths, and
 * whoever owns a folder on the way can put another file there between the two.
 */
export const openedKind = (fleet: Fleet) =>
  stepKind<OpenedStep>({
    kind: 'opened',
    schema: opened,
    async run({ vm, files }, cx) {
      // One that has just ended has nothing open; its end is told as what it is.
      const pid = fleet.identity(vm)?.pid;
      const open = pid === undefined ? [] : await openFiles(pid, cx);
      for (const file of files) {
        if (open.some((one) => sameInode(one, file))) continue;
        throw fileReplaced({ path: file.path, why: 'another one was put in its place while it was opened' });
      }
    },
    ...nothing,
  });
