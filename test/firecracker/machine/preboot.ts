/** What is configured before boot (`PrebootApiController` of src/vmm/src/rpc_interface.rs). */
import fs from 'node:fs';
import type { Action } from '../api/actions.js';
import { type Answer, noContent, ok } from '../api/response.js';
import { Fault } from '../errors.js';
import { configureLog } from '../log.js';
import { ioErrorText } from '../native/errno.js';
import type { Resources } from './resources.js';

/** What says nothing about the machine, and so leaves a load allowed. */
export function answeredAtOnce(action: Action, resources: Resources): Answer | undefined {
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the others are answered elsewhere
  switch (action.is) {
    case 'get-balloon':
      if (resources.balloon) return ok(resources.balloon);
      throw new Fault('Balloon config error: No balloon device found.');
    case 'set-logger':
      worded('Logger error: Failed to open target file: ', () => configureLog(action.config));
      return noContent;
    case 'set-metrics':
      worded('Metrics error: Cannot initialize the metrics system due to bad user input: ', () => {
        const flags =
          fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NONBLOCK;
        fs.closeSync(fs.openSync(action.config.metrics_path, flags, 0o644));
      });
      return noContent;
    case 'set-cpu':
    case 'set-serial':
      return noContent;
    default:
      return undefined;
  }
}

/** How an action changes the machine to be; undefined for one that has no place before boot. */
export function setterOf(action: Action): ((resources: Resources) => void | Promise<void>) | undefined {
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the others are answered elsewhere
  switch (action.is) {
    case 'set-boot-source':
      return (resources) => resources.setBootSource(action.config);
    case 'update-machine':
      return (resources) => resources.setMachine(action.update);
    case 'insert-nic':
      return (resources) => resources.insertNic(action.config);
    case 'insert-drive':
      return (resources) => resources.insertDrive(action.config);
    case 'insert-pmem':
      return () => {
        throw new Fault('Pmem config error: pmem devices are not simulated.');
      };
    case 'set-vsock':
      return (resources) => resources.setVsock(action.config);
    case 'set-balloon':
      return (resources) => resources.setBalloon(action.config);
    case 'set-entropy':
      return (resources) => {
        resources.entropy = action.config;
      };
    case 'set-mmds':
      return (resources) => resources.setMmds(action.config);
    default:
      return undefined;
  }
}

function worded(prefix: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new Fault(prefix + ioErrorText(error));
  }
}
