import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const kinds = ['thawd', 'echo', 'echo-batched'] as const;
/** `echo` writes once for each line, as a bare server does; `echo-batched` once for each chunk, which is as fast as it gets. */
type Kind = (typeof kinds)[number];

/** Requests a second at a number of requests in flight; medians of the rounds. */
export interface RpcRate {
  readonly inFlight: number;
  readonly perSecond: Readonly<Record<Kind, number>>;
  /** `system.health` of the daemon's socket against each echo: medians of the rounds' ratios. */
  readonly ratio: Readonly<Record<Exclude<Kind, 'thawd'>, number>>;
}

export interface RpcBench {
  readonly rounds: number;
  readonly rates: readonly RpcRate[];
}

const rounds = 9;
const millisecondsPerRound = 250;

/** Measures all servers, each in a process of its own, in turns. Takes less than half a minute. */
export async function benchRpc(): Promise<RpcBench> {
  const dir = mkdtempSync(join(tmpdir(), 'thaw-bench-'));
  const servers: ChildProcess[] = [];
  try {
    for (const kind of kinds) {
      const script = fileURLToPath(new URL('./rpc-server.js', import.meta.url));
      const server = fork(script, [kind, join(dir, kind)]);
      servers.push(server);
      await once(server, 'message');
    }
    const rates: RpcRate[] = [];
    for (const inFlight of [1, 16, 64]) rates.push(await compare(dir, inFlight));
    return { rounds, rates };
  } finally {
    for (const server of servers) server.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function compare(dir: string, inFlight: number): Promise<RpcRate> {
  const measured: Record<Kind, number>[] = [];
  // The first round warms them up.
  for (let round = 0; round <= rounds; round++) {
    const rates = { thawd: 0, echo: 0, 'echo-batched': 0 };
    for (const kind of kinds) rates[kind] = await rate(join(dir, kind), inFlight);
    if (round > 0) measured.push(rates);
  }
  const perSecond = (kind: Kind): number => Math.round(median(measured.map((rates) => rates[kind])));
  const ratio = (kind: Kind): number =>
    Math.round(100 * median(measured.map((rates) => rates.thawd / rates[kind]))) / 100;
  return {
    inFlight,
    perSecond: {
      thawd: perSecond('thawd'),
      echo: perSecond('echo'),
      'echo-batched': perSecond('echo-batched'),
    },
    ratio: { echo: ratio('echo'), 'echo-batched': ratio('echo-batched') },
  };
}

/** Keeps `inFlight` requests under way for a while, reading the answers as any client must; answers a second. */
async function rate(path: string, inFlight: number): Promise<number> {
  const socket: Socket = connect(path);
  await once(socket, 'connect');
  const request = (id: number): string => `{"jsonrpc":"2.0","id":${id},"method":"system.health"}\n`;
  let sent = 0;
  let rest = '';
  let answered = 0;
  const began = performance.now();
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const answer: unknown = JSON.parse(line);
        if (typeof answer !== 'object' || answer === null || !('id' in answer)) {
          reject(new Error(line));
          return;
        }
        if ('error' in answer) {
          reject(new Error(line));
          return;
        }
      }
      answered += lines.length;
      if (performance.now() - began > millisecondsPerRound) {
        resolve();
        return;
      }
      let text = '';
      for (let i = 0; i < lines.length; i++) text += request(sent++);
      if (text !== '') socket.write(text);
    });
    let text = '';
    for (let i = 0; i < inFlight; i++) text += request(sent++);
    socket.write(text);
  });
  const seconds = (performance.now() - began) / 1000;
  socket.destroy();
  return answered / seconds;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
