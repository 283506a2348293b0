/** Plays a scenario on a Firecracker, real or not, and returns the same steps with what was really seen. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { call } from '../native/libc.js';
import { exchange, request } from './client.js';
import { bodyText, isRequest, type Scenario, type Step } from './scenario.js';

const CLONE_NEWNET = 0x40000000;

export interface Target {
  bin: string;
  args: string[];
  env: Record<string, string>;
  kernel: string;
}

interface Vm {
  child: ChildProcess;
  socket: string;
  exited: { code: number | null; signal: string | null } | undefined;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Replaces `$D`, `$BASE` and `$KERNEL` by what they stand for, or back. */
function translate<T>(value: T, table: readonly (readonly [string, string])[]): T {
  let text = JSON.stringify(value);
  for (const [from, to] of table)
    text = text.replaceAll(JSON.stringify(from).slice(1, -1), JSON.stringify(to).slice(1, -1));
  return JSON.parse(text) as T;
}

class Player {
  private readonly vms = new Map<string, Vm>();
  private last: Vm | undefined;
  private readonly forth: [string, string][];

  constructor(
    private readonly target: Target,
    private readonly folder: string,
    base: string,
  ) {
    this.forth = [
      ['$KERNEL', target.kernel],
      ['$BASE', base],
      ['$D', folder],
    ];
  }

  async play(step: Step): Promise<Step> {
    const real = translate(step, this.forth);
    const seen = await this.act(real);
    // The longer name first: the scenario's folder may lie in the base's.
    const back = this.forth
      .filter(([name, path]) => name !== '$BASE' || path !== this.folder)
      .map(([name, path]) => [path, name] as const)
      .sort((a, b) => b[0].length - a[0].length);
    const told = translate(seen, back);
    return isRequest(step) && isRequest(told) ? { ...step, status: told.status, answer: told.answer } : told;
  }

  private async act(step: Step): Promise<Step> {
    if ('spawn' in step) return this.spawn(step);
    if ('kill' in step) {
      await this.end(this.vm(step.kill));
      return step;
    }
    if ('sh' in step) return { ...step, ...(await shell(step.sh)) };
    if ('exit' in step) return { exit: await this.exit(step.exit !== null) };
    if ('wire' in step)
      return { ...step, reply: await exchange(this.vm(step.wire).socket, Buffer.from(step.send, 'latin1')) };
    this.last = this.vm(step.vm);
    const reply = await request(this.last.socket, step.method, step.path, bodyText(step));
    return { ...step, ...reply };
  }

  private vm(name: string): Vm {
    const vm = this.vms.get(name);
    if (!vm) throw new Error(`the scenario never spawned ${name}`);
    return vm;
  }

  private async spawn(step: { spawn: string; args: string[] }): Promise<Step> {
    const socket = join(this.folder, `${step.spawn}.sock`);
    const log = fs.openSync(join(this.folder, `${step.spawn}.log`), 'w');
    const child = spawn(this.target.bin, ['--api-sock', socket, ...step.args, ...this.target.args], {
      cwd: this.folder,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...this.target.env },
    });
    fs.closeSync(log);
    const vm: Vm = { child, socket, exited: undefined };
    child.on('exit', (code, signal) => (vm.exited = { code, signal }));
    this.vms.set(step.spawn, vm);
    for (let i = 0; i < 2000 && !vm.exited && !(await listens(socket)); i += 1) await sleep(5);
    return step;
  }

  /** How the last VM ended; null when it goes on. A load that failed takes the process along a moment later. */
  private async exit(awaited: boolean): Promise<{ code: number | null; signal: string | null } | null> {
    for (let i = 0; i < (awaited ? 400 : 10) && !this.last?.exited; i += 1) await sleep(5);
    return this.last?.exited ?? null;
  }

  private async end(vm: Vm): Promise<void> {
    if (vm.exited) return;
    const gone = new Promise((resolve) => vm.child.once('exit', resolve));
    vm.child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    for (const vm of this.vms.values()) await this.end(vm);
  }
}

/** The path alone says too little: it is there between bind(2) and listen(2). */
function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function shell(script: string): Promise<{ rc: number; out: string }> {
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', script], (error, stdout) => {
      resolve({ rc: error ? Number(error.code ?? 1) : 0, out: stdout.trim() });
    });
  });
}

/**
 * Plays one scenario in `folder`, in a network namespace of its own: it goes, taps and all, with its last process.
 */
export async function replay(
  scenario: Scenario,
  target: Target,
  { folder, base }: { folder: string; base: string },
): Promise<Step[]> {
  call('unshare', CLONE_NEWNET);
  fs.mkdirSync(folder, { recursive: true });
  const player = new Player(target, folder, base);
  try {
    const seen: Step[] = [];
    for (const step of scenario.steps) seen.push(await player.play(step));
    return seen;
  } finally {
    await player.close();
  }
}

/** What can be compared of a step: no times, and NICs and drives sorted, for their order is not stable (fact 14). */
export function comparable(step: Step): unknown {
  if (!isRequest(step)) return Object.fromEntries(Object.entries(step).filter(([key]) => key !== 'ms'));
  const { vm, method, path, body, raw, status } = step;
  return { vm, method, path, body, raw, status, answer: sorted(step.answer) };
}

function sorted(answer: unknown): unknown {
  if (
    typeof answer !== 'object' ||
    answer === null ||
    !('network-interfaces' in answer) ||
    !('drives' in answer)
  ) {
    return answer;
  }
  const nics = answer['network-interfaces'] as { iface_id: string }[];
  const drives = answer['drives'] as { drive_id: string }[];
  return {
    ...answer,
    'network-interfaces': [...nics].sort((a, b) => (a.iface_id < b.iface_id ? -1 : 1)),
    drives: [...drives].sort((a, b) => (a.drive_id < b.drive_id ? -1 : 1)),
  };
}
