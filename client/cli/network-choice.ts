import type { ParamsOf, ResultOf } from '../../daemon/api/index.js';
import { oneOf } from './near.js';
import { nicDetails, nicOption, nicsOf } from './nic.js';
import { clean } from './text.js';
import { usage } from './usage.js';

type Choice = Pick<ParamsOf<'snapshot.restore'>, 'strategy' | 'nics' | 'keepMac'>;

/** The words that `--strategy` takes. */
export const strategies = [
  'auto',
  'hot-attach',
  'override',
  'netns',
  'predictable',
  'recorded',
  'none',
] as const satisfies readonly NonNullable<Choice['strategy']>[];

/** The options by which a restore, and a plan of one, decide how clones get their network. */
export const networkOptions = {
  strategy: {
    type: 'text',
    value: 'STRATEGY',
    completes: strategies,
    summary: `how clones get their network: ${strategies.join(', ')}`,
  },
  network: {
    type: 'text',
    value: 'NETWORK',
    multiple: true,
    completes: 'network',
    summary: 'a NIC in this network (else one in “default”, or where the NIC inside the snapshot was)',
  },
  nic: nicOption,
  'keep-mac': {
    type: 'flag',
    summary: 'a NIC inside the snapshot keeps its MAC: one clone on each network then',
  },
} as const;

/** For the help of commands that have them. */
export const networkDetails = `${nicDetails} id=NIC means one inside the snapshot.`;

/** How many clones a restore, or a plan of one, is for. */
export const countOption = {
  type: 'int',
  short: 'n',
  value: 'COUNT',
  min: 1,
  max: 1024,
  summary: 'how many clones (else one)',
} as const;

/** What those options ask for; what was not given is left to the daemon. @throws usage */
export function choiceOf(values: {
  readonly strategy: string | undefined;
  readonly network: readonly string[];
  readonly nic: readonly string[];
  readonly 'keep-mac': boolean;
}): Choice {
  const nics = nicsOf(values.network, values.nic);
  const strategy = strategies.find((name) => name === values.strategy);
  if (values.strategy !== undefined && strategy === undefined)
    throw usage(`--strategy ${values.strategy}: ${oneOf(values.strategy, strategies)}`);
  return {
    ...(strategy === undefined ? {} : { strategy }),
    ...(nics.length === 0 ? {} : { nics }),
    ...(values['keep-mac'] ? { keepMac: true } : {}),
  };
}

/** The strategies that would have been better, and why not, a line each. */
export function passedOverLines({ passedOver }: Pick<ResultOf<'network.plan'>, 'passedOver'>): string[] {
  return passedOver.map(({ strategy, message }) => `not ${strategy}: ${clean(message)}`);
}
