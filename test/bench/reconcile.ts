import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Host } from '../support/host.js';
import { makeBase } from './restore.js';
import { median, rounded } from './stats.js';

const program = fileURLToPath(new URL('crowd.program.js', import.meta.url));

interface Member {
  readonly id: string;
  readonly tap: string;
  readonly mac: string;
  readonly address: string;
}

function memberOf(n: number): Member {
  const suffix = `b${n.toString(36).padStart(9, '0')}`;
  const octets = [2, 0, 0, 1, n >> 8, n & 0xff].map((byte) => byte.toString(16).padStart(2, '0'));
  const host = 0x1000 + n;
  return {
    id: `vm-${suffix}`,
    tap: `th${suffix}0`,
    mac: octets.join(':'),
    address: `10.209.${host >> 8}.${host & 0xff}/16`,
  };
}

/**
 * What a look at `count` healthy VMs takes. Processes of stand-ins would need 30 MB each: these VMs are the record of a
 * real one made over, a tap each, a process each that sleeps, and a socket each that one program answers.
 */
export async function benchReconcile(host: Host, count: number) {
  await makeBase(host);
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base' });
  const [clone] = clones;
  if (clone?.ok !== true) throw new Error('no clone');
  const { vm } = clone;
  const records = join(host.runDir, 'records');
  const template = readFileSync(join(records, `${vm.id}.json`), 'utf8');
  await host.client.vm.stop({ vm: vm.id });
  await host.kill('SIGTERM');

  const members = Array.from({ length: count }, (_, n) => memberOf(n));
  await makeTaps(host, members);
  const pids = await sleepers(host, count);
  const nic = vm.attachments[0];
  for (const [n, member] of members.entries()) {
    mkdirSync(join(host.runDir, 'vms', member.id), { recursive: true, mode: 0o700 });
    const text = template
      .replaceAll(vm.id, member.id)
      .replaceAll(vm.name, `crowd-${n}`)
      .replaceAll(nic?.tap ?? '-', member.tap)
      .replaceAll(nic?.mac ?? '-', member.mac)
      .replaceAll(nic?.addresses[0] ?? '-', member.address);
    // As one of before there were checksums.
    const record = { ...(JSON.parse(text) as object), version: 1, process: pids[n] };
    writeFileSync(join(records, `${member.id}.json`), JSON.stringify(record), { mode: 0o600 });
  }
  const crowd = await answering(host, members);
  const began = performance.now();
  await host.start();
  const start = performance.now() - began;
  const runs = [];
  for (let run = 0; run < 5; run += 1) runs.push(await host.client.system.reconcile({}));
  const { vms } = await host.client.vm.list();
  crowd.kill();
  return {
    vms: vms.length,
    answering: vms.filter(({ word }) => word === 'ready').length,
    startSeconds: rounded(start / 1000, 2),
    milliseconds: rounded(median(runs.map(({ milliseconds }) => milliseconds)), 1),
    first: rounded(runs[0]?.milliseconds ?? NaN, 1),
    findings: runs.reduce((sum, { findings }) => sum + findings.length, 0),
    effects: runs.reduce((sum, { effects }) => sum + effects.length, 0),
  };
}

async function makeTaps(host: Host, members: readonly Member[]): Promise<void> {
  const lines = members.flatMap(({ id, tap }) => [
    `tuntap add ${tap} mode tap vnet_hdr`,
    `link set ${tap} alias thaw:${id} group 1952997751 master thaw0 mtu 1500 up`,
    `link set ${tap} type bridge_slave isolated on`,
  ]);
  const file = join(host.runDir, 'taps');
  writeFileSync(file, lines.join('\n'));
  await host.exec('ip', '-batch', file);
}

/** So many processes that do nothing, as records name them. */
async function sleepers(host: Host, count: number) {
  const script = `n=0; while [ $n -lt ${count} ]; do setsid sleep 100000 > /dev/null 2>&1 & echo $!; n=$((n+1)); done`;
  const pids = (await host.exec('sh', '-c', script)).trim().split('\n').map(Number);
  return pids.map((pid) => {
    const stat = readFileSync(`/proc/${host.box.pid}/root/proc/${pid}/stat`, 'utf8');
    return { pid, startTime: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
  });
}

async function answering(host: Host, members: readonly Member[]) {
  const crowd = spawn(process.execPath, [program, join(host.runDir, 'vms')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let ready = 0;
  const all = new Promise<void>((resolve) => {
    createInterface(crowd.stdout).on('line', () => {
      ready += 1;
      if (ready === members.length) resolve();
    });
  });
  crowd.stdin.write(members.map(({ id, tap }) => `${id} ${tap}\n`).join(''));
  await Promise.race([all, once(crowd, 'exit')]);
  return crowd;
}
