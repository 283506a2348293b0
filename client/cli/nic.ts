import type { ParamsOf } from '../../daemon/api/index.js';
import { readPort } from './ports.js';
import { limitersOf, limitKeys } from './rate-limits.js';
import { readFields } from './values.js';

type Nic = NonNullable<ParamsOf<'snapshot.restore'>['nics']>[number];
type BootNics = NonNullable<ParamsOf<'vm.boot'>['networks']>;

/** What `--nic` may say of a NIC that is to be made. */
const keys = ['network', 'address', 'mac', 'port', ...limitKeys] as const;
/** And of one that may be inside a snapshot. */
const keysInside = [...keys, 'id'] as const;

/** The option of commands whose VM gets NICs. */
export const nicOption = {
  type: 'text',
  value: 'KEY=VALUE,…',
  multiple: true,
  summary: 'a NIC more exactly; each part may be left out (above)',
} as const;

/** What it takes, for help. */
export const nicDetails =
  '--nic takes network=NAME, address=ADDRESS, mac=MAC, port=[ADDRESS:]HOST:GUEST[/udp], rx=RATE and tx=RATE (most that ' +
  'the guest receives and sends, in bits per second: 500kbit, 10mbit, 1gbit), rx-ops=N and tx-ops=N (packets per second), ' +
  'rx-burst=BYTES and tx-burst=BYTES (how much may go at once: 256k, 1m; else a second’s worth), with commas between.';

function readNic(text: string, known: readonly (typeof keysInside)[number][]): Nic {
  const fields: Readonly<Partial<Record<(typeof keysInside)[number], string>>> = readFields(
    'nic',
    text,
    known,
  );
  const { network, address, mac, id, port } = fields;
  return {
    ...(network !== undefined && { network }),
    ...(address !== undefined && { address }),
    ...(mac !== undefined && { mac }),
    ...(id !== undefined && { id }),
    ...(port !== undefined && { ports: [readPort('nic', port)] }),
    ...limitersOf(fields, (key) => `--nic ${text}: ${key}`),
  };
}

/** The NICs that `--network` and `--nic` ask for, networks first. @throws usage */
export function nicsOf(networks: readonly string[], nics: readonly string[]): Nic[] {
  return [...networks.map((network) => ({ network })), ...nics.map((text) => readNic(text, keysInside))];
}

/** The same for a VM that is booted, which has no NIC yet. @throws usage */
export function bootNics(networks: readonly string[], nics: readonly string[]): BootNics {
  return [...networks, ...nics.map((text) => readNic(text, keys))];
}
