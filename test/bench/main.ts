// `npm run bench [rpc|hook|restore|guest|attachments|batch|memory …]`: prints one JSON object; what it is doing goes to
// standard error. Everything that is compared is measured in turns in one run, so that whatever else the machine does
// hits both sides.
import { cpus } from 'node:os';
import { Box } from '../support/box.js';
import { Host, type HostOptions } from '../support/host.js';
import { onQemu } from '../support/linux-guest.js';
import { ensureNeeds, guestNeeds } from '../support/needs.js';
import { benchAttachments } from './attachments.js';
import { benchBatch } from './batch.js';
import { benchFolders } from './folders.js';
import { benchGuest } from './guest.js';
import { benchHook } from './hook.js';
import { benchMemory } from './memory.js';
import { benchReconcile } from './reconcile.js';
import { benchRestore } from './restore.js';
import { benchRpc } from './rpc.js';

const slots = 16;

async function onHost<T>(options: HostOptions, bench: (host: Host) => Promise<T>): Promise<T> {
  const box = await Box.open();
  try {
    const host = await Host.on(box, options);
    const result = await bench(host);
    await host.client.close();
    return result;
  } finally {
    await box.close();
  }
}

/** Nothing looks unless it is asked to. */
const quietly: HostOptions = {
  config: { health: { intervalSeconds: 0, agentIntervalSeconds: 0 }, reconcile: { intervalSeconds: 0 } },
};

const parts = {
  rpc: () => benchRpc(),
  hook: () => Promise.resolve(benchHook(40)),
  restore: () => onHost({ config: { slots: { size: slots } } }, (host) => benchRestore(host, slots)),
  guest: () => {
    ensureNeeds(guestNeeds);
    return onHost({ ...quietly, config: { ...quietly.config, slots: { size: 1 } }, env: onQemu }, benchGuest);
  },
  attachments: () => benchAttachments(),
  batch: () => benchBatch(),
  memory: () =>
    onHost({ config: { slots: { size: 2 } }, env: { FIRECRACKER_STANDIN_TIMING: '0' } }, (host) =>
      benchMemory(host, 1_000),
    ),
  reconcile: () => onHost(quietly, (host) => benchReconcile(host, 1_000)),
  folders: () => onHost(quietly, (host) => benchFolders(host, 10_000)),
} as const;

ensureNeeds(['ip', 'nft', 'mount', 'nsenter', 'unshare']);
const wanted = process.argv.slice(2);
const began = performance.now();
const results: Record<string, unknown> = {};
for (const [name, bench] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${name} `);
  results[name] = await bench();
}
const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', node: process.version };
const firecracker = process.env['FIRECRACKER_BIN'] ?? 'stand-in';
const seconds = Math.round((performance.now() - began) / 1000);
process.stdout.write(`${JSON.stringify({ machine, firecracker, seconds, ...results }, null, 2)}\n`);
