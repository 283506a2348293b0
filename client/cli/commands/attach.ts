import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import { readPort } from '../ports.js';
import { limiterOptions, limitersOf } from '../rate-limits.js';
import { clean } from '../text.js';

const hour = 3_600_000;

export const attach = defineCommand({
  name: 'attach',
  aliases: ['network attach'],
  summary: 'Give a running VM one more NIC; done when the guest has confirmed it.',
  positionals: [{ name: 'VM', completes: 'vm' }],
  options: {
    network: {
      type: 'text',
      value: 'NETWORK',
      completes: 'network',
      summary: 'its network (else “default”)',
    },
    address: { type: 'text', value: 'ADDRESS', summary: 'a static address of the network (else a free one)' },
    mac: { type: 'text', value: 'MAC', summary: 'its MAC (else one is made)' },
    port: {
      type: 'text',
      value: '[ADDRESS:]HOST:GUEST[/udp]',
      multiple: true,
      summary: 'a port of the host that leads to one of the guest',
    },
    ...limiterOptions,
    'ready-timeout': {
      type: 'duration',
      value: 'TIME',
      min: 1,
      max: hour,
      summary: 'for the guest to confirm (else 30s)',
    },
  },
  examples: ['thaw attach web-1 --network back --rx 100mbit --tx 10mbit --tx-burst 512k'],
  async run({ values, words }, cli) {
    const { network, address, mac, port } = values;
    const value = await cli.watch('network.attach', {
      vm: firstWord(words),
      nic: {
        ...(network === undefined ? {} : { network }),
        ...(address === undefined ? {} : { address }),
        ...(mac === undefined ? {} : { mac }),
        ...(port.length === 0 ? {} : { ports: port.map((text) => readPort('port', text)) }),
        ...limitersOf(values, (key) => `--${key} ${values[key] ?? ''}`),
      },
      ...(values['ready-timeout'] === undefined ? {} : { readyTimeout: values['ready-timeout'] }),
    });
    const { attachment } = value;
    cli.answer({
      value,
      names: () => [attachment.id],
      lines: () => [
        `${cli.out.paint('green', '✓')} ${attachment.id}  ${attachment.addresses.join(' ')}  ${attachment.mac}  ` +
          `${attachment.network}  ${clean(attachment.guestInterface ?? '–')}`,
      ],
    });
    return exit.ok;
  },
});

export const detach = defineCommand({
  name: 'detach',
  aliases: ['network detach'],
  summary: 'Take a NIC away. The VM can then never get another one: restore a fresh clone for that.',
  positionals: [{ name: 'VM', completes: 'vm' }, { name: 'NIC' }],
  options: { force: { type: 'flag', summary: 'unplug even where the guest did not let go first' } },
  examples: ['thaw detach web-1 eth0'],
  async run({ values, words }, cli) {
    const [vm = '', attachment = ''] = words;
    const value = await cli.call('network.detach', { vm, attachment, force: values.force });
    cli.answer({
      value,
      names: () => [value.attachment],
      lines: () => [`${cli.out.paint('green', '✓')} ${clean(value.attachment)} of ${clean(vm)} detached`],
    });
    return exit.ok;
  },
});
