import type { Finding } from '../api/network.js';
import { asThawError } from '../operations/operation.js';
import { kindOf } from '../operations/run-steps.js';
import type { Context, Difference, Fabric, StepKinds } from '../../plugins/contract.js';
import type { Registry } from './registry.js';
import type { Vm } from './vm.js';

/** Milliseconds for a guest to answer a ping. */
const pingDeadline = 2_000;

export interface Ping {
  readonly vm: string;
  readonly address: string;
  readonly milliseconds: number | null;
}

/** Compares what is with what the records say should be; changes nothing. */
export class Checker {
  readonly #registry: Registry;
  readonly #kinds: StepKinds;
  readonly #fabric: Fabric;

  constructor(parts: { registry: Registry; kinds: StepKinds; fabric: Fabric }) {
    this.#registry = parts.registry;
    this.#kinds = parts.kinds;
    this.#fabric = parts.fabric;
  }

  /** What differs, of one VM, or of all and the networks themselves. */
  async check(vm: Vm | null, cx: Context): Promise<Finding[]> {
    const findings: Finding[] = [];
    if (vm === null) findings.push(...(await this.#fabric.check(cx)).map((one) => ({ vm: null, ...one })));
    for (const one of this.#of(vm)) findings.push(...(await this.#checkVm(one, cx)));
    return findings;
  }

  /** Pings every address of one VM or of all that run. */
  async ping(vm: Vm | null, cx: Context): Promise<Ping[]> {
    const targets = this.#of(vm).flatMap((one) =>
      one.record.attachments.flatMap(({ grant }) =>
        grant.addresses.map((address) => ({ vm: one.name, address: address.split('/')[0] ?? address })),
      ),
    );
    return Promise.all(
      targets.map(async (target) => ({
        ...target,
        milliseconds: await this.#fabric.ping(target.address, pingDeadline, cx),
      })),
    );
  }

  /** VMs in the middle of something are not as they will be: they are left alone. */
  #of(vm: Vm | null): readonly Vm[] {
    return (vm ? [vm] : this.#registry.all()).filter((one) => one.operation === null);
  }

  async #checkVm(vm: Vm, cx: Context): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const step of vm.record.steps) {
      const found = await this.#look(() => kindOf(this.#kinds, step).check(step, cx), step.kind);
      findings.push(...found.map((one) => ({ vm: vm.name, ...one })));
    }
    return findings;
  }

  /** A look that fails is a finding too. */
  async #look(look: () => Promise<readonly Difference[]>, what: string): Promise<readonly Difference[]> {
    try {
      return await look();
    } catch (thrown) {
      const error = asThawError(thrown);
      return [{ what, problem: error.message, remedy: error.detail.remedy }];
    }
  }
}
