import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Inode } from '../api/shapes/file.js';
import { nothing, stepKind, type Step } from '../../plugins/contract.js';
import type { Agents } from '../agent/agents.js';
import { upgrade as upgradeGuest } from '../agent/upgrade.js';
import { fileBytes } from '../effects/files.js';

const upgrade = z.object({
  kind: z.literal('upgrade'),
  vm: z.string(),
  id: z.string(),
  /** On the host. */
  file: z.string(),
  /** Which file that must be, where it was judged. */
  inode: Inode.optional(),
  /** In the guest. */
  path: z.string(),
  mode: z.string(),
  restart: z.string().nullable(),
  seconds: z.int(),
});
export type UpgradeStep = z.infer<typeof upgrade> & Step;

/** What an upgrade has put into the guest. */
export const Upgraded = z.object({ sha256: z.string(), bytes: z.int(), version: z.string().nullable() });

/** Puts a file into the guest. What goes wrong on the way the guest undoes by itself, also where nobody asks it to. */
export const upgradeKind = (agents: Agents) =>
  stepKind<UpgradeStep>({
    kind: 'upgrade',
    schema: upgrade,
    async run({ kind: _kind, file, inode, ...wish }, cx): Promise<z.infer<typeof Upgraded>> {
      const content = await fileBytes({ path: file, inode }, cx);
      const sha256 = createHash('sha256').update(content).digest('hex');
      const channel = agents.of(wish.vm);
      await upgradeGuest(channel, { ...wish, content, sha256 }, cx);
      const { version } = await channel.hello(cx);
      return { sha256, bytes: content.length, version };
    },
    ...nothing,
  });
