import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Box } from './box.js';
import { bin } from './paths.js';

const startDeadline = 20_000;

interface Start {
  /** Path of the configuration. */
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  /** Takes what it logs, line by line, standard error included. */
  readonly log: string[];
}

/** One life of thawd inside a box. */
export class Daemon {
  /** Its number on this side. */
  readonly pid: number;
  /** Its number inside the box. */
  readonly pidInside: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Exit>;

  private constructor(started: { child: ChildProcess; ended: Promise<Exit>; pids: Pids }) {
    this.#child = started.child;
    this.#ended = started.ended;
    this.pid = started.pids.outside;
    this.pidInside = started.pids.inside;
  }

  /** Starts it and waits for its word that it listens. @throws Error with its log where it ends instead */
  static async start(box: Box, { config, env, log }: Start): Promise<Daemon> {
    const [program, args] = box.inside([bin('thawd'), '--config', config]);
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its first line names node and how; that shall be the one that runs the test.
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, ...env },
      cwd: '/',
    });
    const ended = once(child, 'exit').then(([code, signal]): Exit => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }));
    const listening = new Promise<true>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', (line) => {
          log.push(line);
          if (isListening(line)) resolve(true);
        });
      }
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), startDeadline);
    const up = await Promise.race([listening, ended]);
    clearTimeout(timer);
    if (up !== true) throw new Error(`thawd did not start (${JSON.stringify(up)}):\n${log.join('\n')}`);
    return new Daemon({ child, ended, pids: await pidsOfChild(child.pid ?? 0) });
  }

  get ended(): Promise<Exit> {
    return this.#ended;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    if (this.alive) process.kill(this.pid, signal);
    return this.#ended;
  }
}

/** How a process ended; nsenter ends as its child did. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function isListening(line: string): boolean {
  try {
    const entry = JSON.parse(line) as unknown;
    return typeof entry === 'object' && entry !== null && 'msg' in entry && entry.msg === 'listening';
  } catch {
    return false;
  }
}

interface Pids {
  readonly outside: number;
  readonly inside: number;
}

/** The numbers of the only child of a process: nsenter has forked it into the namespace. */
async function pidsOfChild(parent: number): Promise<Pids> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    if (!status.includes(`\nPPid:\t${parent}\n`)) continue;
    const numbers = /^NSpid:(.*)$/m.exec(status)?.[1]?.trim().split('\t') ?? [];
    return { outside: Number(name), inside: Number(numbers.at(-1)) };
  }
  throw new Error(`process ${parent} has no child`);
}
