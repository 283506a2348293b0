import { z } from 'zod';
import {
  agentCommandOff,
  agentGarbled,
  agentRefused,
  updateFailed,
  upgradeFailed,
} from '../../../daemon/api/errors/agent.js';
import { GuestFacts } from '../../../daemon/api/shapes/guest.js';
import { UpdateAnswer } from '../../../daemon/api/shapes/update.js';
import type {
  AgentSession,
  Context,
  GuestFiles,
  GuestLook,
  GuestStream,
  UpdateWish,
} from '../../contract.js';
import { execute } from './exec.js';
import { lookScript } from './look-script.js';
import { place } from './place.js';
import { Rpc, type Command } from './rpc.js';
import { printfFormat, reseedProgram } from '../../../daemon/api/guest/reseed-program.js';
import { confirmScript, discardScript, folderScript, swapScript } from './upgrade-script.js';
import { detachScript, updateScript, type Script } from './update-script.js';

export interface QemuGaOptions {
  /** How long an update waits in the guest for each NIC to appear, in milliseconds. */
  readonly nicWait: number;
  /** How long the guest's own programs in `/etc/thaw/restore.d` may take together, in milliseconds. */
  readonly programs: number;
}

const info = z.object({
  version: z.string(),
  supported_commands: z.array(z.object({ name: z.string(), enabled: z.boolean() })).default([]),
});

/** Without these nothing is to be had of a guest. */
const neededCommands = ['guest-exec', 'guest-exec-status'] as const;
/** What thaw asks for besides: for the clock, and for files. */
const otherCommands = [
  'guest-get-time',
  'guest-set-time',
  'guest-file-open',
  'guest-file-write',
  'guest-file-flush',
  'guest-file-read',
  'guest-file-close',
] as const;

/** A guest has its host's processor. */
const reseeder = printfFormat(reseedProgram(process.arch) ?? Buffer.alloc(0));

/** A clock that is less off than this is left alone: busybox sets whole seconds, rounded. */
const clockToleranceMs = 600;
/** How long the guest's time, told with the first words, is worth something. */
const clockFreshMs = 2_000;

/** One conversation with a qemu-ga. Once a call fails in the middle, the rest can't be told apart: its owner ends it. */
export class QemuGaSession implements AgentSession {
  readonly #vm: string;
  readonly #rpc: Rpc;
  readonly #options: QemuGaOptions;
  /** Those that its guest-info names, and whether they may be used; null where it does not tell. */
  #commands: ReadonlyMap<string, boolean> | null = null;
  /** Guest's clock less host's, in milliseconds, and when that was so. */
  #clock: { readonly off: number; readonly at: number } | null = null;

  constructor({ vm, stream, options }: { vm: string; stream: GuestStream; options: QemuGaOptions }) {
    this.#vm = vm;
    this.#rpc = new Rpc(vm, stream);
    this.#options = options;
  }

  /** One round trip: in step, version and commands, and the guest's time. */
  async hello(cx: Context): Promise<{ version: string | null }> {
    const [told, time] = await this.#rpc.sync([{ execute: 'guest-info' }, { execute: 'guest-get-time' }], cx);
    if (time?.ok) this.#noteClock(time.value);
    // Distributions switch commands off, guest-info too.
    if (!told?.ok) return { version: null };
    const parsed = info.safeParse(told.value);
    if (!parsed.success) {
      throw agentGarbled({ vm: this.#vm, why: 'its guest-info has another shape' }, { cause: parsed.error });
    }
    const { version, supported_commands: commands } = parsed.data;
    this.#commands = new Map(commands.map(({ name, enabled }) => [name, enabled]));
    return { version };
  }

  async ping(cx: Context): Promise<void> {
    await this.#rpc.call({ execute: 'guest-ping' }, cx);
  }

  async update(wish: UpdateWish, cx: Context): Promise<UpdateAnswer> {
    const clock = !wish.parts.includes('clock') || (await this.#clockIsRight(cx)) ? null : Date.now();
    const script = updateScript(wish, { ...this.#options, clock, reseeder });
    const answer = await this.#run({ script, shape: UpdateAnswer, what: 'update' }, cx);
    return clock === null ? answer : await this.#mendClock(answer, cx);
  }

  async prepareDetach(mac: string, cx: Context): Promise<void> {
    const shape = z.object({ gone: z.boolean(), why: z.string().optional() });
    const answer = await this.#run({ script: detachScript(mac), shape, what: 'detach' }, cx);
    if (answer.gone) return;
    throw updateFailed({ vm: this.#vm, part: 'network', why: answer.why ?? 'the NIC did not go' });
  }

  async look(cx: Context): Promise<GuestLook> {
    const told = this.#commands;
    const off = (name: string): boolean => told !== null && told.get(name) !== true;
    const commandsOff = [...neededCommands, ...otherCommands].filter(off);
    if (neededCommands.some(off)) return { commandsOff, facts: null };
    return {
      commandsOff,
      facts: await this.#run({ script: lookScript, shape: GuestFacts, what: 'facts' }, cx),
    };
  }

  get files(): GuestFiles {
    return {
      place: async (wish, cx) => {
        const shape = z.object({ why: z.string().optional() });
        const { why } = await this.#run({ script: folderScript(wish), shape, what: 'upgrade' }, cx);
        if (why !== undefined) throw upgradeFailed({ vm: this.#vm, path: wish.path, why });
        await place({ rpc: this.#rpc, vm: this.#vm, wish }, cx);
      },
      discard: async (wish, cx) => {
        await this.#run({ script: discardScript(wish), shape: z.object({}), what: 'upgrade' }, cx);
      },
      swap: async (wish, cx) => {
        const shape = z.object({ swapped: z.boolean(), why: z.string().optional() });
        const answer = await this.#run({ script: swapScript(wish), shape, what: 'upgrade' }, cx);
        if (answer.swapped) return;
        throw upgradeFailed({
          vm: this.#vm,
          path: wish.path,
          why: answer.why ?? 'the guest does not say why',
        });
      },
      confirm: async (wish, cx) => {
        const shape = z.object({ is: z.enum(['new', 'old', 'back']) });
        return (await this.#run({ script: confirmScript(wish), shape, what: 'upgrade' }, cx)).is;
      },
    };
  }

  close(): void {
    this.#clock = null;
  }

  async #run<T extends z.ZodType>(
    { script, shape, what }: { script: Script; shape: T; what: string },
    cx: Context,
  ): Promise<z.output<T>> {
    const vm = this.#vm;
    for (const command of neededCommands) {
      if (this.#commands?.get(command) === false) throw agentCommandOff({ vm, command });
    }
    const wish = { path: '/bin/sh', args: ['-c', script.text], input: script.input };
    const { code, signal, out, err } = await execute({ rpc: this.#rpc, vm, wish }, cx);
    const answer = shape.safeParse(lastJson(out));
    if (answer.success) return answer.data;
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const said = (err.trim().split('\n').at(-1) ?? '').slice(0, 300);
    throw updateFailed({ vm, part: what, why: `its shell gave no answer (${how}): ${said}` });
  }

  /** Where `date` may not set the clock, the agent itself may. */
  async #mendClock(answer: UpdateAnswer, cx: Context): Promise<UpdateAnswer> {
    if (answer.parts['clock']?.is !== 'failed') return answer;
    // A double holds nanoseconds since 1970 to 256 ns, and JSON writes all its digits.
    const set: Command = { execute: 'guest-set-time', arguments: { time: Date.now() * 1e6 } };
    try {
      await this.#rpc.call(set, cx);
    } catch (error) {
      if (agentRefused.is(error) || agentCommandOff.is(error)) return answer;
      throw error;
    }
    return { ...answer, parts: { ...answer.parts, clock: { is: 'done' } } };
  }

  async #clockIsRight(cx: Context): Promise<boolean> {
    if (this.#clock === null || performance.now() - this.#clock.at > clockFreshMs) {
      try {
        this.#noteClock(await this.#rpc.call({ execute: 'guest-get-time' }, cx));
      } catch (error) {
        if (agentRefused.is(error) || agentCommandOff.is(error)) return false;
        throw error;
      }
    }
    return this.#clock !== null && Math.abs(this.#clock.off) < clockToleranceMs;
  }

  #noteClock(nanoseconds: unknown): void {
    if (typeof nanoseconds !== 'number') return;
    this.#clock = { off: nanoseconds / 1e6 - Date.now(), at: performance.now() };
  }
}

/** The last line, as JSON: a guest's profile may have said something before. */
function lastJson(text: string): unknown {
  try {
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
}
