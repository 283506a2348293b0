import { declaredEffects, type Context } from '../../plugins/contract.js';
import { internal } from '../api/errors/rpc.js';
import type { Reconciled } from '../api/system.js';
import type { Log } from '../log/logger.js';
import type { Meter } from '../metrics/meter.js';
import { asThawError } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import { Turnstile } from '../operations/turnstile.js';
import { whoLives } from '../vms/collector.js';
import type { ForeignVms } from '../vms/foreign.js';
import type { Health } from '../vms/health.js';
import type { Vm } from '../vms/vm.js';
import { diff, diffVm, type Finding, type Repair } from './diff.js';
import { lookAtAll, lookAtVm, type LookParts } from './look.js';

export interface ReconcilerParts extends LookParts {
  readonly foreign: Pick<ForeignVms, 'lookAtAll'>;
  readonly health: Health;
  readonly operations: Operations;
  readonly log: Log;
  readonly meter?: Meter | undefined;
}

type Outcome = Reconciled['findings'][number];

/**
 * Compares what is with what is recorded while the daemon runs, and mends what it can. VMs that somebody works on are
 * left alone, and what is to be done to any other is decided again right before. One run at a time.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #one = new Turnstile(1);

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** One run. With `dryRun` it only looks. What could not be mended is in the answer, not thrown. */
  run(dryRun: boolean, signal: AbortSignal): Promise<Reconciled> {
    return this.#one.through(signal, () => this.#counted(dryRun, signal));
  }

  async #counted(dryRun: boolean, signal: AbortSignal): Promise<Reconciled> {
    const { meter } = this.#parts;
    try {
      const run = await this.#run(dryRun, signal);
      meter?.reconciled(run);
      return run;
    } catch (error) {
      meter?.reconciled(null);
      throw error;
    }
  }

  /** One VM, out of its turn. What takes a person is logged. */
  lookAt(vm: Vm, signal: AbortSignal): Promise<void> {
    const { operations, records, log } = this.#parts;
    const cx = operations.looking(signal);
    return this.#one.through(signal, async () => {
      const written = new Set(await records.ids(cx));
      const found = await lookAtVm(vm, { ...this.#parts, written }, cx);
      for (const finding of found ? diffVm(found) : []) {
        const { outcome } = await this.#attempt(finding, false, () => this.#mendVm(finding, cx));
        if (outcome === 'found') log.warn({ ...finding }, 'reconcile found something');
      }
    });
  }

  async #run(dryRun: boolean, signal: AbortSignal): Promise<Reconciled> {
    const started = performance.now();
    const effects: string[] = [];
    const cx = this.#counting(effects, signal);
    const busy = this.#parts.registry.all().filter((vm) => vm.operation !== null);
    const findings: Outcome[] = [];
    await this.#parts.foreign.lookAtAll();
    const found = diff(await lookAtAll(this.#parts, cx));
    for (const finding of found) {
      if (finding.vm === null) continue;
      findings.push(await this.#attempt(finding, dryRun, () => this.#mendVm(finding, cx)));
    }
    for (const repair of ['sweep', 'mend'] as const) {
      const all = found.filter((finding) => finding.repair === repair);
      if (all.length === 0) continue;
      const done = dryRun ? Promise.resolve(false) : this.#mendHost(repair, cx);
      // Awaited by the first of them; the others share how it ended.
      for (const finding of all) findings.push(await this.#attempt(finding, dryRun, () => done));
    }
    findings.push(
      ...found
        .filter(({ vm, repair }) => vm === null && repair === null)
        .map((finding): Outcome => ({ ...finding, outcome: 'found', error: null })),
    );
    return {
      dryRun,
      findings,
      skipped: busy.map((vm) => vm.name),
      effects,
      milliseconds: performance.now() - started,
    };
  }

  async #attempt(finding: Finding, dryRun: boolean, mend: () => Promise<boolean>): Promise<Outcome> {
    if (dryRun || finding.repair === null) return { ...finding, outcome: 'found', error: null };
    try {
      if (!(await mend())) return { ...finding, outcome: 'found', error: null };
      this.#parts.log.warn({ ...finding }, 'reconcile mended something');
      return { ...finding, outcome: 'mended', error: null };
    } catch (thrown) {
      const error = asThawError(thrown);
      this.#parts.log.error({ ...finding, err: error }, 'reconcile could not mend something');
      return { ...finding, outcome: 'failed', error: error.message };
    }
  }

  /** Looks again and, where that shows the same, mends it; false where it is otherwise now, or somebody works on it. */
  async #mendVm({ vm: id, repair }: Finding, cx: Context): Promise<boolean> {
    const { registry, records } = this.#parts;
    const vm = id === null ? undefined : registry.byId(id);
    if (!vm) return false;
    const written = new Set(await records.ids(cx));
    const found = await lookAtVm(vm, { ...this.#parts, written }, cx);
    if (found === null || registry.byId(vm.id) !== vm) return false;
    if (!diffVm(found).some((finding) => finding.repair === repair)) return false;
    await this.#repairVm(vm, repair, cx);
    return true;
  }

  async #repairVm(vm: Vm, repair: Repair | null, cx: Context): Promise<void> {
    const { lifecycle, health, operations, records } = this.#parts;
    switch (repair) {
      case 'remove':
        return lifecycle.discard(vm);
      case 'undo':
        await lifecycle.undoLeft(vm);
        return health.lookAt(vm, cx);
      case 'rewrite': {
        const operation = operations.begin({ method: 'system.reconcile', vm: vm.id, name: vm.name });
        try {
          vm.claim(operation);
          await vm.write({}, records, operation.cx);
        } catch (thrown) {
          throw operation.refuse(thrown);
        }
        operation.end('committed');
        return;
      }
      case 'sweep':
      case 'mend':
      case null:
        throw internal({ what: `${repair ?? 'nothing'} is no repair of a VM` });
    }
  }

  async #mendHost(repair: 'sweep' | 'mend', cx: Context): Promise<boolean> {
    const { fabric, store, cgroups } = this.#parts;
    if (repair === 'mend') {
      await fabric.mend(cx);
      return true;
    }
    const alive = await whoLives(this.#parts, cx);
    await fabric.sweep(alive, cx);
    await store.sweep(alive, cx);
    await cgroups.sweep(alive, cx);
    return true;
  }

  /** A context that notes the names of effects which change something; looks are none. */
  #counting(effects: string[], signal: AbortSignal): Context {
    const changing = new Set(declaredEffects().flatMap(({ name, changes }) => (changes ? [name] : [])));
    const { probe } = this.#parts.operations.looking(signal);
    return {
      signal,
      probe: {
        edge: probe.edge,
        effect: (name) => {
          if (changing.has(name)) effects.push(name);
        },
      },
    };
  }
}
