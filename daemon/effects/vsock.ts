import { connect, type Socket } from 'node:net';
import {
  effect,
  look,
  type AgentSession,
  type FileWish,
  type GuestFiles,
  type GuestStream,
  type SwapWish,
  type UpdateWish,
} from '../../plugins/contract.js';

/** Where an agent is to be reached. */
export type Endpoint =
  /** Through the Unix socket of a VMM, which is asked for a port of the guest. */
  | { readonly via: 'vsock'; readonly path: string; readonly port: number }
  /** A Unix socket that leads to the agent itself, as QEMU's character devices do. */
  | { readonly via: 'unix'; readonly path: string }
  | { readonly via: 'tcp'; readonly address: string; readonly port: number };

/** How far a connection to an agent has come. */
export type StreamPhase = 'asked' | 'open' | 'refused' | 'closed' | 'garbled';

/** Bytes that wait for a reader before the socket is no longer read from. */
const highWater = 256 * 1024;
/** `OK <hostport>\n`, with a port of 32 bits. */
const longestGreeting = 32;

/**
 * A connection to an agent. Of one through a VMM `CONNECT` is sent first; what is written next follows at once and waits
 * in the socket until the guest has accepted. Any other is open from the start.
 */
export class AgentStream implements GuestStream {
  /** Settles when the guest has accepted (true) or can't any more (false). Never rejects. */
  readonly opened: Promise<boolean>;
  readonly #socket: Socket;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #greeting: Buffer = Buffer.alloc(0);
  #phase: StreamPhase = 'asked';
  #ended = false;
  #wake: () => void = () => undefined;
  #open: (accepted: boolean) => void = () => undefined;

  /** Takes over a connected socket; `port` is what a VMM is to be asked for. */
  constructor(socket: Socket, port: number | null) {
    this.#socket = socket;
    this.opened = new Promise((resolve) => (this.#open = resolve));
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('error', () => undefined);
    socket.once('end', () => this.#finish()).once('close', () => this.#finish());
    if (port === null) {
      this.#phase = 'open';
      this.#open(true);
    } else {
      // One write, or Firecracker, which reads at least ten bytes at once, refuses it.
      socket.write(`CONNECT ${port}\n`);
    }
  }

  get phase(): StreamPhase {
    return this.#phase;
  }

  write(bytes: Uint8Array): void {
    if (!this.#ended) this.#socket.write(bytes);
  }

  async read(signal: AbortSignal): Promise<Uint8Array | null> {
    for (;;) {
      signal.throwIfAborted();
      const bytes = this.#queue.shift();
      if (bytes !== undefined) {
        this.#queued -= bytes.length;
        if (this.#queued < highWater) this.#socket.resume();
        return bytes;
      }
      if (this.#ended) return null;
      await this.#more(signal);
    }
  }

  close(): void {
    this.#socket.destroy();
    this.#finish();
  }

  async #more(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done);
    });
  }

  #take(bytes: Buffer): void {
    const rest = this.#phase === 'asked' ? this.#greet(bytes) : bytes;
    if (rest.length === 0 || this.#ended) return;
    this.#queue.push(rest);
    this.#queued += rest.length;
    if (this.#queued >= highWater) this.#socket.pause();
    this.#wake();
  }

  /** Takes the greeting off; returns what follows it. */
  #greet(bytes: Buffer): Buffer {
    const all = Buffer.concat([this.#greeting, bytes]);
    const end = all.indexOf(10);
    if (end < 0 && all.length <= longestGreeting) {
      this.#greeting = all;
      return all.subarray(all.length);
    }
    if (/^OK \d{1,10}$/.test(all.toString('latin1', 0, Math.max(end, 0)))) {
      this.#phase = 'open';
      this.#open(true);
      return all.subarray(end + 1);
    }
    this.#phase = 'garbled';
    this.close();
    return all.subarray(all.length);
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#phase === 'asked') this.#phase = 'refused';
    else if (this.#phase === 'open') this.#phase = 'closed';
    this.#open(false);
    this.#wake();
  }
}

/**
 * Connects to an agent. Through a VMM that is without waiting for the guest: legal while the VM is Paused. Who gives up
 * closes what is in `opened` by then.
 * @throws Error of the system call (ENOENT, ECONNREFUSED) where nobody listens
 */
export const agentConnect = effect(
  'agent.connect',
  async ({ to, opened }: { to: Endpoint; opened: AgentStream[] }, cx): Promise<AgentStream> =>
    await new Promise((resolve, reject) => {
      const socket = to.via === 'tcp' ? connect(to.port, to.address) : connect(to.path);
      const stop = (): void => {
        socket.destroy();
        reject(cx.signal.reason instanceof Error ? cx.signal.reason : new Error('aborted'));
      };
      const fail = (error: Error): void => {
        cx.signal.removeEventListener('abort', stop);
        reject(error);
      };
      cx.signal.addEventListener('abort', stop);
      socket.once('error', fail).once('connect', () => {
        cx.signal.removeEventListener('abort', stop);
        socket.removeListener('error', fail);
        const stream = new AgentStream(socket, to.via === 'vsock' ? to.port : null);
        opened.push(stream);
        resolve(stream);
      });
    }),
);

/** Every call to an agent, by name: what timelines show and where faults are put. */
export const agentCalls = {
  hello: look('agent.hello', (session: AgentSession, cx) => session.hello(cx)),
  ping: look('agent.ping', (session: AgentSession, cx) => session.ping(cx)),
  look: look('agent.look', (session: Pick<Required<AgentSession>, 'look'>, cx) => session.look(cx)),
  update: effect('agent.update', ({ session, wish }: { session: AgentSession; wish: UpdateWish }, cx) =>
    session.update(wish, cx),
  ),
  prepareDetach: effect(
    'agent.prepare-detach',
    ({ session, mac }: { session: AgentSession; mac: string }, cx) => session.prepareDetach(mac, cx),
  ),
  place: effect('agent.place', ({ files, wish }: { files: GuestFiles; wish: FileWish }, cx) =>
    files.place(wish, cx),
  ),
  discard: effect(
    'agent.discard',
    ({ files, wish }: { files: GuestFiles; wish: Pick<FileWish, 'path'> }, cx) => files.discard(wish, cx),
  ),
  swap: effect('agent.swap', ({ files, wish }: { files: GuestFiles; wish: SwapWish }, cx) =>
    files.swap(wish, cx),
  ),
  confirm: effect(
    'agent.confirm',
    ({ files, wish }: { files: GuestFiles; wish: Pick<SwapWish, 'path' | 'id'> }, cx) =>
      files.confirm(wish, cx),
  ),
} as const;
