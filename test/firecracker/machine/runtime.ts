/** What a machine that runs or is paused answers (`RuntimeApiController` of src/vmm/src/rpc_interface.rs). */
import type { Action } from '../api/actions.js';
import { type Answer, noContent, ok } from '../api/response.js';
import type { EngineName } from '../engines/engine.js';
import { environment } from '../environment.js';
import { Fault } from '../errors.js';
import { exitProcess } from '../native/libc.js';
import { notAfterBoot } from './answers.js';
import { type Mmds, notInitialized } from './mmds.js';
import type { RunningMachine } from './running.js';
import { createSnapshot } from './snapshot.js';
import type { Timed } from './vmm.js';

const timing = environment.timing;
/** Fact 12. */
const DIFF_MS = 2;

const deviceNotFound = (prefix: string, suffix = ''): Fault =>
  new Fault(`${prefix}Failed perform action on device: Device not found${suffix}`);

interface Context {
  machine: RunningMachine;
  mmds: Mmds;
  timed: Timed;
  engine: EngineName;
}

/** Answers an action, or throws the Fault that refuses it. */
export async function runtimeAnswer(action: Action, context: Context): Promise<Answer> {
  const { machine, mmds, timed } = context;
  const { hotplug } = machine.parts.version;
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the others are answered elsewhere
  switch (action.is) {
    case 'pause':
      return timed('pause', timing.pause, () => machine.pause());
    case 'resume':
      return timed('resume', timing.resume, () => machine.resume());
    case 'insert-nic':
      if (!hotplug) throw notAfterBoot();
      return timed('attach', timing.attach, () => machine.plugNic(action.config));
    case 'insert-drive':
      if (!hotplug) throw notAfterBoot();
      return timed('attach', timing.attach, () => machine.plugDrive(action.config));
    case 'insert-pmem':
      if (!hotplug) throw notAfterBoot();
      throw new Fault('Pmem config error: pmem devices are not simulated.');
    case 'unplug':
      return timed('detach', timing.detach, () => machine.unplug(action.kind, action.id));
    case 'create-snapshot': {
      // A refusal and a Diff are quick; only a Full one writes all of memory.
      const full = machine.state === 'Paused' && action.params.snapshot_type === 'Full';
      return timed('create', full ? timing.create : Math.min(DIFF_MS, timing.create), () =>
        createSnapshot(machine, action.params, context.engine),
      );
    }
    case 'update-nic':
      machine.updateNic(action.update);
      return noContent;
    case 'update-drive':
      machine.updateDrive(action.update);
      return noContent;
    case 'get-mmds':
    case 'put-mmds':
    case 'patch-mmds': {
      const answer = machine.parts.mmds ? mmds.answer(action) : undefined;
      if (!answer) throw notInitialized();
      return answer;
    }
    case 'get-balloon':
      if (!machine.parts.balloon) throw deviceNotFound('Internal VMM error: ');
      return ok(machine.parts.balloon.config);
    case 'get-balloon-statistics':
      throw deviceNotFound('Internal VMM error: ');
    case 'update-balloon':
    case 'update-balloon-statistics':
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
