import { nearest } from '../api/nearest.js';
import { snapshotMoments, vmMoments, type LifecycleHooks } from '../../plugins/contract.js';
import { refuse, type Checked } from './check.js';

const moments: readonly string[] = [...vmMoments, ...snapshotMoments];

const within = (value: unknown, [least, most]: readonly [number, number]): boolean =>
  value === undefined || (Number.isInteger(value) && Number(value) >= least && Number(value) <= most);

const callable = (value: unknown): boolean => value === undefined || typeof value === 'function';

/** Whether what a plugin of the kind `lifecycle` gives can be called; what no compiler has seen may be anything. */
export function checkHooks(given: object): Checked<LifecycleHooks> {
  const { order, deadline, hooks, synchronize, close } = given as Readonly<Record<string, unknown>>;
  if (!within(order, [0, 99])) return refuse(`its order is ${JSON.stringify(order)}, no number from 0 to 99`);
  if (!within(deadline, [1, 30_000]))
    return refuse(`its deadline is ${JSON.stringify(deadline)}, no number of milliseconds from 1 to 30000`);
  if (typeof hooks !== 'object' || hooks === null) return refuse('it gives no hooks');
  for (const [name, hook] of Object.entries(hooks)) {
    if (!moments.includes(name)) return refuse(`there is no hook ${name}${nearest(name, moments)}`);
    if (!callable(hook)) return refuse(`its hook ${name} is no function`);
  }
  if (!callable(synchronize)) return refuse('its synchronize is no function');
  if (!callable(close)) return refuse('its close is no function');
  return { ok: true, value: given as LifecycleHooks };
}
