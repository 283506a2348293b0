import { join } from 'node:path';
import { deadlineExceeded } from '../api/errors/rpc.js';
import { vmEnded } from '../api/errors/vm.js';
import type { ProcessExit } from '../effects/process.js';
import { within, type Context } from '../../plugins/contract.js';
import { VmmApi } from './api.js';
import type { Binaries } from './binaries.js';
import type { Capabilities } from './capabilities.js';
import { findVmm, launchVmm, type LaunchWish } from './launcher.js';
import {
  adoptProcess,
  endProcess,
  isAlive,
  vmmFiles,
  type Cell,
  type ProcessIdentity,
  type VmmProcess,
} from './process.js';
import { Seats } from './seats.js';

/** A VMM and the one connection to it. */
export interface Vmm {
  readonly process: VmmProcess;
  readonly api: VmmApi;
}

/** A VM and its folder: how its VMM is found, whoever started it. */
export interface Berth {
  readonly vm: string;
  readonly dir: string;
}

/** Milliseconds from the start of a process to its API socket's first answer. */
const startDeadline = 30_000;
/** Milliseconds between asking a VMM to end and killing it: SIGTERM ends Firecracker at once (no flush, no handler). */
const endGrace = 1_000;

/** The VMMs of this daemon: started, found again, ended; one API connection each. */
export class Fleet {
  readonly #vmms = new Map<string, Vmm>();
  /** VMs whose VMM was seen to end: none is left to be looked for. */
  readonly #ended = new Set<string>();
  /** VMs whose VMMs are limited. */
  readonly #cells = new Map<string, Cell>();
  readonly #binary: string;
  readonly #args: readonly string[];
  readonly #binaries: Binaries;
  readonly #slice: string | undefined;
  readonly #onExit: (process: VmmProcess, exit: ProcessExit) => void;
  readonly #seats: Seats;

  constructor(parts: {
    binary: string;
    args: readonly string[];
    binaries: Binaries;
    /** Under which systemd starts them; left out, they are children of ours. */
    slice?: string | undefined;
    /** Called once for each VMM that ends, wanted or not. */
    onExit: (process: VmmProcess, exit: ProcessExit) => void;
    /** Something happened to the socket of a VM's VMM. */
    onHint: (vm: string) => void;
  }) {
    this.#binary = parts.binary;
    this.#args = parts.args;
    this.#binaries = parts.binaries;
    this.#slice = parts.slice;
    this.#onExit = parts.onExit;
    this.#seats = new Seats(parts.onHint);
  }

  /** What the configured Firecracker can do. @throws vmmNotExecutable */
  capabilities(cx: Context): Promise<Capabilities> {
    return this.#binaries.look(this.#binary, cx);
  }

  /**
   * Starts a VMM and waits until it answers; the connection to it is open then, and spared the first call of a restore.
   * @throws vmmNotExecutable, vmmDied, deadlineExceeded, vmmSilent
   */
  async launch(
    wish: Berth & Pick<LaunchWish, 'within'> & { pci: boolean },
    cx: Context,
  ): Promise<VmmProcess> {
    const { vm, dir, within: where } = wish;
    const cell = (): Cell | undefined => this.#cells.get(vm);
    const launch = {
      cell,
      vm,
      dir,
      binary: this.#binary,
      args: this.#args,
      enablePci: wish.pci,
      slice: this.#slice,
      within: where,
    };
    const process = await launchVmm(launch, cx);
    const vmm = this.#keep(process);
    const limit = { what: 'the start of Firecracker', milliseconds: startDeadline };
    await within(cx, limit, async (inner) => {
      await process.waitForSocket(inner);
      await this.#seat(vmm, inner);
      await vmm.api.describe(inner);
    });
    return process;
  }

  /**
   * Takes up a VMM that this daemon has not started, if that very process lives: one that is stopped or starved just now
   * does not answer, and is no less alive. One whose process nobody has written down must answer.
   * @returns null where it does not
   */
  async adopt(
    { apiSocket, ...berth }: Berth & { apiSocket?: string | undefined },
    identity: ProcessIdentity | null,
    cx: Context,
  ): Promise<Vmm | null> {
    const theirs = apiSocket !== undefined;
    const cell = (): Cell | undefined => this.#cells.get(berth.vm);
    const facts = { cell, ...berth, apiSocket: apiSocket ?? join(berth.dir, vmmFiles.apiSocket), theirs };
    if (identity) {
      if (!(await isAlive(identity, cx))) return null;
      return this.#seat(this.#keep(adoptProcess({ ...facts, ...identity })), cx);
    }
    for (const found of await findVmm(berth, cx)) {
      const vmm = this.#keep(adoptProcess({ ...facts, ...found }));
      if (await answers(vmm.api, cx)) return this.#seat(vmm, cx);
    }
    return null;
  }

  /** Lets go of a VMM, which lives on. */
  letGo(vm: string): void {
    const vmm = this.#vmms.get(vm);
    if (!vmm) return;
    this.#vmms.delete(vm);
    this.#close(vmm);
  }

  find(vm: string): Vmm | undefined {
    return this.#vmms.get(vm);
  }

  /** @throws vmEnded */
  api(vm: string): VmmApi {
    const vmm = this.#vmms.get(vm);
    if (!vmm) throw vmEnded({ vm });
    return vmm.api;
  }

  /** Which process a VM's VMM is, for its record; null where it has none. */
  identity(vm: string): ProcessIdentity | null {
    const process = this.#vmms.get(vm)?.process;
    return process ? { pid: process.pid, startTime: process.startTime } : null;
  }

  async answers(vm: string, cx: Context): Promise<boolean> {
    const vmm = this.#vmms.get(vm);
    return vmm !== undefined && (await answers(vmm.api, cx));
  }

  /** Whether a VM's VMM, if it has one, can be found by its socket still: nobody has removed or replaced it. */
  async seated(vm: string, cx: Context): Promise<boolean> {
    const vmm = this.#vmms.get(vm);
    return vmm === undefined || (await this.#seats.kept(vmm.process, cx));
  }

  /** Ends the VMM of a VM, whoever started it; none is as good. @throws deadlineExceeded where it can't be killed */
  async end(berth: Berth, cx: Context): Promise<void> {
    const vmm = this.#vmms.get(berth.vm);
    if (vmm) {
      vmm.api.close();
      assertGone(vmm.process, await vmm.process.end(endGrace, cx));
      return;
    }
    // A look at every process of the host: only for a VM left by another daemon, or in the middle of its start.
    if (this.#ended.has(berth.vm)) return;
    for (const identity of await findVmm(berth, cx))
      assertGone(identity, await endProcess({ identity, graceMs: endGrace }, cx));
  }

  /** Notes where a VM's VMM is limited: what it may have died of. */
  confined(vm: string, cell: Cell): void {
    this.#cells.set(vm, cell);
  }

  /** Forgets a VM that is gone for good. */
  forget(vm: string): void {
    this.#cells.delete(vm);
    this.#ended.delete(vm);
  }

  /** Lets go of all connections; the VMMs live on. */
  close(): void {
    for (const vmm of this.#vmms.values()) this.#close(vmm);
    this.#vmms.clear();
  }

  #keep(process: VmmProcess): Vmm {
    const { vm } = process;
    const api = new VmmApi({ vm, socketPath: process.apiSocket, process });
    const vmm = { process, api };
    this.#vmms.set(vm, vmm);
    this.#ended.delete(vm);
    void process.exited.then((exit) => {
      this.#close(vmm);
      // After close() nobody is to hear of it any more.
      if (this.#vmms.get(vm) !== vmm) return;
      this.#vmms.delete(vm);
      this.#ended.add(vm);
      this.#onExit(process, exit);
    });
    return vmm;
  }

  /** Watches the socket by which a VMM is found, from when it is there. */
  async #seat(vmm: Vmm, cx: Context): Promise<Vmm> {
    await this.#seats.take(vmm.process, cx);
    // It may have ended meanwhile.
    if (this.#vmms.get(vmm.process.vm) !== vmm) this.#close(vmm);
    return vmm;
  }

  #close(vmm: Vmm): void {
    vmm.api.close();
    this.#seats.leave(vmm.process);
  }
}

/** What it holds must not be freed under a process that lives on, e.g. in an uninterruptible wait. */
function assertGone({ pid }: ProcessIdentity, gone: boolean): void {
  if (!gone)
    throw deadlineExceeded({ what: `the end of Firecracker (process ${pid})`, milliseconds: endGrace });
}

async function answers(api: VmmApi, cx: Context): Promise<boolean> {
  try {
    await api.describe(cx);
    return true;
  } catch {
    // Why it does not answer is the same to whoever asks whether it does.
    return false;
  }
}
