import { z } from 'zod';

const Decimal = z.string().regex(/^\d{1,20}$/);

/** Which file it is, whatever stands at its path: device and inode (stat(2)), as decimal text. Holds until a reboot. */
export const Inode = z.object({ dev: Decimal, ino: Decimal });
export type Inode = z.infer<typeof Inode>;

/** What an ordinary file was, in a way that outlives reboots: length, and when it was last written, in nanoseconds. */
export const Content = z.object({ bytes: z.int(), mtimeNs: Decimal });
export type Content = z.infer<typeof Content>;
