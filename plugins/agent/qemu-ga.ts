import { z } from 'zod';
import { definePlugin } from '../contract.js';
import { QemuGaSession } from './qemu-ga/session.js';

/** QEMU's guest agent, which every distribution packages: its JSON protocol, here over vsock. */
export default definePlugin({
  kind: 'agent',
  name: 'qemu-ga',
  contract: 1,
  config: z.strictObject({
    /** How long an update waits in the guest for each NIC to appear, in milliseconds. */
    nicWait: z.int().min(0).max(60_000).default(5_000),
    /** How long the guest's own programs in `/etc/thaw/restore.d` may take together, in milliseconds. */
    programs: z.int().min(1_000).max(50_000).default(10_000),
  }),
  start: (_host, options) =>
    Promise.resolve({
      name: 'qemu-ga',
      open: (vm, stream) => new QemuGaSession({ vm, stream, options }),
    }),
});
