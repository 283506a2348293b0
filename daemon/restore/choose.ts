import { pluginRefused } from '../api/errors/host.js';
import { notFit } from '../api/errors/snapshot.js';
import type { PassedOver, Strategy } from '../api/snapshot.js';
import type { ThawError } from '../api/thaw-error.js';
import type { NetworkStrategy, Place, Question, Verdict } from '../../plugins/contract.js';

/** What `auto` tries, best first: a network of the clone's own, then one of many behind NAT, then one at a time, then none. */
const best = ['hot-attach', 'override', 'netns', 'predictable', 'recorded', 'none'] as const;

/** How the clones of a request get their network. */
export interface Choice {
  readonly strategy: { readonly name: Strategy; readonly plugin: NetworkStrategy };
  readonly places: readonly Place[];
  /** Better ones, and why they can't be had. */
  readonly passedOver: readonly PassedOver[];
}

/**
 * The strategy that was asked for, or with `auto` the best that can do what is asked. Pure.
 * @throws pluginRefused, notFit, and what the strategy refuses with
 */
export function choose(
  asked: Strategy,
  strategies: ReadonlyMap<string, NetworkStrategy>,
  question: Question,
): Choice {
  const refusals: { name: Strategy; error: ThawError }[] = [];
  for (const name of asked === 'auto' ? best : [asked]) {
    const plugin = strategies.get(name);
    const verdict: Verdict = plugin?.judge(question) ?? {
      ok: false,
      error: pluginRefused({ plugin: name, why: 'no strategy of this name is loaded' }),
    };
    if (plugin && verdict.ok) {
      const passedOver = refusals.map(({ name: strategy, error: { reason, message } }) => ({
        strategy,
        reason,
        message,
      }));
      return { strategy: { name, plugin }, places: verdict.places, passedOver };
    }
    if (!verdict.ok) refusals.push({ name, error: verdict.error });
  }
  throw refusalOf(asked, question, refusals);
}

function refusalOf(
  asked: Strategy,
  { manifest }: Question,
  refusals: readonly { name: Strategy; error: ThawError }[],
): ThawError {
  const [first] = refusals;
  if (asked !== 'auto' && first) return first.error;
  // What stopping somebody would mend comes before what takes another snapshot.
  const soonest = refusals.find(({ error }) => error.detail.retryable) ?? first;
  return notFit({
    snapshot: manifest.name ?? manifest.id,
    strategy: 'auto',
    why: refusals.map(({ name, error }) => `${name}: ${error.message}`).join('; '),
    instead: soonest?.error.detail.remedy ?? 'Load a strategy',
  });
}
