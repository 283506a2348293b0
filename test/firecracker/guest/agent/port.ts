/** The vsock port where the agent listens: who waits, who is served, and what becomes of them at a snapshot. */
import { environment } from '../../environment.js';
import type { Client } from './agent.js';

/** A host's connection, in the guest's hands. */
export interface VsockStream extends Client {
  onData(take: (bytes: Buffer) => void): void;
  onClose(closed: () => void): void;
}

/** A CONNECT that waits for the guest's answer. */
export interface VsockOffer {
  accept(): VsockStream;
  refuse(): void;
  /** Whether its deadline has passed or the client went. */
  readonly gone: boolean;
}

/** The guest around the port. */
interface Surroundings {
  /** Resolves while the guest runs. */
  running(): Promise<void>;
  /** Whether its kernel does nothing any more (fact 2). */
  hung(): boolean;
  /** Lets its agent serve a client; the returned function takes what that sends. */
  serve(client: VsockStream): (bytes: Buffer) => void;
}

export class AgentPort {
  private listening = false;
  private stuck = false;
  private current: VsockStream | undefined;
  private queue: VsockStream[] = [];

  constructor(
    private readonly port: number,
    private readonly guest: Surroundings,
  ) {}

  listen(): void {
    this.listening = true;
  }

  /** qemu-ga still holds the client it had when the snapshot was taken (fact 4). */
  stick(): void {
    this.stuck = true;
  }

  get hasClient(): boolean {
    return this.stuck || this.current !== undefined;
  }

  connect(port: number, offer: VsockOffer): void {
    // Facts 5 and 2: nobody answers in a guest that boots, nor in one that hangs; the deadline is the VMM's.
    if (!this.listening || this.guest.hung()) return;
    void this.guest.running().then(() => {
      if (offer.gone || this.guest.hung()) return;
      if (port !== this.port) {
        offer.refuse();
        return;
      }
      const stream = offer.accept();
      this.queue.push(stream);
      stream.onClose(() => this.closed(stream));
      this.next();
    });
  }

  private next(): void {
    if (this.stuck || this.current) return;
    const stream = this.queue.shift();
    if (!stream) return;
    this.current = stream;
    const take = this.guest.serve(stream);
    stream.onData((bytes) => {
      if (!this.guest.hung()) take(bytes);
    });
  }

  private closed(stream: VsockStream): void {
    this.queue = this.queue.filter((one) => one !== stream);
    if (this.current !== stream) return;
    // The guest only notices when it runs, and not at once.
    setTimeout(() => {
      void this.guest.running().then(() => {
        if (this.current !== stream) return;
        this.current = undefined;
        this.next();
      });
    }, environment.timing.hangup);
  }

  /** After a snapshot the source's agent, told of the reset, takes new clients. */
  reset(): void {
    for (const stream of [...this.queue, ...(this.current ? [this.current] : [])]) stream.end();
    this.queue = [];
    this.current = undefined;
  }
}
