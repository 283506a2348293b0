import { z } from 'zod';
import { AbsolutePath } from '../../daemon/api/shapes/ids.js';
import { definePlugin } from '../contract.js';
import { openStore } from './effects/files.js';
import { Layout } from './layout.js';
import { LocalStore } from './store.js';

/** Snapshots and disks in a folder of this host. */
export default definePlugin({
  kind: 'storage',
  name: 'local',
  contract: 1,
  config: z.strictObject({
    /** Where to keep them, instead of the daemon's `storeDir`. */
    dir: AbsolutePath.optional(),
  }),
  async start(host, config) {
    const layout = new Layout(config.dir ?? host.storeDir);
    await openStore(layout, host.cx);
    return new LocalStore(layout, (message, data) => host.log('warn', message, data));
  },
});
