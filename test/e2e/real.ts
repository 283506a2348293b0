// `npm run e2e:real`: the whole job through the daemon on a real Firecracker with a real guest. FIRECRACKER_BIN, KERNEL
// and INITRD name them; PREPARED may name a folder with `initrd` and `root.img` of a prepared image, as
// test/support/guest-image/debian.ts makes them. JSON lines out, one per finding; exit status 1 where anything falls short.
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, ThawError, type ResultOf, type ThawClient } from '../../client/index.js';
import { Agent, type Outcome } from '../firecracker/lab.js';
import { Box } from '../support/box.js';
import { Host } from '../support/host.js';
import { ensureNeeds } from '../support/needs.js';
import { netnsJob } from './real-netns.js';
import { failures, part, report } from './real-report.js';

const dns = '10.209.0.1';

function given(name: string): string {
  const value = process.env[name];
  if (value) return value;
  process.stderr.write(`Set ${name}: e2e:real needs FIRECRACKER_BIN, KERNEL and INITRD\n`);
  process.exit(2);
}

type Clones = ResultOf<'snapshot.restore'>['clones'];
type Clone = Extract<Clones[number], { ok: true }>['vm'];

const machine = () => ({
  'boot-source': {
    kernel_image_path: given('KERNEL'),
    initrd_path: given('INITRD'),
    boot_args: 'console=ttyS0 reboot=k panic=1 quiet',
  },
});

async function job(thaw: ThawClient, host: Host): Promise<void> {
  const { firecracker } = await thaw.system.info();
  report('firecracker', firecracker.problem === null, firecracker);
  const config = machine();
  const source = await part('source', () => thaw.vm.boot({ name: 'source', config, readyTimeout: 120_000 }));
  if (!source) return;
  report('source', source.vm.readiness.is === 'ready', await steps(thaw, 'source'));
  await lacksNothing(thaw, 'source');

  await program(thaw, host);

  const taken = await part('snapshot', () => thaw.snapshot.create({ vm: 'source', name: 'base' }));
  if (!taken) return;
  const { nics, hotAttach, bytes } = taken.snapshot;
  report('snapshot', nics.length === 0 && hotAttach.is === 'yes', { nics: nics.length, hotAttach, bytes });
  const again = await part('source after its snapshot', () =>
    thaw.agent.ping({ vm: 'source', timeout: 30_000 }),
  );
  if (again) report('source after its snapshot', true, again);

  const names = ['alpha', 'beta', 'gamma'];
  const restored = await part('restore', () =>
    thaw.snapshot.restore({
      ...{ snapshot: 'base', names, readyTimeout: 120_000 },
      ...{ userData: 'for $(all) of you', parts: { clock: false, 'ssh-host-keys': true } },
    }),
  );
  if (!restored) return;
  for (const clone of restored.clones) {
    const name = clone.ok ? clone.vm.name : clone.name;
    report(`restore ${name}`, clone.ok && clone.vm.readiness.is === 'ready', {
      ...(clone.ok ? { attachments: clone.vm.attachments } : { error: clone.error }),
      ...(await steps(thaw, name)),
    });
  }
  const alive = restored.clones.flatMap((clone) => (clone.ok ? [clone.vm] : []));
  distinct(alive);
  await pingGuests(thaw, host, alive);
  for (const vm of alive) await unchanged(thaw, vm);
  await pingHost(thaw, host, alive);
  await more(thaw, names);
  await ends(thaw, ['source', ...alive.map((vm) => vm.name)]);
}

/** What a guest lacks: a port below 1024 is no problem but a warning. */
async function lacksNothing(thaw: ThawClient, vm: string): Promise<void> {
  const seen = await part(`guest check ${vm}`, () => thaw.agent.check({ vm, timeout: 60_000 }));
  const findings = seen?.diagnoses.filter(({ level }) => level !== 'ok') ?? [];
  report(`guest check ${vm}`, seen !== null && findings.every(({ level }) => level === 'warning'), {
    findings,
  });
}

/** A root file system that \`thaw guest prepare\` has prepared: its agent below 1024, and a clone of it. */
async function prepared(thaw: ThawClient, host: Host, folder: string): Promise<void> {
  const root = join(host.storeDir, 'root.img');
  await copyFile(join(folder, 'root.img'), root);
  const boot_args = 'console=ttyS0 reboot=k panic=1 quiet';
  const config = {
    'boot-source': { kernel_image_path: given('KERNEL'), initrd_path: join(folder, 'initrd'), boot_args },
    'machine-config': { vcpu_count: 1, mem_size_mib: 256 },
    drives: [{ drive_id: 'root', path_on_host: root, is_root_device: true, is_read_only: false }],
  };
  const order = { name: 'prepared', config, agent: { port: 999 }, readyTimeout: 300_000 };
  if (!(await part('prepared image', () => thaw.vm.boot(order)))) return;
  await lacksNothing(thaw, 'prepared');
  await part('its snapshot', () => thaw.snapshot.create({ vm: 'prepared', name: 'prepared' }));
  const wish = { snapshot: 'prepared', names: ['of-prepared'], readyTimeout: 300_000 };
  const restored = await part('its clone', () => thaw.snapshot.restore(wish));
  for (const clone of restored?.clones ?? []) {
    const outcome = clone.ok ? await steps(thaw, 'of-prepared') : { error: clone.error };
    report('its clone', clone.ok && clone.vm.readiness.is === 'ready', outcome);
  }
  for (const vm of ['prepared', 'of-prepared']) await part(`stop ${vm}`, () => thaw.vm.stop({ vm }));
  await part('delete', () => thaw.snapshot.delete({ snapshot: 'prepared' }));
  await rm(root);
}

/** What each step of a VM's last operation took, in milliseconds, and what the guest answered. */
async function steps(thaw: ThawClient, vm: string): Promise<object> {
  const { timelines } = await thaw.vm.timeline({ vm });
  const spans = timelines.at(-1)?.spans.filter((span) => span.kind === 'step') ?? [];
  const milliseconds = Object.fromEntries(
    spans.map((span) => [span.name, Math.round((span.end ?? span.start) - span.start)]),
  );
  return { steps: milliseconds, update: spans.find((span) => span.name === 'update')?.detail ?? null };
}

function distinct(vms: readonly Clone[]): void {
  for (const what of ['tap', 'mac', 'addresses'] as const) {
    const values = vms.map((vm) => String(vm.attachments[0]?.[what]));
    report(`distinct ${what}`, new Set(values).size === vms.length, { values });
  }
}

/** From the host to the guests, as the daemon pings, and as this host knows them on its bridge. */
async function pingGuests(thaw: ThawClient, host: Host, vms: readonly Clone[]): Promise<void> {
  const { pings: answered, findings } = await thaw.network.check({ ping: true });
  const addresses = vms.flatMap((vm) => vm.attachments.flatMap((nic) => nic.addresses));
  const ok = answered.length === addresses.length && answered.every((one) => one.milliseconds !== null);
  report('ping host to guests', ok, { pings: answered });
  report('network.check', findings.length === 0, { findings });
  for (const vm of vms) {
    const [nic] = vm.attachments;
    const address = nic?.addresses[0]?.split('/')[0] ?? '';
    const neighbours = (await host.exec('ip', 'neigh', 'show', 'to', address)).trim();
    report(`on the bridge: ${vm.name}`, neighbours.includes(nic?.mac ?? '-'), { neighbours });
  }
}

/**
 * From the guests to the host. An agent serves one client at a time, so the daemon is ended for it: VMs live on, and
 * the next daemon takes them up.
 */
async function pingHost(thaw: ThawClient, host: Host, vms: readonly Clone[]): Promise<void> {
  await host.kill('SIGTERM');
  for (const vm of vms) {
    const gateway = vm.attachments[0]?.gateway ?? '';
    const said = await part(`ping ${vm.name} to host`, () => inGuest(vm, `ping -c 1 -W 5 ${gateway}`));
    report(`ping ${vm.name} to host`, said?.code === 0, { said });
    await whoIs(vm);
  }
  await host.start();
  const { vms: adopted } = await thaw.vm.list();
  const alive = vms.map((vm) => adopted.find((one) => one.id === vm.id)?.word ?? 'lost');
  report(
    'taken up by the next daemon',
    alive.every((word) => word === 'ready'),
    { alive },
  );
}

/** A program in the source's restore.d: clones tell by it who they believe to be. */
async function program(thaw: ThawClient, host: Host): Promise<void> {
  const file = join(host.runDir, '10-who');
  await writeFile(
    file,
    '#!/bin/sh\necho "$THAW_NAME $THAW_GENERATION $THAW_ADDRESSES $THAW_USER_DATA" > /run/who\n',
  );
  const path = '/etc/thaw/restore.d/10-who';
  const put = await part('upgrade', () => thaw.agent.upgrade({ vm: 'source', file, path }));
  if (put) report('upgrade', true, put);
  await rm(file);
}

/** A second update finds everything as it is. */
async function unchanged(thaw: ThawClient, vm: Clone): Promise<void> {
  const told = await part(`update ${vm.name}`, () => thaw.agent.update({ vm: vm.name, timeout: 60_000 }));
  if (!told) return;
  const { randomness: _each, 'ssh-host-keys': _none, ...parts } = told.update.parts;
  const ok = Object.values(parts).every(({ is }) => is === 'unchanged') && !('clock' in parts);
  report(`update ${vm.name}: unchanged`, ok, told.update);
}

/** What a clone's own files say. */
async function whoIs(vm: Clone): Promise<void> {
  const look = 'cat /run/who /etc/resolv.conf /sys/class/net/eth0/mtu /etc/hostname /run/thaw/identity.json';
  const said = await part(`who is ${vm.name}`, () => inGuest(vm, look));
  const addresses = vm.attachments[0]?.addresses.join(' ') ?? '-';
  const [who, resolver, mtu, name, identity] = said?.out.split('\n') ?? [];
  const ok =
    who === `${vm.name} 1 ${addresses} for $(all) of you` &&
    resolver === `nameserver ${dns}` &&
    mtu === String(vm.attachments[0]?.mtu) &&
    name === vm.name &&
    identity?.includes(`"vm":"${vm.id}"`) === true;
  report(`who is ${vm.name}`, ok, { said });
}

/** What a script did in a guest; null where its agent is not to be had. */
async function inGuest(vm: Clone, script: string): Promise<Outcome | null> {
  const agent = await Agent.connect(`${vm.dir}/v.sock`, 30_000);
  if (!agent) return null;
  try {
    return await agent.sh(script);
  } finally {
    await agent.close();
  }
}

/** A second NIC, its loss, and the refusal of a third. */
async function more(thaw: ThawClient, [first = '']: readonly string[]): Promise<void> {
  const second = await part('attach a second NIC', () =>
    thaw.network.attach({ vm: first, readyTimeout: 60_000 }),
  );
  if (!second) return;
  report('attach a second NIC', second.attachment.state.is === 'confirmed', second.attachment);
  const gone = await part('detach it', () =>
    thaw.network.detach({ vm: first, attachment: second.attachment.id }),
  );
  if (gone) report('detach it', true, gone);
  const third = await thaw.network.attach({ vm: first }).then(
    () => 'attached',
    (error: unknown) => (error instanceof ThawError ? error.reason : String(error)),
  );
  report('a third is refused', third === 'nic-after-unplug', { answer: third });
}

async function ends(thaw: ThawClient, vms: readonly string[]): Promise<void> {
  for (const vm of vms) await part(`stop ${vm}`, () => thaw.vm.stop({ vm }));
  await part('delete', () => thaw.snapshot.delete({ snapshot: 'base' }));
  const left = await thaw.vm.list();
  report('stopped', left.vms.length === 0, { vms: left.vms.map((vm) => vm.name) });
}

async function main(): Promise<void> {
  given('FIRECRACKER_BIN');
  ensureNeeds(['ip', 'nft', 'ping', 'mount', 'nsenter', 'setpriv', 'unshare', 'tar']);
  const box = await Box.open();
  try {
    const network = {
      bridge: 'thaw0',
      subnet: '10.209.0.0/16',
      mtu: 1400,
      dns: [dns],
    };
    const host = await Host.on(box, { config: { networks: { default: network } } });
    {
      await using thaw = await connect({ socket: host.socketPath });
      await job(thaw, host);
      const image = process.env['PREPARED'];
      if (image) await prepared(thaw, host, image);
    }
    const left = await host.leftovers();
    report('nothing is left', left.length === 0, { left });
    if (failures() > 0) for (const line of host.log.slice(-30)) process.stderr.write(`${line}\n`);
  } finally {
    await box.close();
  }
  await part('netns', () => netnsJob(machine()));
  process.exitCode = failures() > 0 ? 1 : 0;
}

await main();
