import { join } from 'node:path';
import { cgroupsUnavailable } from '../api/errors/host.js';
import { VmId } from '../api/shapes/ids.js';
import type { VmLimits } from '../api/shapes/limits.js';
import { cgroupControllers, cgroupNames, cgroupRemove } from '../effects/cgroups.js';
import type { Alive, Context } from '../../plugins/contract.js';

/** Limits that were found to be possible, and where. */
export interface Confinement {
  readonly parent: string;
  readonly limits: VmLimits;
}

/** Where VMMs with limits live: each in a cgroup of its own, called by its VM's id. */
export class Cgroups {
  readonly #parent: string;
  readonly #slice: string | undefined;
  #limits: VmLimits;

  /** @param given with `slice`, systemd starts the VMMs in units beneath it */
  constructor({ parent, limits, slice }: Confinement & { readonly slice?: string | undefined }) {
    this.#parent = parent;
    this.#limits = limits;
    this.#slice = slice;
  }

  /** Changes what VMs get that are asked for without limits. @throws cgroupsUnavailable, and nothing is changed then */
  async standard(limits: VmLimits, cx: Context): Promise<void> {
    await this.#possible(limits, cx);
    this.#limits = limits;
  }

  /** The limits of a VM that is asked for with these; null for none. @throws cgroupsUnavailable */
  async confinement(asked: VmLimits | undefined, cx: Context): Promise<Confinement | null> {
    return this.#possible({ ...this.#limits, ...asked }, cx);
  }

  async #possible(limits: VmLimits, cx: Context): Promise<Confinement | null> {
    const [parent, needed] = [this.#parent, controllersOf(limits)];
    if (needed.length === 0) return null;
    // A process that leaves its unit's cgroup has ended as far as systemd knows, and the unit is cleaned up.
    if (this.#slice !== undefined) {
      const why = `VMMs are units of systemd's under ${this.#slice}; set MemoryMax=, CPUQuota= or TasksMax= there`;
      throw cgroupsUnavailable({ parent, why });
    }
    const there = await cgroupControllers(parent, cx);
    if (there === null) throw cgroupsUnavailable({ parent, why: 'it is in no cgroup v2 hierarchy' });
    const missing = needed.filter((name) => !there.includes(name));
    if (missing.length > 0)
      throw cgroupsUnavailable({ parent, why: `its hierarchy has no controller ${missing.join(', ')}` });
    return { parent, limits };
  }

  /** Cgroups of nobody. One in which something runs is left to people. */
  async strays(alive: Alive, cx: Context): Promise<readonly string[]> {
    const all = await cgroupNames(this.#parent, cx);
    return all.flatMap(({ name, empty }) =>
      empty && VmId.safeParse(name).success && !alive.has(name) ? [`cgroup ${name}`] : [],
    );
  }

  async sweep(alive: Alive, cx: Context): Promise<readonly string[]> {
    const strays = await this.strays(alive, cx);
    for (const stray of strays) await cgroupRemove(join(this.#parent, stray.slice('cgroup '.length)), cx);
    return strays;
  }
}

const controllersOf = ({ memoryMib, cpus, pids }: VmLimits): readonly string[] =>
  [
    memoryMib === undefined ? '' : 'memory',
    cpus === undefined ? '' : 'cpu',
    pids === undefined ? '' : 'pids',
  ].filter((name) => name !== '');
