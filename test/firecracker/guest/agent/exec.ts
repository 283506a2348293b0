/** guest-exec and guest-exec-status: commands that really run in the guest's namespaces. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import { guestPath } from '../namespaces.js';
import { AgentError, type CommandArguments } from './protocol.js';

/** qemu-ga keeps at most 16 MiB of each stream. */
const LIMIT = 16 << 20;

interface Running {
  out: Buffer[];
  err: Buffer[];
  ended?: { exitcode?: number; signal?: number };
  captured: boolean;
}

const signalNumbers: Record<string, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTOP: 19,
};

export class Commands {
  private readonly running = new Map<number, Running>();

  constructor(
    private readonly enter: <T>(work: () => T) => T,
    /** Told of every child, so that a pause can stop and a fault can bend it. */
    private readonly exitCodeOf: () => number | undefined,
  ) {}

  async exec(args: CommandArguments): Promise<unknown> {
    const path = args.string('path');
    const words = args.strings('arg');
    const env = args.strings('env');
    const input = args.optionalString('input-data');
    const captured = args.boolean('capture-output');
    args.end();
    const stdin = input === undefined ? undefined : Buffer.from(input, 'base64');
    const output = captured ? 'pipe' : 'ignore';
    const child = this.enter(() =>
      spawn(path, words, {
        cwd: '/',
        env: env.length > 0 ? environmentOf(env) : { PATH: guestPath, HOME: '/', SHELL: '/bin/sh' },
        stdio: [stdin ? 'pipe' : 'ignore', output, output],
        detached: true,
      }),
    );
    const pid = await startOf(child, path);
    if (stdin) {
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(stdin);
    }
    this.keep(pid, child, captured);
    return { pid };
  }

  private keep(pid: number, child: ChildProcess, captured: boolean): void {
    const bent = this.exitCodeOf();
    const entry: Running = { out: [], err: [], captured };
    this.running.set(pid, entry);
    child.stdout?.on('data', (chunk: Buffer) => entry.out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => entry.err.push(chunk));
    const done = (code: number | null, signal: NodeJS.Signals | null): void => {
      entry.ended ??=
        signal === null || bent !== undefined
          ? { exitcode: bent ?? code ?? 0 }
          : { signal: signalNumbers[signal] ?? 9 };
    };
    // A grandchild may hold the pipes for ever: qemu-ga waits for their ends too.
    child.on('close', done);
  }

  status(args: CommandArguments): unknown {
    const pid = args.integer('pid');
    args.end();
    const entry = this.running.get(pid);
    if (!entry) throw new AgentError("Invalid parameter 'pid'");
    if (!entry.ended) return { exited: false };
    this.running.delete(pid);
    return { ...entry.ended, ...shown('out', entry.out), ...shown('err', entry.err), exited: true };
  }

  /** Whether any command of the guest is still running. */
  get busy(): boolean {
    return [...this.running.values()].some((entry) => !entry.ended);
  }
}

function shown(name: 'out' | 'err', chunks: Buffer[]): Record<string, unknown> {
  const bytes = Buffer.concat(chunks);
  if (bytes.length === 0) return {};
  return {
    [`${name}-data`]: bytes.subarray(0, LIMIT).toString('base64'),
    [`${name}-truncated`]: bytes.length > LIMIT,
  };
}

function environmentOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf('=');
      return equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
}

/** The child's pid as the guest sees it. */
async function startOf(child: ChildProcess, path: string): Promise<number> {
  if (child.pid === undefined) {
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
    const reason = error.code === 'EACCES' ? 'Permission denied' : 'No such file or directory';
    throw new AgentError(
      `Guest agent command failed, error was 'Failed to execute child process \u201C${path}\u201D (${reason})'`,
    );
  }
  child.on('error', () => undefined);
  try {
    const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1] ?? child.pid);
  } catch {
    return child.pid;
  }
}
