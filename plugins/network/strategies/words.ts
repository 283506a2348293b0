import { notFit } from '../../../daemon/api/errors/snapshot.js';
import type { ThawError } from '../../../daemon/api/thaw-error.js';
import type { Question } from '../../contract.js';

/** The snapshot as people call it. */
export const called = ({ manifest }: Pick<Question, 'manifest'>): string => manifest.name ?? manifest.id;

/** The NICs inside, for people: `eth0 on th0123456789`. */
export const nicsInside = ({ manifest }: Pick<Question, 'manifest'>): string =>
  manifest.nics.map(({ id, tap }) => `${id} on ${tap}`).join(', ');

/** Makes a strategy's refusals of a snapshot: why, and what to do instead. */
export const refuser =
  (strategy: string, question: Pick<Question, 'manifest'>) =>
  (why: string, instead: string): ThawError =>
    notFit({ snapshot: called(question), strategy, why, instead });
