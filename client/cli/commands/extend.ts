import { defineCommand, firstWord } from '../command.js';
import { exit } from '../exit.js';
import { ttlOption } from '../ttl.js';
import { usage } from '../usage.js';
import { vmDone } from '../vm-view.js';

export const extend = defineCommand({
  name: 'extend',
  summary: 'Say anew how long a VM may live, from now on.',
  positionals: [{ name: 'VM', completes: 'vm' }],
  options: {
    ttl: { ...ttlOption, summary: 'so long from now, e.g. 90s, 10m, 8h' },
    forever: { type: 'flag', summary: 'as long as nobody stops it' },
  },
  examples: ['thaw extend web-1 --ttl 30m', 'thaw extend web-1 --forever'],
  async run({ values, words }, cli) {
    if (values.forever === (values.ttl !== undefined)) throw usage('Give either --ttl or --forever');
    const value = await cli.call('vm.extend', { vm: firstWord(words), ttl: values.ttl ?? null });
    cli.answer({ value, names: () => [value.vm.id], lines: () => vmDone(value.vm, cli.out.paint) });
    return exit.ok;
  },
});
