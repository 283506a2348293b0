import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { Timeline } from '../api/shapes/vm.js';
import type { Reconciled } from '../api/system.js';
import { declareGauges } from './gauges.js';
import type { Meter } from './meter.js';
import type { Present } from './present.js';

/** Seconds: a step of the daemon's own takes fractions of a millisecond, one in the guest tens, a hung one its deadline. */
const stepBuckets = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
/** Requests that only look are answered in tenths of a millisecond. */
const requestBuckets = [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30];

/**
 * What a Prometheus server reads. Labels have few values, all of them ours: methods of the contract, kinds of steps,
 * reasons of the registry, names of networks; never a VM, a snapshot or what a client has written.
 */
export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #requests = this.#counter('thaw_rpc_requests_total', {
    help: 'Requests answered; the outcome is ok or the reason of the error',
    labels: ['method', 'outcome'],
  });
  readonly #requestSeconds = this.#histogram('thaw_rpc_request_duration_seconds', {
    help: 'From a request’s being read to its answer',
    labels: ['method'],
    buckets: requestBuckets,
  });
  readonly #operations = this.#counter('thaw_operations_total', {
    help: 'Operations that have ended; reason is that of the error',
    labels: ['method', 'outcome', 'reason'],
  });
  readonly #operationSeconds = this.#histogram('thaw_operation_duration_seconds', {
    help: 'An operation from its beginning to its end, its undo included',
    labels: ['method', 'outcome'],
    buckets: stepBuckets,
  });
  readonly #stepSeconds = this.#histogram('thaw_step_duration_seconds', {
    help: 'Steps of operations by kind; phase is run or undo',
    labels: ['step', 'phase', 'outcome'],
    buckets: stepBuckets,
  });
  readonly #restores = this.#counter('thaw_restores_total', {
    help: 'Clones asked for; the outcome is ready or failed, reason is that of the error',
    labels: ['strategy', 'outcome', 'reason'],
  });
  readonly #slots = this.#counter('thaw_slot_requests_total', {
    help: 'Clones that wanted a slot: hit where one was ready, miss where it was made on the way',
    labels: ['result'],
  });
  readonly #reconciles = this.#counter('thaw_reconcile_runs_total', {
    help: 'Comparisons of records with what is there',
    labels: ['outcome'],
  });
  readonly #findings = this.#counter('thaw_reconcile_findings_total', {
    help: 'Differences that were found; the outcome is found, mended or failed',
    labels: ['outcome'],
  });
  readonly #reconcileSeconds = this.#histogram('thaw_reconcile_duration_seconds', {
    help: 'A run of reconcile',
    labels: [],
    buckets: stepBuckets,
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Shows what is, too, from now on. To be called once. */
  show(present: Present): void {
    declareGauges(this.#registry, present);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, in Prometheus' text form. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  answered({ method, outcome, milliseconds }: Parameters<Meter['answered']>[0]): void {
    this.#requests.inc({ method, outcome });
    this.#requestSeconds.observe({ method }, milliseconds / 1000);
  }

  ended({ method, outcome, error, startedAt, endedAt, spans }: Timeline): void {
    this.#operations.inc({ method, outcome, reason: error?.reason ?? '' });
    this.#operationSeconds.observe({ method, outcome }, ((endedAt ?? startedAt) - startedAt) / 1000);
    for (const { name, kind, start, end, outcome: how } of spans) {
      if (end === null || (kind !== 'step' && kind !== 'undo')) continue;
      // A step is called by its kind and, where there are several, its NIC.
      const [step = name] = name.split(' ', 1);
      const phase = kind === 'undo' ? 'undo' : 'run';
      this.#stepSeconds.observe({ step, phase, outcome: how }, (end - start) / 1000);
    }
  }

  restored({ strategy, reason }: Parameters<Meter['restored']>[0]): void {
    this.#restores.inc({ strategy, outcome: reason === null ? 'ready' : 'failed', reason: reason ?? '' });
  }

  slotWanted(found: boolean): void {
    this.#slots.inc({ result: found ? 'hit' : 'miss' });
  }

  reconciled(run: Reconciled | null): void {
    this.#reconciles.inc({ outcome: run === null ? 'failed' : 'done' });
    if (run === null) return;
    this.#reconcileSeconds.observe(run.milliseconds / 1000);
    for (const { outcome } of run.findings) this.#findings.inc({ outcome });
  }

  #counter<L extends string>(name: string, about: { help: string; labels: readonly L[] }): Counter<L> {
    const { help, labels } = about;
    return new Counter({ name, help, labelNames: labels, registers: [this.#registry] });
  }

  #histogram<L extends string>(
    name: string,
    about: { help: string; labels: readonly L[]; buckets: number[] },
  ): Histogram<L> {
    const { help, labels, buckets } = about;
    return new Histogram({ name, help, labelNames: labels, buckets, registers: [this.#registry] });
  }
}
