import type { Timeline } from '../api/shapes/vm.js';
import type { Log } from '../log/logger.js';
import type { Tags } from './operation.js';

/** What happens all the time and concerns nobody. */
const quiet: ReadonlySet<string> = new Set(['slot.fill']);

/** Says of an operation how it has ended: no step's details, which may hold what a guest was told. */
export function tellEnd(log: Log, timeline: Timeline, tags: Tags): void {
  const { outcome, error, startedAt, endedAt, method } = timeline;
  const line = { ...tags, outcome, milliseconds: (endedAt ?? startedAt) - startedAt };
  if (error) log.warn({ ...line, ...error }, 'an operation has failed');
  else if (quiet.has(method)) log.debug(line, 'an operation has ended');
  else log.info(line, 'an operation has ended');
}
