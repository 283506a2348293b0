import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Host } from './host.js';
import { projectDir } from './paths.js';

/** The hook, bundled. */
export const hookPath = join(projectDir, 'dist/bin/thaw-oci-hook.cjs');

/** A process in a network namespace of its own: what a container is to thaw. */
export class FakeContainer {
  readonly id: string;
  /** By the number that it has on the host of the test. */
  readonly pid: number;
  readonly #host: Host;
  readonly #child: ChildProcess;

  private constructor(host: Host, id: string, started: { child: ChildProcess; pid: number }) {
    this.#host = host;
    this.id = id;
    this.pid = started.pid;
    this.#child = started.child;
  }

  /** `prepare` runs inside before anything else, e.g. to give it an interface. */
  static async start(host: Host, id: string, prepare = 'true'): Promise<FakeContainer> {
    const script = `ip link set lo up; ${prepare}\necho $$; exec sleep 1000`;
    const [program, args] = host.box.inside(['unshare', '--net', 'sh', '-c', script]);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return new FakeContainer(host, id, { child, pid: Number(line) });
  }

  /** What a runtime tells its hooks. */
  state(annotations: Readonly<Record<string, string>> = {}, pid = this.pid): object {
    const named = Object.entries(annotations).map(([name, value]) => [`dev.thaw.${name}`, value]);
    return {
      ...{ ociVersion: '1.0.2', id: this.id, status: 'created', pid, bundle: '/nowhere' },
      annotations: { 'dev.thaw.snapshot': 'base', ...(Object.fromEntries(named) as Record<string, string>) },
    };
  }

  /** Runs a program in its namespace. */
  exec(...command: readonly string[]): Promise<string> {
    return this.#host.exec('nsenter', '--target', String(this.pid), '--net', '--', ...command);
  }

  /** Whether an address answers a ping from inside. */
  ping(address: string): Promise<boolean> {
    return this.exec('ping', '-c', '1', '-W', '1', address).then(
      () => true,
      () => false,
    );
  }

  async kill(): Promise<void> {
    const ended = once(this.#child, 'exit');
    await this.#host.signal(this.pid, 'SIGKILL');
    await ended;
  }
}

/** How a hook has ended. */
export interface HookEnd {
  readonly code: number | null;
  readonly said: string;
}

/** Starts the hook as a runtime does; `child` is to be killed, `end` to be waited for. */
export function startHook(
  host: Host,
  args: readonly string[],
  state: string | object,
): { child: ChildProcess; end: Promise<HookEnd> } {
  const [program, inside] = host.box.inside([process.execPath, hookPath, ...args]);
  const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], THAW_SOCKET: host.socketPath };
  const child = spawn(program, inside, { stdio: ['pipe', 'ignore', 'pipe'], env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(typeof state === 'string' ? state : JSON.stringify(state));
  const end = once(child, 'close').then(([code]): HookEnd => ({ code: code as number | null, said }));
  return { child, end };
}

export const callHook = (host: Host, args: readonly string[], state: string | object): Promise<HookEnd> =>
  startHook(host, args, state).end;
