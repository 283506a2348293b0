import { type AgentDialect, type AgentSession, type Context } from '../../plugins/contract.js';
import { agentCalls, vsockConnect, type VsockStream } from '../effects/vsock.js';

/** The agent's answer to the first words. */
export interface Hello {
  readonly version: string | null;
}

/** One connection to an agent, its first words said at once, even before the guest has accepted. */
export class Line {
  readonly session: AgentSession;
  readonly hello: Promise<Hello>;
  readonly #stream: VsockStream;
  #answered = false;
  readonly #over = new AbortController();

  private constructor(stream: VsockStream, session: AgentSession, cx: Context) {
    this.#stream = stream;
    this.session = session;
    this.hello = agentCalls.hello(session, { signal: this.#over.signal, probe: cx.probe });
    // Whoever waits for it hears of its failure; nobody may be waiting yet.
    this.hello.then(
      () => (this.#answered = true),
      () => undefined,
    );
  }

  /** Connects. @throws Error of the system call where no VMM listens */
  static async open(
    { vm, path, port, dialect }: { vm: string; path: string; port: number; dialect: AgentDialect },
    cx: Context,
  ): Promise<Line> {
    const stream = await vsockConnect({ path, port }, cx);
    return new Line(stream, dialect.open(vm, stream), cx);
  }

  /** Whether the guest accepted; settles when that is known. */
  get opened(): Promise<boolean> {
    return this.#stream.opened;
  }

  /** Whether it can still be used. */
  get alive(): boolean {
    return this.#stream.phase === 'asked' || this.#stream.phase === 'open';
  }

  /** What the connection shows, for an agent that did not answer. */
  evidence(port: number): string {
    const { phase } = this.#stream;
    switch (phase) {
      case 'asked':
        return `its vsock did not answer a connect to port ${port} (still booting, paused, or without the driver)`;
      case 'refused':
        return `nothing listens on vsock port ${port}`;
      case 'open':
        return this.#answered
          ? 'its agent answered the first words and then no more'
          : `port ${port} accepted the connection and then said nothing (an agent that serves somebody else?)`;
      case 'closed':
        return `port ${port} accepted the connection and then closed it`;
      case 'garbled':
        return 'its vsock socket does not belong to a Firecracker';
    }
  }

  close(): void {
    this.#over.abort();
    this.session.close();
    this.#stream.close();
  }
}
