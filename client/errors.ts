// What only a client can meet. Codes 1900–1999 of the registry are kept for these; they stand here because the
// registry's entries bring zod along, which would cost every start of `thaw` and of the OCI hook.
import { ThawError } from '../daemon/api/thaw-error.js';

interface Words {
  readonly message: string;
  readonly remedy: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** @param about what is said of the kind itself, and of an error where nothing more is known of it */
function kind(
  code: number,
  reason: string,
  about: Pick<Words, 'message' | 'remedy'> & { retryable: boolean },
) {
  const { retryable, message, remedy } = about;
  const make = (words: Partial<Words> = {}): ThawError =>
    new ThawError(
      {
        code,
        message: words.message ?? message,
        detail: { ...words.data, reason, retryable, remedy: words.remedy ?? remedy },
      },
      words.cause === undefined ? undefined : { cause: words.cause },
    );
  return Object.assign(make, { code, reason, retryable, template: { message, remedy } });
}

/** Every kind of error that the client makes itself. The first three are the daemon's too, under the same codes. */
export const clientErrors = {
  cancelled: kind(1001, 'cancelled', {
    retryable: true,
    message: 'The request was cancelled by its caller',
    remedy: 'Nothing of it is left; send it again if it is still wanted',
  }),
  deadlineExceeded: kind(1006, 'deadline-exceeded', {
    retryable: true,
    message: 'The call took longer than it was given',
    remedy: 'Look at the timeline for what was slow, or allow more time',
  }),
  socketPathTooLong: kind(1109, 'socket-path-too-long', {
    retryable: false,
    message: "The path is longer than the 107 bytes the kernel allows for a socket's path",
    remedy: 'Name the socket by a shorter path',
  }),
  notRunning: kind(1901, 'daemon-not-running', {
    retryable: true,
    message: 'thawd does not answer at its socket',
    remedy: 'Start it (`systemctl start thawd`), or name its socket with THAW_SOCKET',
  }),
  socketForbidden: kind(1902, 'socket-forbidden', {
    retryable: false,
    message: "This user may not use thawd's socket",
    remedy: 'Call as root, or join the group of the socket (`usermod -aG thaw $USER`, then log in again)',
  }),
  connectionLost: kind(1903, 'connection-lost', {
    retryable: true,
    message: 'The connection to thawd was lost',
    remedy: 'Call again once it is back; nothing was changed',
  }),
  outcomeUnknown: kind(1904, 'outcome-unknown', {
    retryable: false,
    message: 'The connection was lost while something was being changed: its outcome is unknown',
    remedy: "The operation's timeline tells what became of it; don't send it again before that",
  }),
  clientClosed: kind(1905, 'client-closed', {
    retryable: false,
    message: 'This client is closed',
    remedy: 'Connect again',
  }),
  notThawd: kind(1906, 'not-thawd', {
    retryable: false,
    message: "Whatever listens at the socket does not speak thawd's language, or another version of it",
    remedy: 'Name the socket of thawd with THAW_SOCKET',
  }),
};

/** Why no connection could be made, by the errno of connect(2). */
export function cannotConnect(socket: string, cause: unknown): ThawError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const data = { socket, errno };
  if (errno === 'EACCES' || errno === 'EPERM') {
    return clientErrors.socketForbidden({
      message: `This user may not use ${socket}`,
      data,
      cause,
    });
  }
  const why = { ENOENT: 'there is no such socket', ECONNREFUSED: 'nobody listens there' }[errno] ?? errno;
  return clientErrors.notRunning({
    message: `thawd does not answer at ${socket}: ${why}`,
    data,
    cause,
  });
}

/** The connection ended, or a cancelled request stayed unanswered, with a change under way. */
export function outcomeUnknown(call: {
  readonly method: string;
  readonly what: string;
  readonly operation: string | null;
  readonly vms: readonly string[];
  readonly cause?: unknown;
}): ThawError {
  const { method, what, operation, vms, cause } = call;
  const look =
    operation !== null
      ? `\`vm.timeline\` with operation ${operation} tells`
      : vms.length > 0
        ? `Look at ${vms.join(', ')} with \`vm.get\` and \`vm.timeline\``
        : 'Look with `vm.list` and `snapshot.list`';
  return clientErrors.outcomeUnknown({
    message: `${what} while ${method} was under way: its outcome is unknown`,
    remedy: `${look}; don't send it again before that`,
    data: { method, operation, vms },
    cause,
  });
}
