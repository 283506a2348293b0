import { type Context } from '../../plugins/contract.js';
import { vmmNotExecutable } from '../api/errors/vmm.js';
import { processRun } from '../effects/process.js';
import { executableLook, stampLook, type FileStamp } from '../effects/vmm-files.js';
import { orAborted } from './turns.js';
import { capabilitiesOf, type Capabilities } from './capabilities.js';

/** The Firecracker binaries seen so far: each is asked for its version once, until its file changes. */
export class Binaries {
  readonly #known = new Map<string, { stamp: FileStamp; capabilities: Promise<Capabilities> }>();

  /**
   * What a binary can do, by `--version` and `--snapshot-version`.
   * @throws vmmNotExecutable
   */
  async look(binary: string, cx: Context): Promise<Capabilities> {
    // One that is known costs a single trip to the file system: every restore asks.
    const unchanged = this.#known.has(binary) && this.#at(binary, await stampLook(binary, cx));
    if (unchanged) return await orAborted(unchanged, cx.signal);
    const looked = await executableLook(binary, cx);
    if ('why' in looked) throw vmmNotExecutable({ binary, why: looked.why });
    const { stamp } = looked;
    // Somebody else may have begun to ask meanwhile.
    const asked = this.#at(binary, stamp);
    if (asked) return await orAborted(asked, cx.signal);
    // Under a signal of its own: others may wait for the same answer.
    const entry = {
      stamp,
      capabilities: ask(binary, { signal: AbortSignal.timeout(askMs), probe: cx.probe }),
    };
    this.#known.set(binary, entry);
    entry.capabilities.catch(() => {
      if (this.#known.get(binary) === entry) this.#known.delete(binary);
    });
    return await orAborted(entry.capabilities, cx.signal);
  }

  /** What the binary was found to do when it had this stamp. */
  #at(binary: string, stamp: FileStamp | null): Promise<Capabilities> | undefined {
    const known = this.#known.get(binary);
    return known && stamp && same(known.stamp, stamp) ? known.capabilities : undefined;
  }
}

const askMs = 10_000;

const same = (a: FileStamp, b: FileStamp): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;

async function ask(binary: string, cx: Context): Promise<Capabilities> {
  const [version, format] = await Promise.all([
    firstMatch({ binary, option: '--version', pattern: /^Firecracker v?(\S+)/m }, cx),
    firstMatch({ binary, option: '--snapshot-version', pattern: /^v?(\d+\.\d+\.\d+)/m }, cx),
  ]);
  if (version === null) throw vmmNotExecutable({ binary, why: 'it does not say a Firecracker’s version' });
  return capabilitiesOf(version, format);
}

async function firstMatch(
  { binary, option, pattern }: { binary: string; option: string; pattern: RegExp },
  cx: Context,
): Promise<string | null> {
  let said;
  try {
    said = await processRun({ binary, args: [option] }, cx);
  } catch (error) {
    throw vmmNotExecutable({ binary, why: `${option} can't be asked` }, { cause: error });
  }
  return pattern.exec(said.stdout)?.[1] ?? null;
}
