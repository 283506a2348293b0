import { ThawError } from '../../daemon/api/thaw-error.js';

/** What `thaw` exits with; a part of its contract, shown by `thaw --help`. Numbers are never given another meaning. */
export const exit = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notPermitted: 4,
  notFound: 5,
  someFailed: 6,
  retryable: 7,
  interrupted: 130,
  pipeClosed: 141,
} as const;

export type ExitCode = (typeof exit)[keyof typeof exit];

export const exitMeanings: readonly (readonly [ExitCode, string])[] = [
  [exit.ok, 'done'],
  [exit.failed, 'the operation failed, or doctor, check found a problem'],
  [exit.usage, 'wrong command, option or value; nothing was done'],
  [exit.unreachable, 'the daemon can’t be reached, or the connection broke'],
  [exit.notPermitted, 'not permitted'],
  [exit.notFound, 'no such VM, snapshot, network, attachment or operation'],
  [exit.someFailed, 'some of several failed, the others are done'],
  [exit.retryable, 'failed, but the same command may succeed later'],
  [exit.interrupted, 'interrupted; what was under way is undone'],
  [exit.pipeClosed, 'nobody reads the output any more'],
];

const byReason: Readonly<Record<string, ExitCode>> = {
  usage: exit.usage,
  'invalid-params': exit.usage,
  'method-not-found': exit.usage,
  'daemon-not-running': exit.unreachable,
  'connection-lost': exit.unreachable,
  'outcome-unknown': exit.unreachable,
  'not-thawd': exit.unreachable,
  'socket-forbidden': exit.notPermitted,
  'not-permitted': exit.notPermitted,
  'path-not-allowed': exit.notPermitted,
  'vm-unknown': exit.notFound,
  'snapshot-unknown': exit.notFound,
  'network-unknown': exit.notFound,
  'attachment-unknown': exit.notFound,
  'operation-unknown': exit.notFound,
};

/** The exit code that says of an error what a script can do about it. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof ThawError)) return exit.failed;
  return byReason[error.reason] ?? (error.detail.retryable ? exit.retryable : exit.failed);
}

/** The exit code of several of which some failed: the common one where all did. */
export function exitCodeOfMany(errors: readonly unknown[], count: number): ExitCode {
  if (errors.length === 0) return exit.ok;
  if (errors.length < count) return exit.someFailed;
  const codes = new Set(errors.map(exitCodeOf));
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : exit.failed;
}
