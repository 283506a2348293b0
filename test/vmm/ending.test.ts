import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { untilReadable } from '../../daemon/effects/readable.js';
import { PinnedProcess } from '../../daemon/effects/vmm-pidfd.js';
import { readStartTime } from '../../daemon/effects/vmm-proc.js';

/** A process that does nothing until it is ended. */
function sleeper(t: Test): { pinned: PinnedProcess; pid: number } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const { pid = 0 } = child;
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const pinned = PinnedProcess.open({ pid, startTime: readStartTime(pid) ?? '' });
  if (pinned === null) throw new Error('it does not live');
  return { pinned, pid };
}

t.test('many processes are waited for at once, and files can still be looked at', async (t) => {
  const all = Array.from({ length: 20 }, () => sleeper(t));
  const order: number[] = [];
  const ended = all.map(async ({ pinned }, n) => {
    t.equal(await pinned.ended(60_000), true);
    order.push(n);
    pinned.close();
  });
  // With a thread of the pool for each of them this would wait until one has ended.
  for (let n = 0; n < 10; n++) await stat('/');
  t.strictSame(order, []);
  for (const n of [7, 3]) {
    all[n]!.pinned.signal('SIGKILL');
    await ended[n];
  }
  t.strictSame(order, [7, 3], 'each is told of its own end');
  for (const { pinned } of all.filter((_one, n) => n !== 7 && n !== 3)) pinned.signal('SIGTERM');
  await Promise.all(ended);
  t.equal(order.length, 20);
});

t.test('who gave up waiting is not told, and neither is who got the same descriptor after', async (t) => {
  const first = sleeper(t);
  t.equal(await first.pinned.ended(30), false);
  first.pinned.close();
  const second = sleeper(t);
  const waiting = second.pinned.ended(300);
  process.kill(first.pid, 'SIGKILL');
  t.equal(await waiting, false, 'the end of the first is not that of the second');
  second.pinned.signal('SIGKILL');
  t.equal(await second.pinned.ended(60_000), true);
  second.pinned.close();
});

t.test('a wait that was given up does not keep the daemon from ending', async (t) => {
  const script = `
    import { untilReadable } from '${import.meta.resolve('../../daemon/effects/readable.js')}';
    await untilReadable(0, 20);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const ended = once(child, 'exit');
  t.strictSame(await ended, [0, null]);
});

t.test('what is readable at once is not waited for', async (t) => {
  const { pinned } = sleeper(t);
  pinned.signal('SIGKILL');
  t.equal(await pinned.ended(60_000), true);
  t.equal(await pinned.ended(60_000), true, 'and again');
  pinned.close();
  t.equal(await untilReadable(-1, 20), false);
});
