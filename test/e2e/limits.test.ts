import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import {
  atOnce,
  eventually,
  failureOf,
  hostWithBase,
  machine,
  only,
  pidOf,
  takeBase,
} from '../support/flow.js';
import { Box } from '../support/box.js';
import { Host, startHost } from '../support/host.js';

const controllers = await readFile('/sys/fs/cgroup/cgroup.controllers', 'utf8').catch(() => '');
const canLimit = ['cpu', 'memory', 'pids'].every((name) => controllers.split(/\s/).includes(name));
const skip = canLimit ? false : 'this host has no cgroup v2 with cpu, memory and pids';

t.test('limits where there is no cgroup v2 are refused plainly, and nothing is made', async (t) => {
  const { host } = await hostWithBase(t, { config: { cgroups: { parent: '/dev/shm/no-cgroup' } } });
  const limits = { memoryMib: 256 };
  const refused = { code: 1112, detail: { reason: 'cgroups-unavailable', parent: '/dev/shm/no-cgroup' } };
  t.match(await failureOf(host.client.vm.boot({ config: machine(), limits })), refused);
  t.match(await failureOf(host.client.snapshot.restore({ snapshot: 'base', limits })), refused);
  t.match(only((await host.client.snapshot.restore({ snapshot: 'base', limits: {} })).clones), {
    limits: null,
  });
  for (const { name } of (await host.client.vm.list()).vms) await host.client.vm.stop({ vm: name });
  t.strictSame(await host.leftovers(), []);
});

t.test('limits for all VMs that the host can’t have keep thawd from starting', async (t) => {
  const cgroups = { parent: '/dev/shm/no-cgroup', limits: { pids: 64 } };
  await t.rejects(startHost(t, { config: { cgroups } }), /can't be given limits/);
});

t.test('limits of a VMM', { skip }, async (t) => {
  const parent = `/sys/fs/cgroup/thaw-test-${process.pid}`;
  t.teardown(() => rmdir(parent).catch(() => undefined));
  const box = await Box.open();
  t.teardown(() => box.close());
  // Its own /sys has none.
  await box.exec('mount', '-t', 'cgroup2', 'none', '/sys/fs/cgroup');
  const config = { cgroups: { parent, limits: { pids: 4000 } }, slots: { size: 1 } };
  const host = await Host.on(box, { config, env: atOnce });
  t.teardown(() => host.client.close());
  await takeBase(host);
  const file = (vm: string, name: string) =>
    readFile(join(parent, vm, name), 'utf8').then((text) => text.trim());
  const here = async () =>
    (await readdir(parent, { withFileTypes: true })).filter((one) => one.isDirectory()).length;
  const restore = async (name: string, limits = {}) =>
    only((await host.client.snapshot.restore({ snapshot: 'base', names: [name], limits })).clones);

  await t.test(
    'are there before the guest’s memory, over those of the configuration, and go with it',
    async (t) => {
      const vm = await restore('limited', { memoryMib: 512, cpus: 1.5 });
      t.strictSame(vm.limits, { memoryMib: 512, cpus: 1.5, pids: 4000 });
      t.equal(await file(vm.id, 'memory.max'), String(512 * 2 ** 20));
      t.equal(await file(vm.id, 'cpu.max'), '150000 100000');
      t.equal(await file(vm.id, 'pids.max'), '4000');
      t.ok(Number(await file(vm.id, 'pids.current')) > 0, 'the VMM is in it');
      const booted = await host.client.vm.boot({
        name: 'booted',
        config: machine(),
        limits: { memoryMib: 300 },
      });
      t.equal(await file(booted.vm.id, 'memory.max'), String(300 * 2 ** 20));
      t.match(await host.client.system.reconcile({}), { findings: [] });
      await writeFile(join(parent, vm.id, 'pids.max'), '5000');
      t.match(await host.client.system.reconcile({}), {
        findings: [{ vm: vm.id, what: `cgroup of ${vm.id}`, problem: /pids\.max is 5000/, repair: null }],
      });
      await host.client.vm.stop({ vm: 'limited' });
      await host.client.vm.stop({ vm: 'booted' });
      t.equal(await here(), 0);
      t.strictSame(await host.leftovers(), []);
    },
  );

  await t.test(
    'a VMM that the kernel ends for its memory is told as that, also by a daemon that adopted it',
    async (t) => {
      for (const adopted of [false, true]) {
        const vm = await restore('hungry', { memoryMib: 512 });
        if (adopted) await host.restart('SIGKILL');
        const told = (async () => {
          for await (const item of host.client.events())
            if (item.kind === 'event' && item.event.type === 'vm.stopped') return item.event;
          return null;
        })();
        await writeFile(join(parent, vm.id, 'memory.max'), '1M');
        t.match(await told, { vm: vm.id, detail: { reason: 'vmm-out-of-memory' } });
        await eventually('its cgroup to go', async () => ((await here()) === 0 ? true : undefined));
      }
      t.strictSame(await host.leftovers(), []);
    },
  );

  await t.test('a restore that dies of its limit says so, and leaves nothing', async (t) => {
    const { clones } = await host.client.snapshot.restore({ snapshot: 'base', limits: { memoryMib: 1 } });
    t.match(clones, [
      { ok: false, error: { data: { reason: 'vmm-out-of-memory', memoryMib: 1, retryable: true } } },
    ]);
    t.equal(await here(), 0);
    t.strictSame(await host.leftovers(), []);
  });

  await t.test('cgroups of nobody are removed, those in which something runs are not', async (t) => {
    await mkdir(join(parent, 'vm-0000000000'));
    await mkdir(join(parent, 'somebody-elses'));
    t.match(await host.client.system.reconcile({}), {
      findings: [{ what: 'cgroup vm-0000000000', repair: 'sweep', outcome: 'mended' }],
    });
    t.strictSame(await readdir(parent).then((names) => names.filter((name) => /^vm-|^some/.test(name))), [
      'somebody-elses',
    ]);
    await rmdir(join(parent, 'somebody-elses'));
    const vm = await restore('left', { memoryMib: 512 });
    t.ok(pidOf(vm) > 0);
    await host.client.vm.stop({ vm: 'left' });
  });
});
