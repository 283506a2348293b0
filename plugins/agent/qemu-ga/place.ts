import { createHash } from 'node:crypto';
import { z } from 'zod';
import { agentGarbled, agentRefused, upgradeFailed } from '../../../daemon/api/errors/agent.js';
import type { Context, FileWish } from '../../contract.js';
import type { Command, Rpc } from './rpc.js';
import { newPath } from './upgrade-script.js';

/** Bytes of one request: a third more as base64, far below what qemu-ga takes at once. */
const chunkBytes = 192 * 1024;

const ask = (what: string, args: Readonly<Record<string, unknown>>): Command => ({
  execute: `guest-file-${what}`,
  arguments: args,
});

const handleShape = z.int();
const written = z.object({ count: z.int() });
const read = z.object({ count: z.int().min(0), 'buf-b64': z.string(), eof: z.boolean() });

/**
 * Writes a file beside the one that it will replace, and reads it again: what the guest has then is what was sent.
 * @throws upgradeFailed, agentRefused, agentCommandOff, agentGarbled, agentSilent
 */
export async function place(
  { rpc, vm, wish }: { rpc: Rpc; vm: string; wish: FileWish },
  cx: Context,
): Promise<void> {
  const files = new Files(rpc, vm);
  const path = newPath(wish.path);
  await files.with({ path, mode: 'w' }, cx, async (handle) => {
    for (let at = 0; at < wish.content.length;) {
      const chunk = wish.content.subarray(at, at + chunkBytes);
      const write = ask('write', { handle, 'buf-b64': chunk.toString('base64') });
      const { count } = await files.call(written, write, cx);
      if (count < 1) throw upgradeFailed({ vm, path: wish.path, why: 'the guest takes no more bytes' });
      at += count;
    }
    await files.call(z.unknown(), ask('flush', { handle }), cx);
  });
  const hash = createHash('sha256');
  await files.with({ path, mode: 'r' }, cx, async (handle) => {
    for (let eof = false; !eof;) {
      const part = await files.call(read, ask('read', { handle, count: chunkBytes }), cx);
      hash.update(Buffer.from(part['buf-b64'], 'base64'));
      eof = part.eof;
    }
  });
  const found = hash.digest('hex');
  if (found !== wish.sha256) {
    throw upgradeFailed({ vm, path: wish.path, why: `it arrived damaged: its SHA-256 is ${found}` });
  }
}

/** Files of the guest, through its agent. */
class Files {
  readonly #rpc: Rpc;
  readonly #vm: string;

  constructor(rpc: Rpc, vm: string) {
    this.#rpc = rpc;
    this.#vm = vm;
  }

  /** Opens a file for as long as `work` takes. */
  async with(
    file: { path: string; mode: 'r' | 'w' },
    cx: Context,
    work: (handle: number) => Promise<void>,
  ): Promise<void> {
    const handle = await this.call(handleShape, ask('open', file), cx);
    try {
      await work(handle);
    } catch (error) {
      // The agent keeps handles for whoever comes next; where it says no more, it loses them anyway.
      if (agentRefused.is(error) || upgradeFailed.is(error)) {
        await this.call(z.unknown(), ask('close', { handle }), cx).catch(() => undefined);
      }
      throw error;
    }
    await this.call(z.unknown(), ask('close', { handle }), cx);
  }

  async call<T extends z.ZodType>(shape: T, command: Command, cx: Context): Promise<z.output<T>> {
    const answer = shape.safeParse(await this.#rpc.call(command, cx));
    if (answer.success) return answer.data;
    throw agentGarbled(
      { vm: this.#vm, why: `its answer to ${command.execute} has another shape` },
      { cause: answer.error },
    );
  }
}
