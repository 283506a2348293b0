// What only a client can meet. Codes 1900–1999 of the registry are kept for these; they stand here because the
// registry's entries bring zod along, which would cost every start of `thaw` and of the OCI hook.
import { ThawError } from '../daemon/api/thaw-error.js';

interface Words {
  readonly message: string;
  readonly remedy: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

function kind(code: number, reason: string, retryable: boolean) {
  const make = ({ message, remedy, data, cause }: Words): ThawError =>
    new ThawError(
      { code, message, detail: { ...data, reason, retryable, remedy } },
      cause === undefined ? undefined : { cause },
    );
  return Object.assign(make, { code, reason, retryable });
}

/** Every kind of error that the client makes itself. The first three are the daemon's too, under the same codes. */
export const clientErrors = {
  cancelled: kind(1001, 'cancelled', true),
  deadlineExceeded: kind(1006, 'deadline-exceeded', true),
  socketPathTooLong: kind(1109, 'socket-path-too-long', false),
  notRunning: kind(1901, 'daemon-not-running', true),
  socketForbidden: kind(1902, 'socket-forbidden', false),
  connectionLost: kind(1903, 'connection-lost', true),
  outcomeUnknown: kind(1904, 'outcome-unknown', false),
  clientClosed: kind(1905, 'client-closed', false),
  notThawd: kind(1906, 'not-thawd', false),
};

/** Why no connection could be made, by the errno of connect(2). */
export function cannotConnect(socket: string, cause: unknown): ThawError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const data = { socket, errno };
  if (errno === 'EACCES' || errno === 'EPERM') {
    return clientErrors.socketForbidden({
      message: `This user may not use ${socket}`,
      remedy: 'Call as root, or join the group of the socket (`usermod -aG thaw $USER`, then log in again)',
      data,
      cause,
    });
  }
  const why = { ENOENT: 'there is no such socket', ECONNREFUSED: 'nobody listens there' }[errno] ?? errno;
  return clientErrors.notRunning({
    message: `thawd does not answer at ${socket}: ${why}`,
    remedy: 'Start it (`systemctl start thawd`), or name its socket with THAW_SOCKET',
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
