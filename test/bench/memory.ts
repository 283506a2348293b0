import { readFileSync } from 'node:fs';
import type { Host } from '../support/host.js';
import { makeBase } from './restore.js';
import { median, rounded } from './stats.js';

/** Restores under way at once. */
const lanes = 4;
/** Resident memory goes up and down with every garbage collection: what counts is the median of so many cycles. */
const window = 100;

/** Restores and stops `total` clones; resident memory half way and at the end, in megabytes. */
export async function benchMemory(host: Host, total: number) {
  await makeBase(host);
  const first = resident(host);
  const after: number[] = [];
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < total) {
      begun += 1;
      const { clones } = await host.client.snapshot.restore({ snapshot: 'base', readyTimeout: 300_000 });
      for (const clone of clones) {
        if (!clone.ok) throw new Error(clone.error.message);
        await host.client.vm.stop({ vm: clone.vm.id });
      }
      after.push(resident(host));
      if (after.length % 50 === 0) process.stderr.write('.');
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: lanes }, lane));
  process.stderr.write('\n');
  const at = (count: number): number => rounded(median(after.slice(count - window, count)) / 1e6, 1);
  const [half, end] = [at(total / 2), at(total)];
  const { residentBytes } = await host.client.system.health();
  return {
    restores: total,
    seconds: rounded((performance.now() - began) / 1000, 1),
    residentMB: {
      beforeTheFirst: rounded(first / 1e6, 1),
      halfWay: half,
      atTheEnd: end,
      growth: rounded(end - half, 1),
      most: rounded(Math.max(...after) / 1e6, 1),
      systemHealth: rounded(residentBytes / 1e6, 1),
    },
  };
}

function resident({ pid }: Host): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
