/** One VMM: what it answers before and after boot (`PrebootApiController` and `RuntimeApiController`). */
import type { Action } from '../api/actions.js';
import { type Answer, noContent, ok } from '../api/response.js';
import { environment } from '../environment.js';
import { Fault } from '../errors.js';
import type { Faults } from '../faults.js';
import type { Shell } from '../guest/shell.js';
import { configureLog, log } from '../log.js';
import { exitProcess } from '../native/libc.js';
import { ioErrorText } from '../native/errno.js';
import { until } from '../timing.js';
import type { Version } from '../versions.js';
import { mergePatch, notAfterBoot, notBeforeBoot } from './answers.js';
import { showConfig } from './config.js';
import { PciBus } from './pci-bus.js';
import { Resources } from './resources.js';
import { RunningMachine } from './running.js';
import { createSnapshot, loadSnapshot } from './snapshot.js';

const timing = environment.timing;

export interface VmmOptions {
  readonly id: string;
  readonly version: Version;
  readonly pci: boolean;
  readonly faults: Faults;
  /** The namespaces of a guest, once they are ready; undefined where there can be none. */
  readonly shell: () => Promise<Shell | undefined>;
}

export class Vmm {
  readonly resources: Resources;
  private machine: RunningMachine | undefined;
  /** Anything boot-specific was asked for, even in vain: a load is refused from then on (facts/firecracker.md). */
  private bootPath = false;

  constructor(private readonly options: VmmOptions) {
    this.resources = new Resources(options.faults);
  }

  /** Does what is asked; throws a Fault to refuse. */
  async handle(action: Action): Promise<Answer> {
    const deprecated = 'deprecated' in action && action.deprecated ? { deprecated: true } : {};
    const answer = this.machine ? await this.running(this.machine, action) : await this.preboot(action);
    return { ...answer, ...deprecated };
  }

  private get state(): string {
    return this.machine?.state ?? 'Not started';
  }

  private common(action: Action): Answer | undefined {
    const { version, id } = this.options;
    switch (action.is) {
      case 'get-instance':
        return ok({ id, state: this.state, vmm_version: version.name, app_name: 'Firecracker' });
      case 'get-version':
        return ok({ firecracker_version: version.name });
      case 'get-machine':
        return ok(this.machine?.parts.machine ?? this.resources.machine);
      case 'get-config':
        return ok(showConfig((this.machine ?? this.resources).shown(), version));
      case 'get-balloon': {
        const balloon = this.machine ? this.machine.parts.balloon?.config : this.resources.balloon;
        if (balloon !== null && balloon !== undefined) return ok(balloon);
        throw new Fault(
          this.machine
            ? 'Internal VMM error: Failed perform action on device: Device not found'
            : 'Balloon config error: No balloon device found.',
        );
      }
      default:
        return undefined;
    }
  }

  private mmds(action: Action): Answer | undefined {
    switch (action.is) {
      case 'get-mmds':
        return ok(this.resources.mmdsData ?? {});
      case 'put-mmds':
        this.resources.mmdsData = action.data;
        return noContent;
      case 'patch-mmds':
        if (this.resources.mmdsData === null)
          throw new Fault('MMDS error: The MMDS data store is not initialized.');
        this.resources.mmdsData = mergePatch(this.resources.mmdsData, action.data);
        return noContent;
      default:
        return undefined;
    }
  }

  private async preboot(action: Action): Promise<Answer> {
    const { resources } = this;
    const common = this.common(action) ?? this.mmds(action);
    if (common) return common;
    switch (action.is) {
      case 'set-logger':
        configure('Logger error: Failed to open target file: ', () => configureLog(action.config));
        return noContent;
      case 'set-cpu':
      case 'set-serial':
      case 'set-metrics':
        return noContent;
      case 'load-snapshot':
        return this.load(action);
      case 'start':
        return this.start();
      default:
    }
    const setter = this.setterOf(action);
    if (!setter) throw notBeforeBoot();
    this.bootPath = true;
    await setter(resources);
    return noContent;
  }

  private setterOf(action: Action): ((resources: Resources) => void | Promise<void>) | undefined {
    switch (action.is) {
      case 'set-boot-source':
        return (resources) => resources.setBootSource(action.config);
      case 'update-machine':
        return (resources) => resources.setMachine(action.update);
      case 'insert-nic':
        return (resources) => resources.insertNic(action.config);
      case 'insert-drive':
        return (resources) => resources.insertDrive(action.config);
      case 'set-vsock':
        return (resources) => resources.setVsock(action.config);
      case 'set-balloon':
        return (resources) => resources.setBalloon(action.config);
      case 'set-entropy':
        return (resources) => void (resources.entropy = action.config);
      case 'set-mmds':
        return (resources) => resources.setMmds(action.config);
      default:
        return undefined;
    }
  }

  /** Boots what was configured. */
  async start(): Promise<Answer> {
    if (this.resources.bootSource.kernel_image_path === '') {
      throw new Fault('Start microvm error: Cannot start microvm without kernel configuration.');
    }
    return this.timed('start', timing.start, async () => {
      const shell = await this.options.shell();
      const machine = this.build();
      machine.boot(shell);
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
    return new RunningMachine({
      version,
      faults,
      machine,
      bootSource,
      pci,
      bus,
      drives,
      nics,
      vsock,
      balloon,
      entropy,
      mmds,
    });
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

  private async running(machine: RunningMachine, action: Action): Promise<Answer> {
    const common = this.common(action);
    if (common) return common;
    const { version } = this.options;
    switch (action.is) {
      case 'pause':
        return this.timed('pause', timing.pause, () => machine.pause());
      case 'resume':
        return this.timed('resume', timing.resume, () => machine.resume());
      case 'insert-nic':
        if (!version.hotplug) throw notAfterBoot();
        return this.timed('attach', timing.attach, () => machine.plugNic(action.config));
      case 'insert-drive':
        if (!version.hotplug) throw notAfterBoot();
        return this.timed('attach', timing.attach, () => machine.plugDrive(action.config));
      case 'unplug':
        return this.timed('detach', timing.detach, () => machine.unplug(action.kind, action.id));
      case 'create-snapshot':
        // A refusal and a Diff are quick; only a Full one writes all of memory.
        return this.timed(
          'create',
          machine.state === 'Paused' && action.params.snapshot_type === 'Full' ? timing.create : 2,
          () => createSnapshot(machine, action.params),
        );
      case 'update-nic':
        if (!machine.parts.nics.some((nic) => nic.config.iface_id === action.update.iface_id))
          throw deviceNotFound('Network config error: Unable to update the net device: ');
        return noContent;
      case 'update-drive':
        if (!machine.parts.drives.some((drive) => drive.config.drive_id === action.update.drive_id)) {
          throw deviceNotFound(
            'Drive config error: Unable to patch the block device: ',
            ' Please verify the request arguments.',
          );
        }
        return noContent;
      case 'get-mmds':
      case 'put-mmds':
      case 'patch-mmds': {
        const answer = machine.parts.mmds ? this.mmds(action) : undefined;
        if (!answer) throw new Fault('MMDS error: The MMDS data store is not initialized.');
        return answer;
      }
      case 'update-balloon':
      case 'update-balloon-statistics':
      case 'get-balloon-statistics':
        if (!machine.parts.balloon) throw deviceNotFound('Balloon update error: ');
        return noContent;
      case 'flush-metrics':
        return noContent;
      case 'ctrl-alt-del':
        // The guest's init takes it as a wish to reboot, which ends the VMM.
        setTimeout(() => exitProcess(0), 5);
        return noContent;
      default:
        throw notAfterBoot();
    }
  }

  /** One call of a kind that faults know, taking as long as the real one. */
  private async timed(kind: string, ms: number, work: () => void | Promise<void>): Promise<Answer> {
    const start = performance.now();
    await this.options.faults.around(kind, async () => {
      await work();
      await until(start, ms);
    });
    log(`'${kind}' VMM action took ${Math.round((performance.now() - start) * 1000)} us.`);
    return noContent;
  }
}

function deviceNotFound(prefix: string, suffix = ''): Fault {
  return new Fault(`${prefix}Failed perform action on device: Device not found${suffix}`);
}

function configure(prefix: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new Fault(prefix + ioErrorText(error));
  }
}
