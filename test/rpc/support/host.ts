import { connect, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { lockTake } from '../../../daemon/effects/lock.js';
import { listen } from '../../../daemon/rpc/listen.js';
import { serve, type RpcServer, type ServeOptions } from '../../../daemon/rpc/server.js';
import { cx } from './context.js';
import { memoryLog } from './log.js';
import { fakeHandlers } from './handlers.js';

export interface Host {
  readonly path: string;
  readonly dir: string;
  readonly server: RpcServer;
  readonly log: ReturnType<typeof memoryLog>;
}

/** A served socket of its own, gone with the test. */
export async function startHost(
  t: Test,
  over: Partial<Omit<ServeOptions, 'listener' | 'log'>> = {},
  group?: string,
): Promise<Host> {
  const dir = mkdtempSync(join(tmpdir(), 'thaw-rpc-'));
  const path = join(dir, 'thawd.sock');
  const lock = await lockTake(join(dir, 'thawd.lock'), cx);
  const log = memoryLog();
  const server = serve({
    listener: await listen({ path, lock, group }, cx),
    handlers: fakeHandlers(),
    accessOf: () => 'change',
    log,
    checkResults: true,
    ...over,
  });
  t.teardown(async () => {
    await server.close(1_000);
    lock.close();
    rmSync(dir, { recursive: true });
  });
  return { path, dir, server, log };
}

/** A client that knows only bytes and lines. */
export class Wire {
  readonly socket: Socket;
  readonly #lines: string[] = [];
  #text = '';
  #wake: (() => void) | null = null;
  #over = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (this.#text + text).split('\n');
      this.#text = lines.pop() ?? '';
      this.#lines.push(...lines);
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#over = true;
        this.#wake?.();
      });
    }
  }

  /** Gone with the test. */
  static open(t: Test, path: string): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      t.teardown(() => socket.destroy());
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Wire(socket)));
    });
  }

  /** Sends values as lines, strings and bytes as they are. */
  send(...values: unknown[]): void {
    for (const value of values) {
      this.socket.write(
        typeof value === 'string' || value instanceof Buffer ? value : `${JSON.stringify(value)}\n`,
      );
    }
  }

  request(id: string | number | null, method: string, params?: object): void {
    this.send({ jsonrpc: '2.0', id, method, params });
  }

  /** The next line, parsed; null once the connection is over. */
  async next(): Promise<Answer | null> {
    while (this.#lines.length === 0) {
      if (this.#over) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = null;
    }
    return JSON.parse(this.#lines.shift()!) as Answer;
  }

  /** The next line as an error. */
  async error(): Promise<{ id: unknown; code: number; message: string; reason: string }> {
    const answer = await this.next();
    if (!answer?.error) throw new Error(`no error but ${JSON.stringify(answer)}`);
    return { id: answer.id, ...answer.error, reason: String(answer.error.data['reason']) };
  }
}

export interface Answer {
  readonly jsonrpc: string;
  readonly id?: unknown;
  readonly result?: Record<string, unknown>;
  readonly error?: { code: number; message: string; data: Record<string, unknown> };
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}
