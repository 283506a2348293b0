import type { ParamsOf } from '../../../daemon/api/index.js';
import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { machineFrom } from '../machine.js';
import { readLabels } from '../values.js';
import { agentOf, agentOptions } from '../agent-options.js';
import { limitOptions, limitsOf } from '../limits.js';
import { bootNics, nicDetails, nicOption } from '../nic.js';
import { ttlOption } from '../ttl.js';
import { vmDone } from '../vm-view.js';

const hour = 3_600_000;

export const boot = defineCommand({
  name: 'boot',
  summary: 'Boot a VM; without a NIC by default, so that its snapshots can be restored with hot-attach.',
  options: {
    kernel: {
      type: 'text',
      value: 'FILE',
      completes: 'file',
      summary: 'the guest kernel (uncompressed ELF on x86)',
    },
    initrd: { type: 'text', value: 'FILE', completes: 'file', summary: 'an initial RAM disk' },
    append: { type: 'text', value: 'ARGS', summary: 'the kernel’s command line' },
    drive: {
      type: 'text',
      value: 'ID=FILE[:ro][:root]',
      multiple: true,
      completes: 'file',
      summary: 'a disk; root: the root device, ro: read only',
    },
    vcpus: { type: 'int', value: 'N', min: 1, max: 32, summary: 'processors of the guest' },
    mem: { type: 'mebibytes', value: 'MIB', min: 1, max: 1_048_576, summary: 'memory in MiB, or like 2G' },
    config: {
      type: 'text',
      value: 'FILE',
      completes: 'file',
      summary: 'Firecracker’s own configuration file (JSON), - for stdin; the options above override it',
    },
    name: { type: 'text', value: 'NAME', summary: 'what to call it; else a name is made' },
    network: {
      type: 'text',
      value: 'NETWORK',
      multiple: true,
      completes: 'network',
      summary: 'a NIC at boot; its snapshots are then not fit for hot-attach',
    },
    nic: nicOption,
    'snapshot-id': {
      type: 'text',
      value: 'ID|new',
      summary: 'the id that its first snapshot shall have; names its taps, for the strategy predictable',
    },
    'no-pci': { type: 'flag', summary: 'start without --enable-pci: no NIC can ever be attached' },
    ...agentOptions,
    'ready-timeout': {
      type: 'duration',
      value: 'TIME',
      max: hour,
      summary: 'for the agent to answer; 0: do not wait',
    },
    ttl: ttlOption,
    ...limitOptions,
    'keep-on-failure': { type: 'flag', summary: 'keep what is there of a VM that failed, to be looked at' },
    label: { type: 'text', value: 'KEY=VALUE', multiple: true, summary: 'a label of your own' },
  },
  details: [
    'Files are taken from this directory and must be readable for the daemon.',
    'Of a configuration file, NICs, logger, metrics and the vsock’s path are thaw’s to choose and left out, with a note.',
    nicDetails,
  ],
  examples: [
    'thaw boot --name base --kernel vmlinux --initrd initrd.img --append "console=ttyS0" --mem 512',
    'thaw boot --name base --config vm.json',
  ],
  async run({ values }, cli) {
    const params: ParamsOf<'vm.boot'> = {
      ...(values.name === undefined ? {} : { name: values.name }),
      config: await machineFrom(values, cli),
      pci: !values['no-pci'],
      networks: bootNics(values.network, values.nic),
      ...(values['snapshot-id'] === undefined ? {} : { snapshotId: values['snapshot-id'] }),
      ...agentOf(values),
      ...(values['ready-timeout'] === undefined ? {} : { readyTimeout: values['ready-timeout'] }),
      ...limitsOf(values),
      ...(values.ttl === undefined ? {} : { ttl: values.ttl }),
      keepOnFailure: values['keep-on-failure'],
      labels: readLabels(values.label),
    };
    const value = await cli.watch('vm.boot', params);
    for (const warning of value.vm.warnings) cli.note(warning);
    const { reservedSnapshot } = value.vm;
    if (reservedSnapshot !== null) cli.note(`its first snapshot gets the id ${reservedSnapshot}`);
    cli.answer({ value, names: () => [value.vm.id], lines: () => vmDone(value.vm, cli.out.paint) });
    return exit.ok;
  },
});
