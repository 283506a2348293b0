import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Box } from '../support/box.js';
import { bin } from '../support/paths.js';

/** What a bare clone is made from. */
export interface BareWish {
  readonly state: string;
  readonly mem: string;
  readonly tap: string;
  readonly mac: string;
}

/**
 * A Firecracker driven by hand, with nothing around it: what the daemon is measured against. The connection is kept
 * open, requests are written as text, answers are looked at only as far as their status.
 */
export class BareVmm {
  /** Milliseconds from the start of the process to a connection. */
  readonly startMs: number;
  readonly #box: Box;
  readonly #pid: number;
  /** Its working directory, where its vsock is. */
  readonly dir: string;
  readonly #socket: Socket;

  private constructor(facts: { box: Box; pid: number; dir: string; socket: Socket; startMs: number }) {
    this.#box = facts.box;
    this.#pid = facts.pid;
    this.dir = facts.dir;
    this.#socket = facts.socket;
    this.startMs = facts.startMs;
  }

  /** Starts one in a folder of its own and waits until it takes a connection. */
  static async start(box: Box, id: string, env: NodeJS.ProcessEnv = {}): Promise<BareVmm> {
    const dir = join(box.runDir, id);
    await mkdir(dir, { recursive: true });
    const began = performance.now();
    const firecracker = process.env['FIRECRACKER_BIN'] ?? bin('firecracker');
    const script = 'cd "$1" && shift && echo $$ && exec "$@" >vmm.log 2>&1';
    const args = [firecracker, '--id', id, '--api-sock', 'api.sock', '--enable-pci'];
    const [program, words] = box.inside(['sh', '-c', script, 'sh', dir, ...args]);
    const child = spawn(program, words, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const socket = await answering(join(dir, 'api.sock'));
    return new BareVmm({ box, pid: Number(line), dir, socket, startMs: performance.now() - began });
  }

  /** Load, attach, resume; milliseconds. */
  async restore({ state, mem, tap, mac }: BareWish): Promise<number> {
    const load = JSON.stringify({
      snapshot_path: state,
      mem_backend: { backend_type: 'File', backend_path: mem },
      resume_vm: false,
    });
    const nic = JSON.stringify({ iface_id: 'eth0', host_dev_name: tap, guest_mac: mac });
    const began = performance.now();
    await this.#ask('PUT', '/snapshot/load', load);
    await this.#ask('PUT', '/network-interfaces/eth0', nic);
    await this.#ask('PATCH', '/vm', '{"state":"Resumed"}');
    return performance.now() - began;
  }

  /** Ends it and removes its folder. */
  async end(): Promise<void> {
    const closed = once(this.#socket, 'close');
    await this.#box.signal(this.#pid, 'SIGKILL');
    await closed;
    await rm(this.dir, { recursive: true, force: true });
  }

  async #ask(method: string, path: string, body: string): Promise<void> {
    this.#socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const [bytes] = (await once(this.#socket, 'data')) as [Buffer];
    const answer = bytes.toString('latin1');
    if (!answer.startsWith('HTTP/1.1 204')) throw new Error(`${method} ${path}: ${answer}`);
  }
}

async function answering(path: string): Promise<Socket> {
  for (let left = 5_000; left > 0; left--) {
    const socket = connect(path);
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    if (open) {
      socket.on('error', () => undefined);
      return socket;
    }
    await sleep(2);
  }
  throw new Error(`nobody answers at ${path}`);
}
