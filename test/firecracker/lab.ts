/** For tests: VMs of the stand-in, and their agents, that leave nothing behind. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { request } from './conformance/client.js';
import { standin } from './conformance/targets.js';
import { call } from './native/libc.js';

interface Teardown {
  teardown(work: () => unknown): void;
}

const CLONE_NEWNET = 0x40000000;
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `look` finds something. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
  ms = 10_000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`in vain waited for ${what}`);
    await sleep(5);
  }
}

/** From now on this test process and all that it starts have a network of their own, which goes with them. */
export function ownNetwork(): void {
  call('unshare', CLONE_NEWNET);
  host('ip link set lo up');
}

/** Runs a shell script on the host. */
export function host(script: string): string {
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).trim();
}

/** A folder that goes with the test. */
export function folder(t: Teardown): string {
  const path = fs.mkdtempSync('/tmp/standin');
  t.teardown(() => fs.rmSync(path, { recursive: true, force: true }));
  return path;
}

export class Vm {
  readonly exit: Promise<{ code: number | null; signal: string | null }>;

  private constructor(
    readonly child: ChildProcess,
    readonly folder: string,
  ) {
    this.exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  /** Starts one in `folder`, waits for its API, and kills it when the test ends. */
  static async start(
    t: Teardown,
    path: string,
    options: { args?: string[]; env?: Record<string, string> } = {},
  ): Promise<Vm> {
    fs.mkdirSync(path, { recursive: true });
    const log = fs.openSync(join(path, 'log'), 'a');
    // It must not outlive a test that is killed.
    const command = ['--pdeathsig', 'KILL', standin, '--api-sock', 'api.sock'];
    const child = spawn('setpriv', [...command, ...(options.args ?? ['--enable-pci'])], {
      cwd: path,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.env },
    });
    fs.closeSync(log);
    const vm = new Vm(child, path);
    t.teardown(() => vm.kill());
    await eventually(
      () => (child.exitCode !== null ? true : connects(join(path, 'api.sock'))),
      'the API socket',
      30_000,
    );
    return vm;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }

  get log(): string {
    return fs.readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** One request, its status and answer. */
  api(method: string, path: string, body?: unknown): Promise<{ status: number; answer: unknown }> {
    return request(
      join(this.folder, 'api.sock'),
      method,
      path,
      body === undefined ? undefined : JSON.stringify(body),
    );
  }

  /** One request that must succeed. */
  async ok(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, answer } = await this.api(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Configures and starts a guest with vsock at `v.sock`. */
  async boot(more: [path: string, body: unknown][] = []): Promise<void> {
    await this.ok('PUT', '/boot-source', { kernel_image_path: '/bin/sh' });
    await this.ok('PUT', '/vsock', { guest_cid: 3, uds_path: 'v.sock' });
    for (const [path, body] of more) await this.ok('PUT', path, body);
    await this.ok('PUT', '/actions', { action_type: 'InstanceStart' });
  }

  /** Pauses, snapshots into `folder`, and leaves it paused; the agent has had time to see its client go. */
  async snapshot(into: string, name = ''): Promise<void> {
    await sleep(40);
    await this.ok('PATCH', '/vm', { state: 'Paused' });
    await this.ok('PUT', '/snapshot/create', {
      snapshot_path: `${into}/state${name}`,
      mem_file_path: `${into}/mem${name}`,
    });
  }

  async load(from: string, more: object = {}, name = ''): Promise<void> {
    const backend = { backend_type: 'File', backend_path: `${from}/mem${name}` };
    await this.ok('PUT', '/snapshot/load', {
      snapshot_path: `${from}/state${name}`,
      mem_backend: backend,
      ...more,
    });
  }

  /** The guest's agent, as soon as it answers. */
  async agent(): Promise<Agent> {
    return eventually(() => Agent.connect(join(this.folder, 'v.sock'), 1000), 'the agent', 30_000);
  }
}

function connects(path: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.on('error', () => resolve(undefined));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export class Agent {
  private text = '';
  private readonly waiting: ((line: string | undefined) => void)[] = [];

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (bytes) => {
      this.text += bytes.toString('utf8');
      this.deliver();
    });
    socket.on('close', () => this.waiting.splice(0).forEach((take) => take(undefined)));
    socket.on('error', () => socket.destroy());
  }

  /** Connects and shakes hands; undefined when there is no OK in time. */
  static async connect(path: string, ms: number, port = 1024): Promise<Agent | undefined> {
    const socket = net.connect(path);
    const agent = new Agent(socket);
    socket.write(`CONNECT ${port}\n`);
    const line = await agent.line(ms);
    if (line?.startsWith('OK ')) return agent;
    socket.destroy();
    return undefined;
  }

  private deliver(): void {
    for (
      let end = this.text.indexOf('\n');
      end >= 0 && this.waiting.length > 0;
      end = this.text.indexOf('\n')
    ) {
      this.waiting.shift()?.(this.text.slice(0, end));
      this.text = this.text.slice(end + 1);
    }
  }

  /** The next line, or undefined when none comes in time or the connection ends. */
  line(ms = 10_000): Promise<string | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(resolve), 1);
        resolve(undefined);
      }, ms);
      this.waiting.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
      this.deliver();
    });
  }

  /** Sends a command and returns its whole answer. */
  async ask(execute: string, args?: object, ms?: number): Promise<Record<string, unknown> | undefined> {
    this.socket.write(`${JSON.stringify({ execute, ...(args ? { arguments: args } : {}) })}\n`);
    const line = await this.line(ms);
    return line === undefined
      ? undefined
      : (JSON.parse(line.replace('\uFFFD', '')) as Record<string, unknown>);
  }

  /** Sends a command that must succeed and returns its result. */
  async do(execute: string, args?: object): Promise<unknown> {
    const answer = await this.ask(execute, args);
    if (!answer || !('return' in answer)) throw new Error(`${execute}: ${JSON.stringify(answer)}`);
    return answer['return'];
  }

  /** Runs a script in the guest. */
  async sh(script: string): Promise<Outcome> {
    const { pid } = (await this.do('guest-exec', {
      path: '/bin/sh',
      arg: ['-c', script],
      'capture-output': true,
    })) as { pid: number };
    return eventually(
      async () => {
        const status = (await this.do('guest-exec-status', { pid })) as Record<
          string,
          string | number | boolean
        >;
        if (!status['exited']) return undefined;
        const text = (key: string): string =>
          Buffer.from(String(status[key] ?? ''), 'base64')
            .toString()
            .trim();
        return { code: Number(status['exitcode'] ?? -1), out: text('out-data'), err: text('err-data') };
      },
      `the end of ${script}`,
      30_000,
    );
  }

  /** Hangs up and gives the agent time to notice. */
  async close(): Promise<void> {
    this.socket.destroy();
    await sleep(40);
  }
}
