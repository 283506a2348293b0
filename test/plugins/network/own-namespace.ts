import koffi from 'koffi';
import { execFileSync } from 'node:child_process';

const CLONE_NEWNET = 0x40000000;
const F_SETFD = 2;
const mark = 'THAW_TEST_OWN_NAMESPACE';

/**
 * Puts the test file that calls this first into a network namespace of its own, by running it again from its start in
 * the same process: all that it makes there ends with it, however it ends. Loopback is up.
 */
export function ownNamespace(): void {
  if (process.env[mark] === String(process.pid)) {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    return;
  }
  const libc = koffi.load(null);
  const unshare = libc.func('int unshare(int flags)') as (flags: number) => number;
  const execve = libc.func('int execve(const char *path, const char **argv, const char **envp)') as (
    path: string,
    argv: readonly (string | null)[],
    envp: readonly (string | null)[],
  ) => number;
  if (unshare(CLONE_NEWNET) !== 0) throw new Error('a network namespace could not be made: run this as root');
  // Node closes its standard streams at an exec.
  const fcntl = libc.func('int fcntl(int fd, int command, int value)') as (...args: number[]) => number;
  for (const fd of [0, 1, 2]) fcntl(fd, F_SETFD, 0);
  // The process keeps its number, and so the mark is not taken for one that a parent has left.
  const env: NodeJS.ProcessEnv = { ...process.env, [mark]: String(process.pid) };
  execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...process.argv.slice(1), null],
    [...Object.entries(env).map(([key, value]) => `${key}=${value ?? ''}`), null],
  );
  throw new Error('the test could not be started again');
}
