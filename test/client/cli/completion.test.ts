import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { commands } from '../../../client/cli/commands/index.js';
import { startFake } from './fake-daemon.js';
import { snapshot, vm } from './samples.js';
import { runProgram, thaw, thawProgram } from './thaw.js';

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;

for (const shell of ['bash', 'zsh', 'fish']) {
  const skip = has(shell) ? false : `no ${shell} on this host`;
  void t.test(`the script for ${shell} is one`, { skip }, async (t) => {
    const { code, stdout } = await thaw(['completion', shell]);
    t.equal(code, 0);
    const dir = await mkdtemp(join(tmpdir(), 'thaw-completion-'));
    t.teardown(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, 'script'), stdout);
    const checked = await runProgram(shell, ['-n', join(dir, 'script')]);
    t.equal(checked.code, 0, checked.stderr);
    for (const { name, hidden } of commands) {
      const last = name.split(' ').at(-1) ?? name;
      if (hidden !== true) t.match(stdout, new RegExp(`\\b${last}\\b`), `it knows ${name}`);
    }
    t.notMatch(stdout, /zod|undefined|\[object/);
  });
}

/** What bash would offer for the last of `words`. */
async function offered(
  words: readonly string[],
  at: { dir: string; socket: string },
): Promise<readonly string[]> {
  const script = `
    source <(thaw completion bash)
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _thaw
    ((\${#COMPREPLY[@]})) && printf '%s\\n' "\${COMPREPLY[@]}"
    exit 0`;
  const { stdout, stderr, code } = await runProgram(
    'bash',
    ['--norc', '-c', script, 'bash', 'thaw', ...words],
    {
      cwd: at.dir,
      env: { PATH: `${at.dir}:${process.env['PATH'] ?? ''}`, THAW_SOCKET: at.socket },
    },
  );
  if (code !== 0 || stderr !== '') throw new Error(`bash said: ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}

void t.test('bash offers commands, options, their values and names that the daemon knows', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-completion-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'thaw'), `#!/bin/sh\nexec ${process.execPath} ${thawProgram} "$@"\n`);
  await chmod(join(dir, 'thaw'), 0o755);
  await writeFile(join(dir, 'kernel.img'), '');
  const foreign = { ...vm, id: '$(touch pwned)', name: '`touch pwned`' };
  const fake = await startFake(t, {
    'vm.list': () => ({ result: { vms: [vm, foreign] } }),
    'snapshot.list': () => ({ result: { snapshots: [snapshot, { ...snapshot, name: null }] } }),
    'network.list': () => ({ result: { networks: [{ name: 'front' }] } }),
  });
  const at = { dir, socket: fake.socket };
  t.strictSame(await offered(['res'], at), ['restore', 'resume']);
  t.strictSame(await offered(['snapshot', 'c'], at), ['create']);
  t.strictSame(await offered(['restore', '--str'], at), ['--strategy']);
  t.strictSame(await offered(['--socket', fake.socket, 'show', ''], at), ['web-1', 'vm-0123456789']);
  t.strictSame(await offered(['stop', 'a', 'b', 'w'], at), ['web-1']);
  t.strictSame(await offered(['show', 'web-1', ''], at), [], 'one VM is all that show takes');
  t.strictSame(await offered(['restore', '-n', '3', 'g'], at), ['golden']);
  t.strictSame(await offered(['snapshot', 'rm', ''], at), ['golden', 'snap-0123456789']);
  t.strictSame(await offered(['boot', '--network', ''], at), ['front']);
  t.strictSame(await offered(['boot', '--kernel', 'ker'], at), ['kernel.img']);
  t.strictSame(await offered(['ps', '--progress', 'p'], at), ['plain']);
  t.strictSame(await offered(['completion', 'z'], at), ['zsh']);
  t.strictSame(await offered(['rpc', 'vm.p'], at), ['vm.pause']);
  t.strictSame(await offered(['help', 'det'], at), ['detach']);
  const { stdout } = await runProgram('ls', [dir]);
  t.notMatch(stdout, 'pwned', 'a foreign folder’s name is no program');
});

void t.test('completion says nothing where no daemon is', async (t) => {
  t.strictSame(await thaw(['__names', 'vm', '--socket', '/nowhere/d.sock']), {
    code: 0,
    stdout: '',
    stderr: '',
  });
});

void t.test('fish offers the same', { skip: has('fish') ? false : 'no fish on this host' }, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-completion-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'script'), (await thaw(['completion', 'fish'])).stdout);
  const offers = async (line: string) => {
    const script = `source ${join(dir, 'script')}; complete -C '${line}'`;
    const { stdout } = await runProgram('fish', ['--no-config', '-c', script], { env: { HOME: dir } });
    return stdout.split('\n').flatMap((row) => (row === '' ? [] : [row.split('\t')[0]]));
  };
  t.strictSame(await offers('thaw res'), ['restore', 'resume']);
  t.strictSame(await offers('thaw snapshot c'), ['create']);
  t.strictSame(await offers('thaw ps --progress p'), ['plain']);
  t.strictSame(await offers('thaw restore --str'), ['--strategy']);
});
