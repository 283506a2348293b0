import type { ParamsOf } from '../../../daemon/api/index.js';
import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import type { Snapshot } from '../shapes.js';
import { type Column, table } from '../table.js';
import { clean } from '../text.js';
import { age, bytes, pointOfTime } from '../units.js';
import { readLabels } from '../values.js';
import { lookOf, type Look } from '../terminal.js';
import { facts } from '../vm-view.js';

const positionals = [{ name: 'SNAPSHOT', completes: 'snapshot' }] as const;

export const create = defineCommand({
  name: 'snapshot create',
  summary: 'Take a snapshot of a running VM, proven to be without a NIC; the VM runs on.',
  positionals: [{ name: 'VM', completes: 'vm' }],
  options: {
    name: { type: 'text', value: 'NAME', summary: 'what to call it; an id it gets anyway' },
    verify: { type: 'flag', summary: 'prove with a throw-away clone that a NIC can be attached' },
    strip: { type: 'flag', summary: 'unplug the NICs first: clones can then have no network' },
    'keep-nics': { type: 'flag', summary: 'keep the NICs inside, for strategies that want them there' },
    label: { type: 'text', value: 'KEY=VALUE', multiple: true, summary: 'a label of your own' },
  },
  examples: ['thaw snapshot create base --name golden'],
  async run({ values, words }, cli) {
    const params: ParamsOf<'snapshot.create'> = {
      vm: firstWord(words),
      ...(values.name === undefined ? {} : { name: values.name }),
      labels: readLabels(values.label),
      verify: values.verify,
      strip: values.strip,
      keepNics: values['keep-nics'],
    };
    const value = await cli.watch('snapshot.create', params);
    for (const warning of value.warnings) cli.note(warning);
    const { snapshot } = value;
    cli.answer({
      value,
      names: () => [snapshot.id],
      lines: () => [
        `${cli.out.paint('green', '✓')} ${clean(snapshot.name ?? snapshot.id)}  ${snapshot.id}  ${bytes(snapshot.bytes)}  ${fitWords(snapshot)}`,
      ],
    });
    return exit.ok;
  },
});

const fitWords = ({ hotAttach }: Snapshot): string =>
  `fit for hot-attach: ${hotAttach.is}${hotAttach.is === 'yes' ? '' : ` (${clean(hotAttach.reason)})`}`;

const columnsAt = (now: number): readonly Column<Snapshot>[] => [
  { title: 'NAME', cell: (snapshot) => snapshot.name ?? '–' },
  { title: 'ID', cell: (snapshot) => snapshot.id },
  { title: 'SOURCE', cell: (snapshot) => snapshot.source.name, dropAt: 4 },
  { title: 'AGE', cell: (snapshot) => age(snapshot.createdAt, now), dropAt: 3 },
  { title: 'SIZE', align: 'right', cell: (snapshot) => bytes(snapshot.bytes), dropAt: 2 },
  { title: 'HOT-ATTACH', cell: (snapshot) => snapshot.hotAttach.is, dropAt: 1 },
  { title: 'CLONES', align: 'right', cell: (snapshot) => String(snapshot.clones.length), dropAt: 5 },
];

export const list = defineCommand({
  name: 'snapshot ls',
  aliases: ['snapshot list'],
  summary: 'List all snapshots of the store.',
  async run(_given, cli) {
    const value = await cli.call('snapshot.list', {});
    cli.answer({
      value,
      names: () => value.snapshots.map((snapshot) => snapshot.id),
      lines: () =>
        table(columnsAt(Date.now()), value.snapshots, {
          width: cli.out.size().columns,
          paint: cli.out.paint,
        }),
    });
    return exit.ok;
  },
});

function snapshotLines(snapshot: Snapshot, now: number, look: Look): readonly string[] {
  return facts(
    [
      ['name', snapshot.name ?? '–'],
      ['id', snapshot.id],
      ['created', `${pointOfTime(snapshot.createdAt)}, ${age(snapshot.createdAt, now)} ago`],
      ['source', `${snapshot.source.name} (${snapshot.source.vm}, ${snapshot.source.origin})`],
      ['parent', snapshot.parent ?? '–'],
      [
        'machine',
        `${snapshot.machine.vcpus} vCPU, ${snapshot.machine.memoryMib} MiB, ${snapshot.pci ? 'PCI' : 'no PCI'}`,
      ],
      ['hot-attach', `${snapshot.hotAttach.is}: ${snapshot.hotAttach.reason}`],
      ['Firecracker', `${snapshot.vmm.version}, snapshot format ${snapshot.vmm.snapshotFormat ?? 'unknown'}`],
      ['host', `${snapshot.host.cpuModel}, ${snapshot.host.arch}, Linux ${snapshot.host.kernel}`],
      [
        'agent',
        snapshot.agent === null ? 'none' : `${snapshot.agent.dialect}, vsock port ${snapshot.agent.port}`,
      ],
      ['clones', snapshot.clones.join(', ') || 'none'],
      ...snapshot.nics.map(
        (nic) => [`NIC ${nic.id}`, `tap ${nic.tap}${nic.mac === null ? '' : `, ${nic.mac}`}`] as const,
      ),
      ...snapshot.drives.map(
        (drive) =>
          [
            `drive ${drive.id}`,
            `${drive.path}${drive.readOnly ? ', read only' : ''}${drive.rootDevice ? ', root' : ''}`,
          ] as const,
      ),
      ...snapshot.files.map((file) => [file.name, `${bytes(file.bytes)}, sha256 ${file.sha256}`] as const),
      ...Object.entries(snapshot.labels).map(([key, value]) => [`label ${clean(key)}`, value] as const),
    ],
    look,
  );
}

export const show = defineCommand({
  name: 'snapshot show',
  summary: 'Show all that is known of a snapshot.',
  positionals,
  async run({ words }, cli) {
    const value = await cli.call('snapshot.get', { snapshot: firstWord(words) });
    cli.answer({
      value,
      names: () => [value.snapshot.id],
      lines: () => snapshotLines(value.snapshot, Date.now(), lookOf(cli.out)),
    });
    return exit.ok;
  },
});

export const remove = defineCommand({
  name: 'snapshot rm',
  aliases: ['snapshot delete'],
  summary: 'Delete a snapshot of which no clone lives any more.',
  positionals,
  async run({ words }, cli) {
    const value = await cli.call('snapshot.delete', { snapshot: firstWord(words) });
    cli.answer({
      value,
      names: () => [value.snapshot],
      lines: () => [`${cli.out.paint('green', '✓')} ${clean(value.snapshot)} deleted`],
    });
    return exit.ok;
  },
});

export const verify = defineCommand({
  name: 'snapshot verify',
  summary: 'Read a snapshot’s files again and compare them with their recorded hashes.',
  positionals,
  async run({ words }, cli) {
    const value = await cli.call('snapshot.verify', { snapshot: firstWord(words) });
    cli.answer({
      value,
      names: () => [value.snapshot],
      lines: () => [`${cli.out.paint('green', '✓')} ${clean(value.snapshot)} is intact`],
    });
    return exit.ok;
  },
});
