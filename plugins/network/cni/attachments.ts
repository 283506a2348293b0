import { join } from 'node:path';
import { z } from 'zod';
import { cniFailed, cniResultUnusable } from '../../../daemon/api/errors/namespaces.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';
import type { Alive, Context } from '../../contract.js';
import {
  askPlugin,
  callPlugin,
  findPlugins,
  listCache,
  readCache,
  removeCache,
  writeCache,
} from '../effects/cni.js';
import { CniList, knowsGc, knowsStatus, stdinOf, type CniCommand } from './list.js';
import { CniOrder } from './order.js';
import { Runtime } from './steps.js';
import { CniResult, guestPart, movedTo, type GuestPart } from './result.js';

/** One VM's interface in one network of CNI's. */
export interface CniAttachment {
  readonly network: string;
  /** CNI's container: the VM's id. */
  readonly vm: string;
  /** The interface in its namespace, e.g. `eth0`. */
  readonly link: string;
}

interface AddWish {
  readonly list: CniList;
  /** Path of the namespace. */
  readonly netns: string;
  readonly runtime?: Runtime;
}

/** For people. */
export const nameOfAttachment = ({ vm, link, network }: CniAttachment): string =>
  `${link} of ${vm} in ${network}`;

/** What is kept of an attachment from before its ADD until after its DEL: CHECK and DEL must be given the same again. */
const Cached = z.object({
  version: z.literal(1),
  network: z.string(),
  vm: z.string(),
  link: z.string(),
  list: CniList,
  runtime: Runtime,
  /** The namespace's path at the time of ADD. */
  netns: z.string(),
  /** Null while ADD has not answered. */
  result: CniResult.nullable(),
});
type Cached = z.infer<typeof Cached>;

/**
 * Runs the plugins of configuration lists for the namespaces of VMs, by the rules of the CNI specification 1.1: ADD in
 * order, each told the result so far, after STATUS; DEL in reverse, always, also after an ADD that failed; CHECK with the
 * result that ADD gave; one of these at a time for a VM, and GC beside none of them.
 */
export class CniAttachments {
  readonly #dir: string;
  readonly #path: readonly string[];
  readonly #deadline: number;
  readonly #order = new CniOrder();

  /**
   * @param parts.dir where the cache is kept @param parts.path folders of plugins, as in CNI_PATH
   * @param parts.deadline milliseconds for one call of a plugin
   */
  constructor(parts: { dir: string; path: readonly string[]; deadline: number }) {
    this.#dir = parts.dir;
    this.#path = parts.path;
    this.#deadline = parts.deadline;
  }

  /**
   * Proves that the plugins of a list are there and, where they know STATUS, that they can serve an ADD.
   * @throws cniPluginMissing, cniUnavailable, cniFailed
   */
  async status(network: string, list: CniList, cx: Context): Promise<void> {
    const plugins = list.plugins.map(({ type }) => type);
    await findPlugins({ plugins, path: this.#path }, cx);
    if (!knowsStatus(list)) return;
    for (const plugin of list.plugins) {
      const stdin = stdinOf(list, plugin, {});
      await askPlugin({ network, command: 'STATUS', plugin: plugin.type, stdin, ...this.#how() }, cx);
    }
  }

  /**
   * Attaches a namespace. The one that is attached already is as good.
   * @throws cniUnavailable, cniFailed, cniPluginMissing, cniResultUnusable; what was made is then still to be taken back
   * by `remove`
   */
  add(of: CniAttachment, wish: AddWish, cx: Context): Promise<GuestPart> {
    return this.#order.take(of.vm, cx.signal, () => this.#add(of, wish, cx));
  }

  async #add(of: CniAttachment, { list, netns, runtime = {} }: AddWish, cx: Context): Promise<GuestPart> {
    const before = await this.#cached(of, cx);
    if (before?.result) return usable(of, before.result);
    await this.status(of.network, list, cx);
    const cached: Cached = { version: 1, ...of, list, runtime, netns, result: null };
    // Before the first plugin runs: whoever comes after us must know that there may be something to take back.
    await this.#keep(cached, cx);
    let result: CniResult | null = null;
    for (const plugin of list.plugins) {
      const stdin = stdinOf(list, plugin, { runtime, ...(result && { prevResult: result }) });
      const answer = await callPlugin(
        this.#call(of, { command: 'ADD', plugin: plugin.type, stdin, netns }),
        cx,
      );
      const parsed = CniResult.safeParse(answer);
      if (!parsed.success) throw garbled(of, plugin.type);
      result = parsed.data;
    }
    if (!result) throw garbled(of, list.name);
    await this.#keep({ ...cached, result }, cx);
    return usable(of, result);
  }

  /** What an attachment has; null where it is not attached. */
  async find(of: CniAttachment, cx: Context): Promise<GuestPart | null> {
    const cached = await this.#cached(of, cx);
    return cached?.result ? usable(of, cached.result) : null;
  }

  /** What the plugins find wrong, in their own words; one for each. */
  check(of: CniAttachment, netns: string, cx: Context): Promise<readonly string[]> {
    return this.#order.take(of.vm, cx.signal, () => this.#check(of, netns, cx));
  }

  async #check(of: CniAttachment, netns: string, cx: Context): Promise<readonly string[]> {
    const cached = await this.#cached(of, cx);
    if (!cached?.result) return ['nothing is known of it any more'];
    const { list, runtime } = cached;
    const result = movedTo(cached.result, { from: cached.netns, to: netns });
    if (list.disableCheck) return [];
    const found: string[] = [];
    for (const plugin of list.plugins) {
      const stdin = stdinOf(list, plugin, { runtime, prevResult: result });
      try {
        await askPlugin(this.#call(of, { command: 'CHECK', plugin: plugin.type, stdin, netns }), cx);
      } catch (error) {
        if (!cniFailed.is(error)) throw error;
        found.push(error.message);
      }
    }
    return found;
  }

  /**
   * Detaches: each plugin's DEL, last first, whatever became of its ADD or of the DEL before it. Nothing to do is as good.
   * @param netns empty where the namespace is gone
   * @throws what the first plugin threw that failed; it is then known still, and can be tried again
   */
  remove(of: CniAttachment, netns: string, cx: Context): Promise<void> {
    return this.#order.take(of.vm, cx.signal, () => this.#remove(of, netns, cx));
  }

  async #remove(of: CniAttachment, netns: string, cx: Context): Promise<void> {
    const cached = await this.#cached(of, cx);
    if (!cached) return;
    const { list, runtime } = cached;
    const result = cached.result && movedTo(cached.result, { from: cached.netns, to: netns });
    await eachOf([...list.plugins].reverse(), async (plugin) => {
      const stdin = stdinOf(list, plugin, { runtime, ...(result && { prevResult: result }) });
      await callPlugin(this.#call(of, { command: 'DEL', plugin: plugin.type, stdin, netns }), cx);
    });
    await removeCache(this.#file(of), cx);
  }

  /** The attachments that are known, of whatever VM. */
  async known(cx: Context): Promise<readonly CniAttachment[]> {
    const found: CniAttachment[] = [];
    for (const name of await listCache(this.#dir, cx)) {
      const cached = read(await readCache(join(this.#dir, name), cx));
      if (cached) found.push({ network: cached.network, vm: cached.vm, link: cached.link });
    }
    return found;
  }

  /**
   * Lets the plugins of a list free what belongs to no attachment of `alive` VMs (GC, since CNI 1.1); one that fails keeps
   * no other from its own. @throws as `remove`
   */
  async gc(list: CniList, { network, alive }: { network: string; alive: Alive }, cx: Context): Promise<void> {
    if (!knowsGc(list)) return;
    await this.#order.take(null, cx.signal, async () => {
      // Asked only now, when nobody is adding anything.
      const valid = (await this.known(cx)).filter((one) => one.network === network && alive.has(one.vm));
      const keys = {
        'cni.dev/valid-attachments': valid.map(({ vm, link }) => ({ containerID: vm, ifname: link })),
      };
      await eachOf(list.plugins, async (plugin) => {
        const stdin = stdinOf(list, plugin, { keys });
        await callPlugin({ network, command: 'GC', plugin: plugin.type, stdin, ...this.#how() }, cx);
      });
    });
  }

  #how(): { path: readonly string[]; deadline: number } {
    return { path: this.#path, deadline: this.#deadline };
  }

  #call(
    { network, vm, link }: CniAttachment,
    { netns, ...call }: { command: CniCommand; plugin: string; stdin: string; netns: string },
  ): Parameters<typeof callPlugin>[0] {
    return { ...call, network, ...this.#how(), attachment: { container: vm, netns, link } };
  }

  #file({ vm, link }: CniAttachment): string {
    return join(this.#dir, `${vm}-${link}.json`);
  }

  async #keep(cached: Cached, cx: Context): Promise<void> {
    await writeCache({ path: this.#file(cached), text: JSON.stringify(cached) }, cx);
  }

  async #cached(of: CniAttachment, cx: Context): Promise<Cached | null> {
    return read(await readCache(this.#file(of), cx));
  }
}

/** Does it for each, whatever became of the one before. @throws what was thrown first */
async function eachOf<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const failed: unknown[] = [];
  for (const one of all) await work(one).catch((error: unknown) => failed.push(error));
  if (failed.length > 0) throw failed[0];
}

function read(text: string | null): Cached | null {
  if (text === null) return null;
  try {
    return Cached.parse(JSON.parse(text));
  } catch {
    // A file of somebody else's, or of a version to come: not ours to act upon.
    return null;
  }
}

function usable({ network, link }: CniAttachment, result: CniResult): GuestPart {
  const part = guestPart(result, link);
  if ('why' in part) throw cniResultUnusable({ network, why: part.why });
  return part;
}

function garbled({ network }: CniAttachment, plugin: string): ThawError {
  const said = 'what it wrote is no CNI result';
  return cniFailed({ network, command: 'ADD', plugin, number: null, said });
}
