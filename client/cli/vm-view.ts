import type { Attachment, Vm } from './shapes.js';
import type { Column } from './table.js';
import type { Colour, Look, Paint } from './terminal.js';
import { beside, clean, pad } from './text.js';
import { age, pointOfTime } from './units.js';

const colours: Readonly<Partial<Record<string, Colour>>> = {
  ready: 'green',
  running: 'green',
  starting: 'cyan',
  restoring: 'cyan',
  stopping: 'cyan',
  paused: 'yellow',
  degraded: 'yellow',
  failed: 'red',
  ended: 'dim',
  foreign: 'dim',
};

/** The addresses of a VM, without prefix lengths. */
export function addressesOf(vm: Vm): string {
  const bare = vm.attachments.flatMap(({ addresses }) =>
    addresses.map((address) => address.replace(/\/\d+$/, '')),
  );
  return bare.join(',') || '–';
}

/** The columns of `thaw ps`. */
export function vmColumns(now: number): readonly Column<Vm>[] {
  return [
    { title: 'NAME', cell: (vm) => vm.name },
    { title: 'ID', cell: (vm) => vm.id, dropAt: 2 },
    { title: 'STATE', cell: (vm) => vm.word, colour: (vm) => colours[vm.word] ?? null },
    { title: 'AGE', cell: (vm) => age(vm.createdAt, now), dropAt: 3 },
    { title: 'SNAPSHOT', cell: (vm) => vm.snapshot ?? '–', dropAt: 4 },
    { title: 'ADDRESS', cell: addressesOf, dropAt: 1 },
  ];
}

/** `confirmed by guest`, `failed: reason`. */
function evidence(state: { is: string; by?: string; reason?: string }): string {
  const by = state.by === undefined ? '' : ` by ${state.by}`;
  const reason = state.reason === undefined ? '' : `: ${state.reason}`;
  return `${state.is}${by}${reason}`;
}

function processWords(state: Vm['process']): string {
  switch (state.is) {
    case 'starting':
      return 'starting';
    case 'alive':
      return state.pid === null ? 'alive' : `alive, pid ${state.pid}`;
    case 'ended': {
      const { exit } = state;
      if (exit === null) return 'ended';
      return `ended, ${exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : exit.signal}`;
    }
  }
}

function attachmentWords(nic: Attachment): string {
  const inside = nic.guestInterface === null ? '' : `, ${nic.guestInterface} in the guest`;
  const addresses = nic.addresses.join(' ') || 'no address';
  return `${addresses} on ${nic.network}, tap ${nic.tap}, ${nic.mac}${inside}, ${evidence(nic.state)}`;
}

function limitWords({ memoryMib, cpus, pids }: NonNullable<Vm['limits']>): string {
  const words = [
    memoryMib === undefined ? '' : `${memoryMib} MiB`,
    cpus === undefined ? '' : `${cpus} processors`,
    pids === undefined ? '' : `${pids} threads`,
  ];
  return words.filter((word) => word !== '').join(', ');
}

/** `key: value` with the keys in a column. */
export function facts(
  rows: readonly (readonly [string, string])[],
  { paint, width }: Look,
): readonly string[] {
  const left = Math.max(0, ...rows.map(([key]) => key.length));
  return rows.flatMap(([key, value]) =>
    beside({ head: `${paint('dim', pad(key, left))}  `, left: left + 2 }, clean(value), width),
  );
}

/** All that is known of one VM, as lines. */
export function vmLines(vm: Vm, now: number, look: Look): readonly string[] {
  const rows: (readonly [string, string])[] = [
    ['name', vm.name],
    ['id', vm.id],
    ['state', vm.word],
    [
      'origin',
      vm.origin +
        (vm.snapshot === null ? '' : ` from ${vm.snapshot}`) +
        (vm.strategy === null ? '' : `, ${vm.strategy}`),
    ],
    ['created', `${pointOfTime(vm.createdAt)}, ${age(vm.createdAt, now)} ago`],
    ...(vm.expiresAt === null ? [] : [['expires', pointOfTime(vm.expiresAt)] as const]),
    ...(vm.limits === null ? [] : [['limits', limitWords(vm.limits)] as const]),
    ['process', processWords(vm.process)],
    ['power', vm.power.is],
    ['guest', evidence(vm.readiness)],
    ...(vm.readiness.is === 'degraded' ? [['', `→ ${vm.readiness.remedy}`] as const] : []),
    ...vm.attachments.map((nic) => [nic.id, attachmentWords(nic)] as const),
    ...(vm.operation === null
      ? []
      : [
          [
            'under way',
            `${vm.operation.method} (${vm.operation.id})${vm.operation.step === null ? '' : `, at ${vm.operation.step}`}`,
          ] as const,
        ]),
    ['folder', vm.dir],
    ['API socket', vm.apiSocket ?? '–'],
    ['Firecracker', vm.vmmVersion ?? 'unknown'],
    ...Object.entries(vm.labels).map(([key, value]) => [`label ${clean(key)}`, value] as const),
  ];
  return [
    ...facts(rows, look),
    ...vm.warnings.flatMap((warning) =>
      beside({ head: `${look.paint('yellow', '!')} `, left: 2 }, clean(warning), look.width),
    ),
  ];
}

/** A line for a VM that is there now, and what to do where it is not quite as it should be. */
export function vmDone(vm: Vm, paint: Paint): readonly string[] {
  const { readiness } = vm;
  const degraded = readiness.is === 'degraded';
  const sign = degraded ? paint('yellow', '!') : paint('green', '✓');
  const line = `${sign} ${clean(vm.name)}  ${vm.id}  ${vm.word}  ${addressesOf(vm)}`;
  return degraded ? [line, `  ${clean(readiness.reason)}`, `  → ${clean(readiness.remedy)}`] : [line];
}
