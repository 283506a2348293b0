import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';
import { folder } from '../vmm/support.js';

/** What a fake guest does with one connection; `line` is what was asked for with `CONNECT`. */
export type Behaviour = (connection: Connection) => void;

export interface Connection {
  readonly socket: Socket;
  readonly port: number;
  /** The how-manieth connection, from 1. */
  readonly nth: number;
  /** What came in the very first chunk, `CONNECT` included. */
  readonly first: string;
  /** Accepts, as Firecracker does. */
  accept(): void;
  /** Calls back with each request, as JSON. */
  onRequest(callback: (request: Request) => void): void;
  answer(value: unknown): void;
}

export interface Request {
  readonly execute: string;
  readonly arguments?: Record<string, unknown>;
}

/** The host's side of a VM's vsock, and behind it whatever a test wants a guest to be. */
export class FakeGuest {
  readonly path: string;
  connections = 0;
  /** Connections that have asked for a port. */
  asked = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #behaviour: Behaviour;

  private constructor(path: string, behaviour: Behaviour) {
    this.path = path;
    this.#behaviour = behaviour;
    this.#server = createServer((socket) => this.#take(socket));
  }

  static async open(t: Test, behaviour: Behaviour): Promise<FakeGuest> {
    const guest = new FakeGuest(`${folder(t)}/v.sock`, behaviour);
    await once(guest.#server.listen(guest.path), 'listening');
    t.teardown(() => guest.close());
    return guest;
  }

  /** From the next connection on. */
  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
  }

  /** Open connections. */
  get open(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.path, { force: true });
  }

  #take(socket: Socket): void {
    const nth = (this.connections += 1);
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    socket.once('data', (chunk: Buffer) => {
      const first = chunk.toString('latin1');
      this.asked += 1;
      const connect = /^CONNECT (\d+)\n/.exec(first);
      if (connect === null) {
        socket.destroy();
        return;
      }
      let text = first.slice(connect[0].length);
      let callback: ((request: Request) => void) | undefined;
      const drain = (): void => {
        for (let end = text.indexOf('\n'); callback && end >= 0; end = text.indexOf('\n')) {
          const line = text.slice(0, end).replaceAll('\xff', '');
          text = text.slice(end + 1);
          callback(JSON.parse(line) as Request);
        }
      };
      socket.on('data', (more: Buffer) => {
        text += more.toString('latin1');
        drain();
      });
      const port = Number(connect[1]);
      this.#behaviour({
        ...{ socket, port, nth, first },
        accept: () => void socket.write('OK 1073741824\n'),
        answer: (value) => void socket.write(`${JSON.stringify({ return: value })}\n`),
        onRequest: (wanted) => {
          callback = wanted;
          drain();
        },
      });
    });
  }
}

/** What a qemu-ga answers, as far as a conversation needs it; `over` takes the place of single answers. */
export function agentAnswers(
  connection: Connection,
  over: Record<string, (request: Request) => unknown> = {},
): void {
  const standard: Record<string, (request: Request) => unknown> = {
    'guest-info': () => ({ version: '7.2.0', supported_commands: [{ name: 'guest-exec', enabled: true }] }),
    'guest-get-time': () => Date.now() * 1e6,
    'guest-ping': () => ({}),
    'guest-exec': () => ({ pid: 7 }),
    'guest-exec-status': () => exited(updated),
  };
  connection.onRequest((request) => {
    if (request.execute === 'guest-sync-delimited') {
      connection.socket.write(Buffer.of(0xff));
      connection.answer(request.arguments?.['id']);
      return;
    }
    const value = (over[request.execute] ?? standard[request.execute])?.(request);
    if (value === silence) return;
    if (value === undefined) {
      const error = { class: 'CommandNotFound', desc: `The command ${request.execute} has not been found` };
      connection.socket.write(`${JSON.stringify({ error })}\n`);
    } else {
      connection.answer(value);
    }
  });
}

/** In place of an answer: none. */
export const silence = Symbol('no answer');

export const exited = (out: string, exitcode = 0): unknown => ({
  exited: true,
  exitcode,
  'out-data': Buffer.from(out).toString('base64'),
});

export const updated = `${JSON.stringify({
  parts: { network: { is: 'done' } },
  interfaces: { '02:00:00:00:00:01': 'eth0' },
  hostname: 'web',
  machineId: null,
})}\n`;
