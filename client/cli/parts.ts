import type { ParamsOf } from '../../daemon/api/index.js';
import { oneOf } from './near.js';
import { usage } from './usage.js';

type Switches = NonNullable<ParamsOf<'agent.update'>['parts']>;
type Part = keyof Switches;

/** The words that `--with` and `--without` take. */
const parts = [
  'clock',
  'network',
  'hostname',
  'machine-id',
  'randomness',
  'ssh-host-keys',
  'identity',
  'scripts',
] as const satisfies readonly Part[];

const one = { type: 'text', value: 'PART', multiple: true, completes: parts } as const;

/** The options that switch parts of a guest's update. */
export const partOptions = {
  with: { ...one, summary: `do this in the guest, too: ${parts.join(', ')}` },
  without: { ...one, summary: 'leave this alone in the guest' },
} as const;

/** What those options ask for; nothing where none was given. @throws usage */
export function switchesOf(values: {
  readonly with: readonly string[];
  readonly without: readonly string[];
}): {
  parts?: Switches;
} {
  const switches: Switches = {};
  for (const [option, on] of [
    ['with', true],
    ['without', false],
  ] as const) {
    for (const word of values[option]) {
      const part = parts.find((name) => name === word);
      if (part === undefined) throw usage(`--${option} ${word}: ${oneOf(word, parts)}`);
      if (switches[part] === !on) throw usage(`${part} stands after both --with and --without`);
      switches[part] = on;
    }
  }
  return Object.keys(switches).length === 0 ? {} : { parts: switches };
}
