/** The vsock port where the agent listens: who waits, who is served, and what becomes of them at a snapshot. */
import { environment } from '../../environment.js';
import type { Faults } from '../../faults.js';
import { exitProcess } from '../../native/libc.js';
import type { Kernel } from '../kernel.js';
import type { Namespaces } from '../namespaces.js';
import type { VCpus } from '../vcpus.js';
import { Agent, type Client } from './agent.js';

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

interface Parts {
  namespaces: Namespaces;
  vcpus: VCpus;
  kernel: Kernel;
  faults: Faults;
}

export class AgentPort {
  private readonly agent: Agent;
  private listening = false;
  private stuck = false;
  private current: VsockStream | undefined;
  private queue: VsockStream[] = [];

  constructor(
    private readonly port: number,
    private readonly parts: Parts,
  ) {
    const { namespaces, vcpus, faults } = parts;
    this.agent = new Agent({
      enter: (work) => namespaces.enter(work),
      faults,
      running: () => vcpus.running(),
      shutdown: () => exitProcess(0),
    });
  }

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
    if (!this.listening || this.parts.kernel.hung) return;
    void this.parts.vcpus.running().then(() => {
      if (offer.gone || this.parts.kernel.hung) return;
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
    const take = this.agent.serve(stream);
    stream.onData((bytes) => {
      if (!this.parts.kernel.hung) take(bytes);
    });
  }

  private closed(stream: VsockStream): void {
    this.queue = this.queue.filter((one) => one !== stream);
    if (this.current !== stream) return;
    // The guest only notices when it runs, and not at once.
    setTimeout(() => {
      void this.parts.vcpus.running().then(() => {
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
