import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

export interface Seen {
  readonly id?: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface Peer {
  /** Sends any message. */
  send(message: object): void;
  /** Ends the connection without a word. */
  hangUp(): void;
}

/** What to answer: a result, an error, or nothing, where it talks to the peer itself. */
export type Answer = { result: unknown } | { error: unknown } | undefined;
export type Answers = Readonly<Record<string, (seen: Seen, peer: Peer) => Answer>>;

export interface FakeDaemon {
  readonly socket: string;
  /** Everything received, in order, notifications too. */
  readonly seen: Seen[];
  /** How often somebody has connected. */
  met(): number;
  /** Resolves when a message of this method has come. */
  saw(method: string): Promise<Seen>;
}

/** Something that speaks newline-delimited JSON-RPC and answers as it is told; gone with the test. */
export async function startFake(t: Test, answers: Answers): Promise<FakeDaemon> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-cli-'));
  const socket = join(dir, 'd.sock');
  const seen: Seen[] = [];
  const waiting: { method: string; resolve: (seen: Seen) => void }[] = [];
  const open = new Set<Socket>();
  let met = 0;
  const take = (line: string, peer: Peer): void => {
    const message = JSON.parse(line) as Seen;
    seen.push(message);
    for (const one of waiting.filter(({ method }) => method === message.method)) one.resolve(message);
    const answer = (answers[message.method] ?? unknown)(message, peer);
    if (answer !== undefined) peer.send({ jsonrpc: '2.0', id: message.id, ...answer });
  };
  const server = createServer((connection) => {
    open.add(connection);
    met += 1;
    let rest = '';
    const peer: Peer = {
      send: (message) => void connection.write(`${JSON.stringify(message)}\n`),
      hangUp: () => connection.destroy(),
    };
    connection.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line, peer);
    });
    // A client that leaves in the middle is what some tests are about.
    connection.on('error', () => undefined).on('close', () => open.delete(connection));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.teardown(async () => {
    for (const connection of open) connection.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(dir, { recursive: true });
  });
  const saw = (method: string): Promise<Seen> => {
    const there = seen.find((one) => one.method === method);
    return there === undefined
      ? new Promise((resolve) => waiting.push({ method, resolve }))
      : Promise.resolve(there);
  };
  return { socket, seen, met: () => met, saw };
}

const unknown = ({ method }: Seen): Answer =>
  method.startsWith('$/') ? undefined : { error: fault(-32601, 'method-not-found') };

/** An error as the daemon sends it. */
export function fault(code: number, reason: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    code,
    message: `message of ${reason}`,
    data: { reason, retryable: false, remedy: `remedy of ${reason}`, ...more },
  };
}
