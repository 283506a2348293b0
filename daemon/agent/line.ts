import type { AgentDialect, AgentSession, Context, GuestStream } from '../../plugins/contract.js';
import { agentCalls, agentConnect, type AgentStream, type Endpoint } from '../effects/vsock.js';

/** The agent's answer to the first words. */
export interface Hello {
  readonly version: string | null;
}

async function connected(to: Endpoint, cx: Context): Promise<AgentStream> {
  const opened: AgentStream[] = [];
  try {
    return await agentConnect({ to, opened }, cx);
  } catch (error) {
    // Given up when it was open already: an agent that serves one client at a time would wait for this one for ever.
    for (const stream of opened) stream.close();
    throw error;
  }
}

/** One connection to an agent, its first words said at once, even before the guest has accepted. */
export class Line {
  readonly session: AgentSession;
  readonly hello: Promise<Hello>;
  readonly #stream: AgentStream;
  #answered = false;
  readonly #over = new AbortController();

  private constructor(stream: AgentStream, session: AgentSession, cx: Context) {
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
    { vm, to, dialect }: { vm: string; to: Endpoint; dialect: AgentDialect },
    cx: Context,
  ): Promise<Line> {
    const stream = await connected(to, cx);
    const dial = (inner: Context): Promise<GuestStream> => connected(to, inner);
    return new Line(stream, dialect.open(vm, stream, dial), cx);
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
  evidence(to: Endpoint): string {
    const { phase } = this.#stream;
    const port = to.via === 'unix' ? to.path : `${to.via === 'vsock' ? 'vsock port' : to.address} ${to.port}`;
    switch (phase) {
      case 'asked':
        return `its vsock did not answer a connect to ${port} (still booting, paused, or without the driver)`;
      case 'refused':
        return `nothing listens on ${port}`;
      case 'open':
        return this.#answered
          ? 'its agent answered the first words and then no more'
          : `${port} accepted the connection and then said nothing (an agent that serves somebody else?)`;
      case 'closed':
        return `${port} accepted the connection and then closed it`;
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
