import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { AgentChannel } from '../../daemon/agent/channel.js';
import { upgrade, type UpgradeWish } from '../../daemon/agent/upgrade.js';
import http from '../../plugins/agent/http.js';
import qemuGa from '../../plugins/agent/qemu-ga.js';
import { cx, failure, folder, stayAlive } from '../vmm/support.js';

// A real process as the agent, started again by a shell whenever it ends, as an init does.
stayAlive(t);

const host = { cx, storeDir: '/nonexistent', runDir: '/nonexistent', log: () => undefined };
const dialect = await qemuGa.start(host, qemuGa.config.parse({}));
const program = join(import.meta.dirname, 'agent.program.js');

interface Guest {
  readonly dir: string;
  readonly file: string;
  readonly channel: AgentChannel;
  /** A file that is an agent. */
  readonly agent: (manner?: string) => string;
  restart: string;
}

async function guest(t: Test, faults: readonly object[] = []): Promise<Guest> {
  const dir = folder(t);
  const [socket, pid, file] = ['sock', 'pid', 'agent'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  const agent = (manner = ''): string =>
    `#!/bin/sh\n# ${manner}\nexec '${process.execPath}' '${program}' '${socket}' '${pid}' ${manner}\n`;
  writeFileSync(file, agent('first'), { mode: 0o755 });
  const init = `mount -t tmpfs tmpfs /run; while :; do '${file}'; sleep 0.05; done`;
  const child = spawn(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', init],
    { stdio: 'ignore', env: { ...process.env, FAULTS: JSON.stringify(faults) } },
  );
  const patience = { accept: 5_000, hello: 500 };
  const channel = new AgentChannel({
    vm: 'vm-a',
    to: () => ({ via: 'unix', path: socket }),
    dialect,
    patience,
  });
  t.teardown(async () => {
    await channel.close();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await channel.ping(cx);
  return { dir, file, channel, agent, restart: `kill $(cat '${pid}')` };
}

let upgrades = 0;

const wishFor = (path: string, text: string | Buffer, over: Partial<UpgradeWish> = {}): UpgradeWish => {
  const content = Buffer.from(text);
  const sha256 = createHash('sha256').update(content).digest('hex');
  upgrades += 1;
  return {
    vm: 'vm-a',
    id: `up-${upgrades}`,
    path,
    content,
    sha256,
    mode: '755',
    restart: null,
    seconds: 20,
    ...over,
  };
};

/** Everything but the agent's own files. */
const others = (dir: string): string[] =>
  readdirSync(dir).filter((name) => !['sock', 'pid', 'agent'].includes(name));

t.test('a support file of several chunks: whole, with its mode, nothing beside it', async (t) => {
  const { dir, channel } = await guest(t);
  const path = join(dir, "it's a file");
  writeFileSync(path, 'old');
  const bytes = Buffer.alloc(700_001, 'thaw\xff\0\n', 'latin1');
  await upgrade(channel, wishFor(path, bytes, { mode: '640' }), cx);
  t.ok(readFileSync(path).equals(bytes));
  t.equal(statSync(path).mode & 0o777, 0o640);
  t.strictSame(others(dir), ["it's a file"]);
  const empty = join(dir, 'some', 'where', 'empty');
  await upgrade(channel, wishFor(empty, ''), cx);
  t.equal(readFileSync(empty, 'utf8'), '', 'in a folder that was not there');
});

t.test('a new agent is final once it has answered', async (t) => {
  const { dir, file, channel, agent, restart } = await guest(t);
  const before = readFileSync(join(dir, 'pid'), 'utf8');
  await upgrade(channel, wishFor(file, agent('second'), { restart }), cx);
  t.match(readFileSync(file, 'utf8'), '# second');
  t.not(readFileSync(join(dir, 'pid'), 'utf8'), before, 'another process answers');
  while (others(dir).length > 0) await wait(20);
  await channel.ping(cx);
  t.match(readFileSync(file, 'utf8'), '# second', 'and nobody takes it back');
});

t.test('a new agent that does not answer: the old one is back, and does', async (t) => {
  const cases = [
    ['does not start', () => '#!/bin/sh\nexit 1\n', null],
    ['says nothing', (one: Guest) => one.agent('silent'), null],
    ['is never started', () => '#!/bin/sh\nexit 1\n', 'false'],
  ] as const;
  await Promise.all(
    cases.map(async ([what, text, restart]) => {
      const one = await guest(t);
      const wish = wishFor(one.file, text(one), { restart: restart ?? one.restart, seconds: 2 });
      const got = await failure(upgrade(one.channel, wish, cx));
      t.equal(got.reason, 'upgrade-failed', what);
      t.match(got.message, 'the old file is back', what);
      t.match(readFileSync(one.file, 'utf8'), '# first', what);
      t.equal(statSync(one.file).mode & 0o777, 0o755);
      await one.channel.ping(cx);
      t.strictSame(others(one.dir), [], what);
    }),
  );
});

t.test('what fails before the swap leaves everything as it was', async (t) => {
  const fault = { at: 'agent.guest-file-write', nth: 2, do: 'error', message: 'No space left on device' };
  const full = await guest(t, [fault]);
  const big = Buffer.alloc(500_000, 'x');
  const got = await failure(upgrade(full.channel, wishFor(full.file, big), cx));
  t.equal(got.reason, 'agent-refused');
  t.match(got.message, 'No space left', 'the agent’s own words');
  const damaged = await failure(
    upgrade(full.channel, wishFor(full.file, 'x', { sha256: '0'.repeat(64) }), cx),
  );
  t.match(damaged.message, 'it arrived damaged');
  t.match(readFileSync(full.file, 'utf8'), '# first');
  t.strictSame(others(full.dir), []);

  symlinkSync(full.file, join(full.dir, 'link'));
  mkdirSync(join(full.dir, 'folder'));
  for (const [name, why] of [
    ['link', 'is a symbolic link'],
    ['folder', 'is a folder'],
  ] as const) {
    const refused = await failure(upgrade(full.channel, wishFor(join(full.dir, name), 'x'), cx));
    t.equal(refused.reason, 'upgrade-failed', name);
    t.match(refused.message, why);
  }
  t.strictSame(others(full.dir).sort(), ['folder', 'link']);
  const nowhere = await failure(upgrade(full.channel, wishFor(join(full.file, 'where'), 'x'), cx));
  t.equal(nowhere.reason, 'upgrade-failed');
  t.match(nowhere.message, 'mkdir');
});

t.test('answers that are lost on the way: asked again, done once', async (t) => {
  const faults = ['guest-file-write', 'guest-file-read', 'guest-exec', 'guest-exec-status'].map(
    (command) => ({
      at: `agent.${command}`,
      nth: 1,
      do: 'drop',
    }),
  );
  const { dir, file, channel, agent } = await guest(t, faults);
  await upgrade(channel, wishFor(file, agent('second')), cx);
  t.match(readFileSync(file, 'utf8'), '# second');
  t.strictSame(others(dir), []);
});

t.test('commands that are switched off, and dialects without files, are told', async (t) => {
  const off = { at: 'agent.guest-file-open', nth: 0, do: 'error', message: 'disabled' };
  const { file, channel } = await guest(t, [off]);
  t.equal((await failure(upgrade(channel, wishFor(file, 'x'), cx))).reason, 'agent-refused');
  const other = await http.start(host, {});
  const path = join(folder(t), 'none');
  t.notOk(
    other.open(
      'vm-a',
      { write: () => undefined, read: () => Promise.resolve(null), close: () => undefined },
      () => Promise.reject(new TypeError(path)),
    ).files,
  );
});
