import { defineCommand, firstWord } from '../command.js';
import type { Cli } from '../cli.js';
import { exit } from '../exit.js';

async function namesOf(kind: string, cli: Cli): Promise<readonly (string | null)[]> {
  switch (kind) {
    case 'vm':
      return (await cli.call('vm.list', {})).vms.flatMap((vm) => [vm.name, vm.id]);
    case 'snapshot':
      return (await cli.call('snapshot.list', {})).snapshots.flatMap(({ name, id }) => [name, id]);
    case 'network':
      return (await cli.call('network.list', {})).networks.map((network) => network.name);
    default:
      return [];
  }
}

// A folder that somebody else made may have any name: a shell must be able to take what is offered as one word.
const word = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** What completion scripts ask while somebody types: silent whatever happens. */
export const names = defineCommand({
  name: '__names',
  summary: 'Names that the daemon knows, one a line, for completion scripts.',
  hidden: true,
  positionals: [{ name: 'KIND', completes: ['vm', 'snapshot', 'network'] }],
  async run({ words }, cli) {
    const found = await namesOf(firstWord(words), cli).catch((): readonly null[] => []);
    for (const name of new Set(found)) if (name !== null && word.test(name)) cli.out.write(`${name}\n`);
    return exit.ok;
  },
});
