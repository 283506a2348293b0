import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { agentGarbled } from '../../../daemon/api/errors/agent.js';
import type { Context } from '../../contract.js';
import type { Rpc } from './rpc.js';

/** How a program in the guest ended, and what it said. */
export interface Executed {
  readonly code: number | null;
  readonly signal: number | null;
  readonly out: string;
  readonly err: string;
}

export interface ExecWish {
  readonly path: string;
  readonly args: readonly string[];
  /** Its standard input: not seen in the guest's process list, as arguments are. */
  readonly input: string;
}

const started = z.object({ pid: z.int() });
const status = z.object({
  exited: z.boolean(),
  exitcode: z.int().optional(),
  signal: z.int().optional(),
  'out-data': z.string().optional(),
  'err-data': z.string().optional(),
});

const firstPauseMs = 2;
/** The answer is heard of about half a tenth of the program's own time too late. */
const growth = 1.1;
const longestPauseMs = 50;
/** Answering takes the guest's time from the program: so many times a question's own pass before the next. */
const restForQuestion = 5;

/** Runs one program in the guest to its end. @throws agentRefused, agentGarbled, agentSilent */
export async function execute(
  { rpc, vm, wish }: { rpc: Rpc; vm: string; wish: ExecWish },
  cx: Context,
): Promise<Executed> {
  const { path, args, input } = wish;
  const answered = await rpc.call(
    {
      execute: 'guest-exec',
      arguments: {
        path,
        arg: args,
        'input-data': Buffer.from(input, 'utf8').toString('base64'),
        'capture-output': true,
      },
    },
    cx,
  );
  const { pid } = checked(started, answered, vm);
  // The one poll of thaw: qemu-ga tells nobody when a command has ended.
  for (let pause = firstPauseMs, took = 0; ; pause = Math.min(pause * growth, longestPauseMs)) {
    // A guest that is slow to answer has better things to do.
    await sleep(Math.max(pause, took, Math.min(restForQuestion * took, longestPauseMs)), cx.signal);
    const asked = performance.now();
    const said = await rpc.call({ execute: 'guest-exec-status', arguments: { pid } }, cx);
    took = performance.now() - asked;
    const now = checked(status, said, vm);
    if (!now.exited) continue;
    const text = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('utf8');
    return {
      code: now.exitcode ?? null,
      signal: now.signal ?? null,
      out: text(now['out-data']),
      err: text(now['err-data']),
    };
  }
}

function checked<T extends z.ZodType>(shape: T, value: unknown, vm: string): z.output<T> {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw agentGarbled({ vm, why: 'its answer to guest-exec has another shape' }, { cause: parsed.error });
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}
