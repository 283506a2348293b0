import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { atOnce, failureOf, machine, Vmms } from '../support/flow.js';
import { startHost } from '../support/host.js';

const vmms = new Vmms(t);
const host = await startHost(t, { config: { firecracker: { binary: vmms.binary } }, env: atOnce });
const boot = (more: object = {}) =>
  failureOf(host.client.vm.boot({ name: 'source', config: machine(), ...more }));

t.test('a kernel or initrd that is missing, or is no file, is named', async (t) => {
  const source = (one: object) => ({ config: { 'boot-source': { ...machine()['boot-source'], ...one } } });
  t.match(await boot(source({ kernel_image_path: '/no/kernel' })), {
    code: 1102,
    detail: { reason: 'file-missing', path: '/no/kernel', what: 'kernel', operation: /^op-/ },
  });
  t.match(await boot(source({ kernel_image_path: '/etc' })), { reason: 'file-missing' });
  t.match(await boot(source({ initrd_path: '/no/initrd' })), {
    detail: { path: '/no/initrd', what: 'initrd' },
  });
  t.strictSame(await host.leftovers(), []);
});

t.test('a drive that is missing is named', async (t) => {
  const drives = [{ drive_id: 'rootfs', path_on_host: '/no/disk', is_root_device: true }];
  t.match(await boot({ config: machine({ drives }) }), { detail: { path: '/no/disk', what: 'drive' } });
  t.strictSame(await host.leftovers(), []);
});

t.test('a guest that never answers is told as that, and the boot undone', async (t) => {
  vmms.fail({ at: 'agent', nth: 0, do: 'silent' });
  t.match(await boot({ readyTimeout: 500 }), {
    code: 3201,
    detail: { reason: 'agent-silent', why: /said nothing/ },
  });
  t.strictSame(await host.leftovers(), []);
});

t.test('a VMM that dies at the start of the guest is told with what it said', async (t) => {
  vmms.fail({ at: 'start', do: 'die', exitCode: 148 });
  t.match(await boot(), { code: 2102, detail: { reason: 'vmm-died', exit: /148.*seccomp/ } });
  vmms.fail();
  t.strictSame(await host.leftovers(), []);
});

t.test(
  'a Firecracker that is missing, may not be run or is none is named, and nothing is made',
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'thaw-'));
    t.teardown(() => rm(dir, { recursive: true }));
    const binary = join(dir, 'firecracker');
    const bare = await startHost(t, { config: { firecracker: { binary } }, env: atOnce });
    const attempt = () => failureOf(bare.client.vm.boot({ config: machine() }));
    const detail = { reason: 'vmm-not-executable', binary, operation: /^op-/ };
    t.match(await attempt(), { code: 2101, detail });
    t.match((await bare.client.system.info()).firecracker, { version: null, problem: new RegExp(binary) });
    await writeFile(binary, '#!/bin/sh\nexit 0\n', { mode: 0o644 });
    t.match(await attempt(), { detail });
    await chmod(binary, 0o755);
    t.match(await attempt(), { detail: { ...detail, why: /version/ } });
    t.strictSame(await bare.leftovers(), []);
  },
);
