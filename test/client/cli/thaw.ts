import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const thawProgram = fileURLToPath(new URL('../../../client/cli/main.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with what sends signals to it, and closes its standard output. */
  readonly meanwhile?: (child: {
    kill(signal: NodeJS.Signals): void;
    stopReading(): void;
    /** Resolves once it has printed so many lines. */
    printed(lines: number): Promise<void>;
  }) => void | Promise<void>;
}

/** Runs a program to its end, without a terminal. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const env = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...options.env };
  const child = spawn(program, args, { env, cwd: options.cwd, stdio: 'pipe' });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // It may end before it has read all.
  child.stdin.on('error', () => undefined);
  if (options.input !== undefined) child.stdin.end(options.input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  await options.meanwhile?.({
    kill: (signal) => void child.kill(signal),
    stopReading: () => void child.stdout.destroy(),
    printed: async (lines) => {
      while (Buffer.concat(out).toString().split('\n').length <= lines) await once(child.stdout, 'data');
    },
  });
  const code = await ended;
  child.stdin.destroy();
  return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}

/** Runs `thaw`, as a child process like everybody's. */
export function thaw(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return runProgram(process.execPath, [thawProgram, ...args], { input: '', ...options });
}
