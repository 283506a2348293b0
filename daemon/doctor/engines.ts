import type { EngineState } from '../../plugins/contract.js';
import type { Diagnosis } from '../api/system.js';
import { ok, problem } from './diagnosis.js';

/** Whether the engines of networks that thaw does not make itself can give NICs: CNI's plugins. Pure. */
export function judgeEngines(states: readonly EngineState[]): readonly Diagnosis[] {
  return states.map(({ network, trouble }) => {
    const check = `network ${network}`;
    return trouble === null
      ? ok(check, 'its CNI plugins are there, and none says that it can’t serve')
      : problem(check, trouble.problem, trouble.remedy);
  });
}
