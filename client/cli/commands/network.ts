import type { ResultOf } from '../../../daemon/api/index.js';
import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { type Column, table } from '../table.js';
import { clean } from '../text.js';
import type { Paint } from '../terminal.js';
import { milliseconds } from '../units.js';

type Network = ResultOf<'network.list'>['networks'][number];
type Check = ResultOf<'network.check'>;

const columns: readonly Column<Network>[] = [
  { title: 'NAME', cell: (network) => network.name },
  { title: 'BRIDGE', cell: (network) => network.bridge, dropAt: 3 },
  { title: 'SUBNET', cell: (network) => network.subnet },
  { title: 'GATEWAY', cell: (network) => network.gateway, dropAt: 2 },
  { title: 'NAT', cell: (network) => (network.nat ? 'yes' : 'no'), dropAt: 4 },
  { title: 'MTU', align: 'right', cell: (network) => String(network.mtu), dropAt: 5 },
  {
    title: 'LEASED',
    align: 'right',
    cell: (network) => `${network.leases} of ${network.capacity}`,
    dropAt: 1,
  },
];

export const networks = defineCommand({
  name: 'networks',
  aliases: ['network ls', 'network list'],
  summary: 'List the networks of the configuration and how full they are.',
  async run(_given, cli) {
    const value = await cli.call('network.list', {});
    cli.answer({
      value,
      names: () => value.networks.map((network) => network.name),
      lines: () => table(columns, value.networks, { width: cli.out.size().columns, paint: cli.out.paint }),
    });
    return exit.ok;
  },
});

function checkLines({ findings, pings }: Check, paint: Paint): readonly string[] {
  return [
    ...findings.flatMap((finding) => [
      `${paint('red', '✗')} ${clean(`${finding.vm === null ? '' : `${finding.vm}: `}${finding.what}: ${finding.problem}`)}`,
      `  → ${clean(finding.remedy)}`,
    ]),
    ...pings.map(({ vm, address, milliseconds: ms }) =>
      ms === null
        ? `${paint('red', '✗')} ${clean(`${vm}: ${address} does not answer ping`)}`
        : `${paint('green', '✓')} ${clean(`${vm}: ${address} answered in ${milliseconds(ms)}`)}`,
    ),
    ...(findings.length === 0
      ? [`${paint('green', '✓')} links, leases and rules are as they should be`]
      : []),
  ];
}

export const gc = defineCommand({
  name: 'gc',
  aliases: ['network gc'],
  summary: 'Remove links, rules and ports that carry thaw’s mark and belong to no VM.',
  options: { 'dry-run': { type: 'flag', summary: 'only tell what would go' } },
  async run({ values }, cli) {
    const value = await cli.call('network.gc', { dryRun: values['dry-run'] });
    const word = value.dryRun ? 'would go' : 'removed';
    cli.answer({
      value,
      names: () => value.removed,
      lines: () =>
        value.removed.length === 0
          ? ['nothing to remove']
          : value.removed.map((what) => `${word}: ${clean(what)}`),
    });
    return exit.ok;
  },
});

export const check = defineCommand({
  name: 'check',
  aliases: ['network check'],
  summary: 'Compare taps, leases and rules with what should be there; exit code 1 where something differs.',
  positionals: [{ name: 'VM', optional: true, completes: 'vm' }],
  options: { ping: { type: 'flag', summary: 'also ping the guests from this host' } },
  async run({ values, words }, cli) {
    const [vm] = words;
    const value = await cli.call('network.check', { ...(vm === undefined ? {} : { vm }), ping: values.ping });
    cli.answer({ value, lines: () => checkLines(value, cli.out.paint) });
    const silent = value.pings.some((ping) => ping.milliseconds === null);
    return value.findings.length > 0 || silent ? exit.failed : exit.ok;
  },
});
