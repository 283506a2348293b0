// Takes a snapshot and deletes it, and dies before its effect with the number given: `crash.program.js DIR NUMBER`.
import { context, openStore, snapshotId, takeSnapshot } from './support.js';

const [, , dir = '', last = ''] = process.argv;
const id = snapshotId(1);
let count = 0;
const watch = context({
  probe: {
    edge: (_name, at) => {
      if (at === 'before' && ++count === Number(last)) process.kill(process.pid, 'SIGKILL');
    },
  },
});
const store = await openStore(dir, { watch });
await takeSnapshot(store, id, watch);
await store.delete(id, watch);
