import t from 'tap';
import { Agent } from '../firecracker/lab.js';
import { eventually, failureOf, only, stopAll, type Vm } from '../support/flow.js';
import { linuxHost } from '../support/linux-guest.js';

const host = await linuxHost(t);
const restore = async (name: string): Promise<Vm> =>
  only((await host.client.snapshot.restore({ snapshot: 'base', names: [name] })).clones);
const gone = (name: string) =>
  eventually(`the end of ${name}`, async () =>
    (await host.client.vm.list()).vms.every((vm) => vm.name !== name) ? true : undefined,
  );
const endOf = async (vm: string): Promise<unknown> => {
  const { timelines } = await host.client.vm.timeline({ vm });
  return timelines.at(-1)?.method;
};
/** The QEMU of a VM, by its number in the box. */
const qemuOf = async (vm: Vm): Promise<number> => {
  const inmates = await host.box.inmates();
  return inmates.find(({ cwd, name }) => cwd === vm.dir && name.startsWith('qemu'))?.pid ?? 0;
};

t.test('a guest whose QEMU is killed is told as an ended VMM, and all that it held is free', async (t) => {
  const vm = await restore('mortal');
  const events = host.client.events();
  await events.next();
  await host.signal(await qemuOf(vm), 'SIGKILL');
  for await (const item of events) {
    if (item.kind !== 'event' || item.event.type !== 'vm.stopped') continue;
    t.match(item.event, { vm: vm.id, detail: { name: 'mortal', exit: { code: 1, signal: null } } });
    break;
  }
  await gone('mortal');
  t.equal(await endOf('mortal'), 'vm.ended');
  t.strictSame(await host.leftovers(), []);
});

t.test('a guest that panics ends its VMM, and nobody else’s', async (t) => {
  const vm = await restore('panics');
  const other = await restore('lives');
  await host.kill('SIGTERM');
  const agent = await Agent.connect(`${vm.dir}/v.sock`, 10_000);
  // Nobody is left to tell how that script ended.
  agent?.socket.write(
    `${JSON.stringify({ execute: 'guest-exec', arguments: { path: '/bin/sh', arg: ['-c', 'echo c > /proc/sysrq-trigger'] } })}\n`,
  );
  await new Promise((resolve) => agent?.socket.once('close', resolve));
  await host.start();
  await gone('panics');
  t.equal((await host.client.vm.get({ vm: other.name })).vm.word, 'ready');
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('a VMM that is killed takes its QEMU along', async (t) => {
  const vm = await restore('leash');
  const qemu = await qemuOf(vm);
  const vmm = vm.process.is === 'alive' ? (vm.process.pid ?? 0) : 0;
  await host.signal(vmm, 'SIGKILL');
  await gone('leash');
  await eventually('the end of QEMU', async () => {
    const inmates = await host.box.inmates();
    return inmates.some(({ pid }) => pid === qemu) ? undefined : true;
  });
  t.strictSame(await host.leftovers(), []);
});

t.test('a guest that dies in the middle of an update ends the update, not after its deadline', async (t) => {
  const vm = await restore('busy');
  await host.signal(await qemuOf(vm), 'SIGSTOP');
  const updating = failureOf(host.client.agent.update({ vm: 'busy', timeout: 600_000 }));
  await eventually('the update', async () =>
    (await host.client.vm.get({ vm: 'busy' })).vm.operation?.step === 'update' ? true : undefined,
  );
  await host.signal(await qemuOf(vm), 'SIGKILL');
  t.match(await updating, { reason: 'vmm-died' });
  await gone('busy');
  t.strictSame(await host.leftovers(), []);
});
