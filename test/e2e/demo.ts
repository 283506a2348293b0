// `npm run demo [-- --guest qemu]`: the main job, from a source without a NIC to three clones that answer. After the host is made, all of
// it is calls of the client library, as anybody would write them.
import { parseArgs } from 'node:util';
import { commonScale, waterfall } from '../../client/cli/waterfall.js';
import { connect, type ResultOf, type ThawClient } from '../../client/index.js';
import { Box } from '../support/box.js';
import { Host } from '../support/host.js';
import { testKernel } from '../support/kernel.js';
import { linux, onQemu } from '../support/linux-guest.js';
import { demoNeeds, ensureNeeds, guestNeeds } from '../support/needs.js';

/** `--guest qemu`: guests with a kernel of their own behind the stand-in. */
const qemu = ((): boolean => {
  const { guest } = parseArgs({ options: { guest: { type: 'string' } } }).values;
  if (guest === undefined || guest === 'namespaces') return false;
  if (guest === 'qemu' && !process.env['FIRECRACKER_BIN']) return true;
  process.stderr.write('--guest is qemu or namespaces, and for the stand-in: without FIRECRACKER_BIN\n');
  process.exit(2);
})();

const say = (text: string): void => void process.stdout.write(`${text}\n`);

type Clones = ResultOf<'snapshot.restore'>['clones'];

async function demo(thaw: ThawClient): Promise<boolean> {
  const { firecracker, version } = await thaw.system.info();
  say(`thawd ${version} with ${vmm(firecracker.version)}`);

  const started = performance.now();
  const took = (): string => `${Math.round(performance.now() - started)} ms`;
  const { vm: source } = await thaw.vm.boot({ name: 'source', config: machine() });
  say(`\n1. ${source.name} has booted without a NIC, its agent answers (${took()})`);

  const { snapshot } = await thaw.snapshot.create({ vm: 'source', name: 'base' });
  say(
    `2. ${snapshot.id} is taken: ${snapshot.nics.length} NICs inside, fit for hot-attach: ${snapshot.hotAttach.is}`,
  );

  const names = ['alpha', 'beta', 'gamma'];
  const before = performance.now();
  const { clones } = await thaw.snapshot.restore({ snapshot: 'base', names });
  say(
    `3. ${names.length} clones asked for at once, all answered after ${Math.round(performance.now() - before)} ms`,
  );
  for (const clone of clones) say(`   ${describe(clone)}`);

  const { pings, findings } = await thaw.network.check({ ping: true });
  say('4. Pinged from the host:');
  for (const { vm, address, milliseconds } of pings) {
    say(
      `   ${vm.padEnd(6)} ${address} ${milliseconds === null ? 'does NOT answer' : `${milliseconds.toFixed(2)} ms`}`,
    );
  }
  for (const { what, problem } of findings) say(`   ${what}: ${problem}`);

  say('5. Where the time went:');
  const timelines = (await Promise.all(names.map((vm) => thaw.vm.timeline({ vm })))).flatMap(
    (one) => one.timelines,
  );
  const options = { width: Math.min(process.stdout.columns || 100, 120), scale: commonScale(timelines) };
  for (const timeline of timelines) say(`\n${waterfall(timeline, options).join('\n')}`);

  for (const vm of ['source', ...names]) await thaw.vm.stop({ vm });
  await thaw.snapshot.delete({ snapshot: 'base' });
  const { vms } = await thaw.vm.list();
  say(`\n6. Stopped and deleted; VMs left: ${vms.length}`);

  const distinct = new Set(clones.map((clone) => (clone.ok ? identity(clone.vm) : ''))).size;
  return (
    clones.every((clone) => clone.ok && clone.vm.readiness.is === 'ready') &&
    distinct === names.length &&
    pings.length === names.length &&
    pings.every((ping) => ping.milliseconds !== null) &&
    findings.length === 0 &&
    vms.length === 0
  );
}

function vmm(version: string | null): string {
  const real = process.env['FIRECRACKER_BIN'];
  return real
    ? `Firecracker ${version ?? '?'} (${real})`
    : `the stand-in for Firecracker ${version ?? '?'}: there is no FIRECRACKER_BIN. Its guests are ${qemu ? 'Debian’s Linux under QEMU without KVM' : 'namespaces'}, its taps real`;
}

function machine() {
  if (qemu) return linux();
  const initrd = process.env['INITRD'];
  const kernel = process.env['KERNEL'] ?? testKernel();
  return {
    'boot-source': {
      kernel_image_path: kernel,
      ...(initrd ? { initrd_path: initrd } : {}),
      boot_args: 'console=ttyS0 reboot=k panic=1 quiet',
    },
  };
}

function describe(clone: Clones[number]): string {
  if (!clone.ok) return `${clone.name}: ${clone.error.message}\n   → ${clone.error.data.remedy}`;
  const [nic] = clone.vm.attachments;
  return `${clone.vm.name.padEnd(6)} ${clone.vm.word}  ${nic?.addresses.join(', ') ?? '-'}  ${nic?.mac ?? '-'}  tap ${nic?.tap ?? '-'}`;
}

function identity(vm: Extract<Clones[number], { ok: true }>['vm']): string {
  return vm.attachments.map((nic) => `${nic.mac} ${nic.tap} ${nic.addresses.join()}`).join();
}

async function main(): Promise<void> {
  ensureNeeds(qemu ? guestNeeds : demoNeeds);
  say('A host of its own is made: network, mount and process namespaces that end with this program.');
  const box = await Box.open();
  try {
    const host = await Host.on(box, { config: { slots: { size: 3 } }, env: qemu ? onQemu : {} });
    await using thaw = await connect({ socket: host.socketPath });
    if (await demo(thaw)) return;
    say('\nNot all of it came out as it should.');
    for (const line of host.log.slice(-20)) say(line);
    process.exitCode = 1;
  } finally {
    await box.close();
  }
}

await main();
