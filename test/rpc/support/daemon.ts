// A process that serves the fake table: node daemon.js DIRECTORY, or --handed for the socket at descriptor 3.
import { join } from 'node:path';
import { lockTake } from '../../../daemon/effects/lock.js';
import { listen, listenHanded } from '../../../daemon/rpc/listen.js';
import { serve } from '../../../daemon/rpc/server.js';
import { cx } from './context.js';
import { fakeHandlers } from './handlers.js';
import { memoryLog } from './log.js';

const [where = ''] = process.argv.slice(2);
const listener =
  where === '--handed'
    ? await listenHanded(3, cx)
    : await listen(
        { path: join(where, 'thawd.sock'), lock: await lockTake(join(where, 'thawd.lock'), cx) },
        cx,
      );
const server = serve({ listener, handlers: fakeHandlers(), accessOf: () => 'change', log: memoryLog() });
process.on('SIGTERM', () => {
  void server.close(1_000).then(() => process.exit(0));
});
process.stdout.write('ready\n');
