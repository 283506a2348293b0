import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { parseStat, readStartTime } from '../../daemon/effects/vmm-proc.js';
import { Binaries } from '../../daemon/vmm/binaries.js';
import { findVmm, launchVmm, scrub } from '../../daemon/vmm/launcher.js';
import { adoptProcess, describeExit, endProcess, isAlive } from '../../daemon/vmm/process.js';
import { VmmApi } from '../../daemon/vmm/api.js';
import { cx, failure, folder, standIn, start, stayAlive, until } from './support.js';

stayAlive(t);

t.test('a VMM has a session of its own, no input, its folder and a log that nobody else reads', async (t) => {
  const { process: vmm, dir } = await start(t, { LISTEN_FDS: '1' });
  // The stand-in leaves it for an instant while it makes its guest's namespaces.
  while (readlinkSync(`/proc/${vmm.pid}/cwd`) !== dir) await wait(1);
  t.equal(readlinkSync(`/proc/${vmm.pid}/fd/0`), '/dev/null');
  t.equal(readlinkSync(`/proc/${vmm.pid}/fd/1`), `${dir}/vmm.log`);
  t.equal(statSync(`${dir}/vmm.log`).mode & 0o777, 0o600);
  t.equal(statSync(vmm.apiSocket).mode & 0o077, 0, 'nor does anybody reach its API');
  const fields = readFileSync(`/proc/${vmm.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  t.equal(fields[3], String(vmm.pid), 'a session leader: no signal of our terminal reaches it');
  writeFileSync(`${dir}/ours`, '');
  t.equal(statSync(`${dir}/ours`).mode & 0o777, 0o644, 'our own mask is what it was');
});

t.test('what systemd means for the daemon alone does not reach a VMM', (t) => {
  const env = { PATH: '/bin', LISTEN_FDS: '1', LISTEN_PID: '7', NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '1' };
  t.strictSame(scrub({ ...env, NODE_OPTIONS: '-r x', LANG: 'C' }), { PATH: '/bin', LANG: 'C' });
  t.end();
});

t.test('a VMM outlives the process that started it', async (t) => {
  const dir = folder(t);
  t.teardown(async () => {
    for (const identity of await findVmm({ vm: 'vm-orphan0000', dir }, cx)) {
      await endProcess({ identity, graceMs: 500 }, cx);
    }
  });
  const launcher = new URL('../../daemon/vmm/launcher.js', import.meta.url).href;
  const program = `
    const { launchVmm } = await import(${JSON.stringify(launcher)});
    const cx = { signal: new AbortController().signal, probe: { effect() {} } };
    const wish = { vm: 'vm-orphan0000', binary: ${JSON.stringify(standIn)}, dir: ${JSON.stringify(dir)}, enablePci: true };
    const vmm = await launchVmm(wish, cx);
    await vmm.waitForSocket(cx);
    console.log(JSON.stringify({ pid: vmm.pid, startTime: vmm.startTime }));
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  const identity = JSON.parse(said) as { pid: number; startTime: string };
  t.ok(await isAlive(identity, cx), 'it lives');
  t.strictSame(await findVmm({ vm: 'vm-orphan0000', dir }, cx), [identity], 'and is found by its folder');
  t.strictSame(await findVmm({ vm: 'vm-orphan0000', dir: '/' }, cx), [], 'nowhere else');

  const vmm = adoptProcess({ vm: 'vm-orphan0000', dir, apiSocket: `${dir}/api.sock`, ...identity });
  const api = new VmmApi({ vm: vmm.vm, socketPath: vmm.apiSocket, process: vmm });
  t.teardown(() => api.close());
  await api.describe(cx);
  process.kill(identity.pid, 'SIGKILL');
  t.strictSame(await vmm.exited, { code: null, signal: null }, 'its end is noticed though it is no child');
  t.equal((await failure(api.describe(cx))).reason, 'vmm-died');
});

t.test('each way a binary can’t be started has its words, and leaves no process', async (t) => {
  const dir = folder(t);
  const make = (name: string, text: string, mode: number): string => {
    writeFileSync(`${dir}/${name}`, text);
    chmodSync(`${dir}/${name}`, mode);
    return `${dir}/${name}`;
  };
  mkdirSync(`${dir}/folder`);
  const cases = [
    ['/nonexistent/firecracker', 'no such file'],
    [`${dir}/folder`, 'a directory'],
    [make('plain', '#!/bin/sh\n', 0o644), 'may not be executed'],
    [make('text', 'exit 0\n', 0o755), 'neither an ELF file nor a script'],
    [make('empty', '', 0o755), 'neither an ELF file nor a script'],
    [make('orphan', '#!/nonexistent/sh\n', 0o755), 'ENOENT'],
    [make('alien', `\x7fELF${'?'.repeat(60)}`, 0o755), 'not for this architecture'],
  ] as const;
  for (const [binary, words] of cases) {
    const got = await failure(launchVmm({ vm: 'vm-none000000', binary, dir, enablePci: true }, cx));
    t.equal(got.reason, 'vmm-not-executable', binary);
    t.match(got.message, words, got.message);
  }
  t.strictSame(await findVmm({ vm: 'vm-none000000', dir }, cx), []);
});

t.test('a folder whose socket path the kernel would cut off is refused before anything starts', async (t) => {
  const dir = `${folder(t)}/${'x'.repeat(100)}`;
  mkdirSync(dir);
  const got = await failure(launchVmm({ vm: 'vm-long000000', binary: standIn, dir, enablePci: true }, cx));
  t.equal(got.reason, 'socket-path-too-long');
});

t.test('a VMM that dies before its socket answers tells its exit code and last words', async (t) => {
  const dir = folder(t);
  const args = ['--nonsense'];
  const vmm = await launchVmm({ vm: 'vm-dies000000', binary: standIn, dir, enablePci: true, args }, cx);
  const got = await failure(vmm.waitForSocket(cx));
  t.equal(got.reason, 'vmm-died');
  t.match(got.message, 'exit code 153', got.message);
  t.match(got.message, "'nonsense'");
  t.equal(await vmm.end(100, cx), true, 'ending it once more is harmless');
});

t.test('a stale socket in the folder is a death with its reason, not a wait', async (t) => {
  const { process: first, dir } = await start(t);
  await first.end(1_000, cx);
  const vmm = await launchVmm({ vm: 'vm-stale00000', binary: standIn, dir, enablePci: true }, cx);
  const got = await failure(vmm.waitForSocket(cx));
  t.equal(got.reason, 'vmm-died');
  t.match(got.message, 'Failed to open the API socket');
});

t.test('cancelled while it starts: the wait ends with the reason', async (t) => {
  const dir = folder(t);
  writeFileSync(`${dir}/sleeper`, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  const vmm = await launchVmm({ vm: 'vm-slow000000', binary: `${dir}/sleeper`, dir, enablePci: true }, cx);
  const abort = new AbortController();
  const waiting = failure(vmm.waitForSocket(until(abort.signal)));
  abort.abort(new TypeError('enough'));
  t.equal((await waiting).message, 'enough');
  t.ok(await isAlive(vmm, cx));
  t.equal(await vmm.end(1_000, cx), true);
  t.strictSame(await vmm.exited, { code: null, signal: 'SIGTERM' });
});

t.test('a process that ignores SIGTERM is killed after its grace', async (t) => {
  const dir = folder(t);
  writeFileSync(`${dir}/deaf`, '#!/bin/sh\ntrap "" TERM\necho up\nwhile :; do sleep 0.01; done\n', {
    mode: 0o755,
  });
  const vmm = await launchVmm({ vm: 'vm-deaf000000', binary: `${dir}/deaf`, dir, enablePci: true }, cx);
  while (!readFileSync(`${dir}/vmm.log`, 'utf8').includes('up')) await wait(5);
  t.equal(await vmm.end(50, cx), true);
  t.strictSame(await vmm.exited, { code: null, signal: 'SIGKILL' });
});

t.test('a process number that belongs to somebody else by now is never signalled', async (t) => {
  const { process: vmm, api } = await start(t);
  const recycled = { pid: vmm.pid, startTime: String(Number(vmm.startTime) - 1) };
  t.equal(await isAlive(recycled, cx), false);
  t.equal(await endProcess({ identity: recycled, graceMs: 0 }, cx), true, 'the one that was meant is gone');
  t.equal((await api.describe(cx)).state, 'Not started', 'the one that has its number lives');
  const adopted = adoptProcess({ ...recycled, vm: vmm.vm, dir: vmm.dir, apiSocket: vmm.apiSocket });
  adopted.suspect();
  t.strictSame(await adopted.exited, { code: null, signal: null });
});

t.test('a hint that proves wrong leaves an adopted VMM alive', async (t) => {
  const { process: vmm } = await start(t);
  const { vm, dir, apiSocket, pid, startTime } = vmm;
  const adopted = adoptProcess({ vm, dir, apiSocket, pid, startTime });
  let told = false;
  adopted.onExit(() => (told = true));
  adopted.suspect();
  await wait(50);
  t.notOk(told);
  t.equal(await adopted.end(1_000, cx), true);
  t.ok(told, 'and its real end is told');
});

t.test('a binary is asked for its version once, and again when its file changes', async (t) => {
  const dir = folder(t);
  const fake = (version: string): void =>
    writeFileSync(
      `${dir}/fc`,
      `#!/bin/sh\necho x >> ${dir}/asked\n[ $1 = --version ] && echo "Firecracker v${version}" || echo v10.0.0\n`,
      { mode: 0o755 },
    );
  const asked = (): number => readFileSync(`${dir}/asked`, 'utf8').length / 2;
  const binaries = new Binaries();
  fake('1.16.1');
  const all = await Promise.all([1, 2, 3].map(() => binaries.look(`${dir}/fc`, cx)));
  t.strictSame(new Set(all.map(({ version }) => version)), new Set(['1.16.1']));
  t.equal(asked(), 2, 'one question for each option');
  fake('1.17.0-dev');
  t.equal((await binaries.look(`${dir}/fc`, cx)).version, '1.17.0-dev');
  writeFileSync(`${dir}/fc`, '#!/bin/sh\necho hello\n');
  t.equal((await failure(binaries.look(`${dir}/fc`, cx))).reason, 'vmm-not-executable');
  rmSync(`${dir}/fc`);
  t.equal((await failure(binaries.look(`${dir}/fc`, cx))).reason, 'vmm-not-executable');
  t.equal((await binaries.look(standIn, cx)).snapshotFormat, '10.0.0', 'the stand-in answers like 1.16.1');
});

t.test('the start time is read past any command name', (t) => {
  const fields = Array.from({ length: 50 }, (_, index) => String(index + 3));
  fc.assert(
    fc.property(fc.string({ maxLength: 15 }), (name) => {
      const line = `42 (${name}) R ${fields.slice(1).join(' ')}\n`;
      t.strictSame(parseStat(line), { state: 'R', session: 6, startTime: '22' });
    }),
  );
  t.equal(parseStat('nonsense'), null);
  t.equal(readStartTime(process.pid)?.replace(/\d+/, ''), '');
  t.equal(readStartTime(2 ** 22 + 1), null, 'beyond the largest number there is');
  t.end();
});

t.test('an exit is told in words', (t) => {
  t.equal(describeExit({ code: 0, signal: null }), 'exit code 0');
  t.match(describeExit({ code: 148, signal: null }), 'seccomp');
  t.equal(describeExit({ code: null, signal: 'SIGKILL' }), 'killed by SIGKILL');
  t.equal(describeExit({ code: null, signal: null }), 'nobody saw how');
  t.end();
});
