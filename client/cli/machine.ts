import { resolve } from 'node:path';
import type { ParamsOf } from '../../daemon/api/index.js';
import type { Cli } from './cli.js';
import { isRecord } from './outcome.js';
import { usage } from './usage.js';

type Machine = ParamsOf<'vm.boot'>['config'];
type Fields = Readonly<Record<string, unknown>>;

interface MachineOptions {
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly append: string | undefined;
  readonly drive: readonly string[];
  readonly vcpus: number | undefined;
  readonly mem: number | undefined;
  readonly config: string | undefined;
}

/** `ID=FILE[:ro][:root]`; a colon elsewhere belongs to the file’s name. @throws usage */
export function readDrive(text: string): Fields {
  const match = /^([A-Za-z0-9_]{1,64})=(.+?)((?::ro|:root)*)$/.exec(text);
  if (match === null)
    throw usage(`--drive ${text}: give it as ID=FILE, ID=FILE:ro, ID=FILE:root or ID=FILE:ro:root`);
  const [, id = '', file = '', flags = ''] = match;
  return {
    drive_id: id,
    path_on_host: resolve(file),
    is_root_device: flags.includes(':root'),
    is_read_only: /:ro(?::|$)/.test(flags),
  };
}

const chosenByThaw: Readonly<Record<string, string>> = {
  'network-interfaces': 'NICs: give networks with --network, or attach them to the clones',
  logger: 'the logger',
  metrics: 'the metrics file',
  serial: 'the serial console’s file',
};

const absolute = (holder: unknown, key: string): unknown =>
  isRecord(holder) && typeof holder[key] === 'string' ? { ...holder, [key]: resolve(holder[key]) } : holder;

/** Whether a section of the file says nothing: Firecracker writes such. */
const empty = (value: unknown): boolean => value === null || (Array.isArray(value) && value.length === 0);

/**
 * The daemon’s machine from a Firecracker configuration file: paths made absolute as Firecracker would resolve them,
 * what thaw chooses itself left out and named. Everything else is passed on, for the daemon to take or to refuse.
 */
export function fromConfigFile(file: Fields): { machine: Fields; leftOut: readonly string[] } {
  const leftOut: string[] = [];
  const machine: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(file)) {
    if (key === 'vsock' && isRecord(value)) {
      if (value['uds_path'] !== undefined) leftOut.push('the vsock’s path');
      const { uds_path: _path, vsock_id: _id, ...rest } = value;
      machine['vsock'] = rest;
    } else if (empty(value)) continue;
    else if (chosenByThaw[key] !== undefined) leftOut.push(chosenByThaw[key]);
    else if (key === 'boot-source')
      machine[key] = absolute(absolute(value, 'kernel_image_path'), 'initrd_path');
    else if (key === 'drives' && Array.isArray(value)) {
      machine[key] = value.map((drive: unknown) => absolute(drive, 'path_on_host'));
    } else machine[key] = value;
  }
  return { machine, leftOut };
}

async function readConfig(path: string, cli: Cli): Promise<Fields> {
  const text = await cli.read(path);
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (cause) {
    throw usage(`--config ${path}: not JSON (${cause instanceof Error ? cause.message : 'unreadable'})`);
  }
  if (!isRecord(file)) throw usage(`--config ${path}: not a JSON object`);
  const { machine, leftOut } = fromConfigFile(file);
  for (const what of leftOut) cli.note(`${path}: left out, as thaw chooses it: ${what}`);
  return machine;
}

const section = (value: unknown): Fields => (isRecord(value) ? value : {});
const given = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** The machine to boot: the configuration file where one is named, then each option over it. @throws usage */
export async function machineFrom(options: MachineOptions, cli: Cli): Promise<Machine> {
  const file = options.config === undefined ? {} : await readConfig(options.config, cli);
  const source = {
    ...section(file['boot-source']),
    ...given({
      kernel_image_path: options.kernel === undefined ? undefined : resolve(options.kernel),
      initrd_path: options.initrd === undefined ? undefined : resolve(options.initrd),
      boot_args: options.append,
    }),
  };
  if (!('kernel_image_path' in source)) {
    throw usage('There is no kernel to boot', 'Give --kernel FILE, or --config FILE with a boot-source');
  }
  const drives = options.drive.map(readDrive);
  const machine = {
    ...section(file['machine-config']),
    ...given({ vcpu_count: options.vcpus, mem_size_mib: options.mem }),
  };
  // The file's author wrote it, not this program: the daemon's strict check is what says whether it fits.
  return {
    ...file,
    'boot-source': source,
    ...(drives.length > 0 ? { drives } : {}),
    ...(Object.keys(machine).length > 0 ? { 'machine-config': machine } : {}),
  } as unknown as Machine;
}
