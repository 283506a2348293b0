import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answering } from '../support/answering.js';
import type { Host } from '../support/host.js';
import { median, rounded } from './stats.js';

/** Changes a second, and for how long. */
const perSecond = 100;
const seconds = 10;

/**
 * The run directory with so many folders of others, a hundred of which change each second: a folder loses what
 * is in it, or moves. Every tenth change is a new folder with a socket that answers as a Firecracker: how soon its event
 * comes is what is told.
 */
export async function benchFolders(host: Host, count: number) {
  await host.kill('SIGTERM');
  for (let n = 0; n < count; n += 1) mkdirSync(join(host.runDir, `other-${n}`, 'sock'), { recursive: true });
  const began = performance.now();
  await host.start();
  await host.client.vm.list();
  const start = performance.now() - began;
  const startUsed = processorMs(host);
  const sockets: (() => void)[] = [];
  const seen: number[] = [];
  const appeared = new Map<string, number>();
  const stop = new AbortController();
  const events = (async () => {
    for await (const item of host.client.events({ signal: stop.signal })) {
      const vm = item.kind === 'event' && 'vm' in item.event ? (item.event.vm ?? '') : '';
      const at = appeared.get(vm);
      if (at === undefined) continue;
      appeared.delete(vm);
      seen.push(performance.now() - at);
    }
  })().catch(() => undefined);
  const from = performance.now();
  let changes = 0;
  for (; performance.now() - from < seconds * 1000; changes += 1) {
    const dir = join(host.runDir, `other-${changes % count}`);
    if (changes % 10 === 9) {
      const name = `new-${changes}`;
      sockets.push(await answering(join(host.runDir, name, 'fc.sock')));
      appeared.set(name, performance.now());
    } else if (changes % 2 === 0) rmSync(join(dir, 'sock'), { recursive: true, force: true });
    else renameSync(dir, `${dir}x`);
    const due = from + ((changes + 1) * 1000) / perSecond;
    await sleep(Math.max(0, due - performance.now()));
  }
  const used = processorMs(host) - startUsed;
  const took = performance.now() - from;
  await sleep(1_000);
  stop.abort();
  await events;
  for (const close of sockets) close();
  return {
    folders: count,
    startToFirstAnswerSeconds: rounded(start / 1000, 2),
    startProcessorSeconds: rounded(startUsed / 1000, 2),
    changesPerSecond: rounded(changes / (took / 1000), 0),
    seenMs: { median: rounded(median(seen), 1), worst: rounded(Math.max(...seen), 1), missed: appeared.size },
    processorPercent: rounded((100 * used) / took, 1),
    residentMB: rounded(
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${host.pid}/status`, 'utf8'))?.[1]) / 1000,
      1,
    ),
  };
}

/** What the daemon has used of the processor, in milliseconds. */
function processorMs({ pid }: Host): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user = '0', system = '0'] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}
