/** `--config-file`: a whole machine in one JSON. */
import fs from 'node:fs';
import { configFile } from './api/bodies.js';
import { SerdeError } from './api/serde/reader.js';
import { fromSlice } from './api/serde/struct.js';
import { fail, panic } from './ending.js';
import { Fault } from './errors.js';
import { configureLog, log } from './log.js';
import type { Vmm } from './machine/vmm.js';
import { ioErrorDebug } from './native/errno.js';
import type { Version } from './versions.js';

/** Reads it, before anything else happens. */
export function readConfigFile(path: string): Buffer {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    const errno = Math.abs((error as NodeJS.ErrnoException).errno ?? 5);
    return panic(
      `Unable to open or read from the configuration file: ${ioErrorDebug(errno)}`,
      'main.rs:388:20',
    );
  }
}

/** Boots what it describes, before the API answers anything. */
export async function bootFromFile(vmm: Vmm, text: Buffer, version: Version): Promise<void> {
  try {
    const config = fromSlice(configFile(version), text);
    const { resources } = vmm;
    if (config.logger) configureLog(config.logger);
    if (config['machine-config']) resources.setMachine(config['machine-config']);
    resources.setBootSource(config['boot-source']);
    for (const drive of config.drives) resources.insertDrive(drive);
    for (const nic of config['network-interfaces']) resources.insertNic(nic);
    if (config.vsock) await resources.setVsock(config.vsock);
    if (config.balloon) resources.setBalloon(config.balloon);
    if (config['mmds-config']) resources.setMmds(config['mmds-config']);
    resources.entropy = config.entropy;
    await vmm.start();
  } catch (error) {
    if (error instanceof SerdeError) {
      fail(
        `RunWithApiError error: Failed to build MicroVM from Json: Configuration for VMM from one single json failed: Invalid JSON: ${error.message}`,
        'RunWithApi(BuildFromJson(ParseFromJson(InvalidJson)))',
        1,
      );
    }
    if (!(error instanceof Fault)) throw error;
    fail(
      `RunWithApiError error: Failed to build MicroVM from Json: ${fromFile(error.message)}`,
      'RunWithApi(BuildFromJson)',
      1,
    );
  }
  log('Successfully started microvm that was configured from one single json');
}

/** The same refusals have other names when they come from a file (`ResourcesError`). */
function fromFile(message: string): string {
  if (message.startsWith('Start microvm error: '))
    return message.replace('Start microvm error: ', 'Could not Start MicroVM from one single json: ');
  const names: Record<string, string> = {
    'Machine config error': 'VM config error',
    'Drive config error': 'Block device error',
    'Network config error': 'Network device error',
    'Vsock config error': 'Vsock device error',
    'Balloon config error': 'Balloon device error',
    'MMMDS config error': 'MMDS config error',
  };
  const head = message.slice(0, message.indexOf(':'));
  return `Configuration for VMM from one single json failed: ${names[head] ?? head}${message.slice(head.length)}`;
}
