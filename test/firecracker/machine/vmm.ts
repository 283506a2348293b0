/** One VMM: before boot, and after. */
import type { Action } from '../api/actions.js';
import { type Answer, noContent, ok } from '../api/response.js';
import type { Engine } from '../engines/engine.js';
import { environment } from '../environment.js';
import { Fault } from '../errors.js';
import type { Faults } from '../faults.js';
import { log } from '../log.js';
import { until } from '../timing.js';
import type { Version } from '../versions.js';
import { notBeforeBoot } from './answers.js';
import { showConfig } from './config.js';
import { Mmds } from './mmds.js';
import { PciBus } from './pci-bus.js';
import { answeredAtOnce, setterOf } from './preboot.js';
import { Resources } from './resources.js';
import { RunningMachine } from './running.js';
import { runtimeAnswer } from './runtime.js';
import { loadSnapshot } from './snapshot.js';

const timing = environment.timing;

export interface VmmOptions {
  readonly id: string;
  readonly version: Version;
  readonly pci: boolean;
  readonly faults: Faults;
  /** What its guest will run on. */
  readonly engine: Engine;
}

/** One call of a kind that faults know, taking as long as the real one. */
export type Timed = (kind: string, ms: number, work: () => void | Promise<void>) => Promise<Answer>;

export class Vmm {
  readonly resources: Resources;
  readonly mmds = new Mmds();
  private machine: RunningMachine | undefined;
  /** Anything boot-specific was asked for, even in vain: a load is refused from then on (facts/firecracker.md). */
  private bootPath = false;

  constructor(private readonly options: VmmOptions) {
    this.resources = new Resources(options.faults);
  }

  /** Does what is asked; throws a Fault to refuse. */
  async handle(action: Action): Promise<Answer> {
    const deprecated = 'deprecated' in action && action.deprecated ? { deprecated: true } : {};
    const answer =
      this.shared(action) ??
      (await (this.machine ? this.running(this.machine, action) : this.preboot(action)));
    return { ...answer, ...deprecated };
  }

  /** Questions that are answered at any time. */
  private shared(action: Action): Answer | undefined {
    const { version, id } = this.options;
    const state = this.machine?.state ?? 'Not started';
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the others are answered elsewhere
    switch (action.is) {
      case 'get-instance':
        return ok({ id, state, vmm_version: version.name, app_name: 'Firecracker' });
      case 'get-version':
        return ok({ firecracker_version: version.name });
      case 'get-machine':
        return ok(this.machine?.parts.machine ?? this.resources.machine);
      case 'get-config':
        return ok(showConfig((this.machine ?? this.resources).shown(), version));
      default:
        return undefined;
    }
  }

  private async preboot(action: Action): Promise<Answer> {
    if (action.is === 'start') return this.start();
    if (action.is === 'load-snapshot') return this.load(action);
    const answer = this.mmds.answer(action) ?? answeredAtOnce(action, this.resources);
    if (answer) return answer;
    const setter = setterOf(action);
    if (!setter) throw notBeforeBoot();
    this.bootPath = true;
    await setter(this.resources);
    return noContent;
  }

  private async running(machine: RunningMachine, action: Action): Promise<Answer> {
    return runtimeAnswer(action, {
      machine,
      mmds: this.mmds,
      timed: this.timed,
      engine: this.options.engine.name,
    });
  }

  /** Boots what was configured. */
  async start(): Promise<Answer> {
    if (this.resources.bootSource.kernel_image_path === '') {
      throw new Fault('Start microvm error: Cannot start microvm without kernel configuration.');
    }
    return this.timed('start', timing.start, async () => {
      const machine = this.build();
      await machine.boot(this.options.engine);
      this.machine = machine;
    });
  }

  private build(): RunningMachine {
    const { resources, options } = this;
    const bus = new PciBus();
    // The order in which Firecracker attaches them (builder.rs): balloon, drives, NICs, vsock, entropy.
    const balloon = resources.balloon ? { config: resources.balloon, ...bus.plug() } : undefined;
    const drives = resources.drives.map((drive) => ({ ...drive, ...bus.plug() }));
    const nics = resources.nics.map((nic) => ({ ...nic, ...bus.plug() }));
    const vsock = resources.vsock ? { device: resources.vsock, ...bus.plug() } : undefined;
    const entropy = resources.entropy ? { config: resources.entropy, ...bus.plug() } : undefined;
    const { machine, bootSource, mmds } = resources;
    const { version, faults, pci } = options;
    const devices = { bus, drives, nics, vsock, balloon, entropy };
    return new RunningMachine({ version, faults, machine, bootSource, pci, mmds, ...devices });
  }

  private async load(action: Action & { is: 'load-snapshot' }): Promise<Answer> {
    if (this.bootPath) {
      throw new Fault(
        'Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources.',
      );
    }
    return this.timed('load', timing.load, async () => {
      const machine = await loadSnapshot(action.params, this.options);
      if (action.params.resume_vm) await machine.resume();
      this.machine = machine;
    });
  }

  private readonly timed: Timed = async (kind, ms, work) => {
    const start = performance.now();
    await this.options.faults.around(kind, async () => {
      await work();
      await until(start, ms);
    });
    log(`'${kind}' VMM action took ${Math.round((performance.now() - start) * 1000)} us.`);
    return noContent;
  };
}
