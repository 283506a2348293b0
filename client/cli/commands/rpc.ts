import { methodTable } from '../../methods.gen.js';
import { defineCommand } from '../command.js';
import { exit } from '../exit.js';
import { isRecord } from '../outcome.js';
import { usage } from '../usage.js';

export const rpc = defineCommand({
  name: 'rpc',
  summary: 'Call any method of the daemon and print its result.',
  positionals: [
    { name: 'METHOD', completes: Object.keys(methodTable) },
    { name: 'JSON', optional: true },
  ],
  details: [
    'JSON is an object with the parameters, - to read it from stdin. `thaw rpc rpc.discover` describes them all.',
  ],
  examples: ['thaw rpc system.health', `thaw rpc vm.get '{"vm": "web-1"}'`],
  async run({ words }, cli) {
    const [method = '', json] = words;
    const params = json === undefined ? {} : read(json === '-' ? await cli.read('-') : json);
    const value = await cli.callByName(method, params);
    cli.answer({ value, lines: () => JSON.stringify(value, null, 2).split('\n') });
    return exit.ok;
  },
});

function read(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw usage(
      `Not JSON: ${cause instanceof Error ? cause.message : 'unreadable'}`,
      `E.g. '{"vm": "web-1"}'`,
    );
  }
  if (!isRecord(value)) throw usage('The parameters are not a JSON object', `E.g. '{"vm": "web-1"}'`);
  return value;
}
