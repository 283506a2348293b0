import koffi from 'koffi';

// `null` is the program itself: node is linked to the C library.
const libc = koffi.load(null);
const eventfd = libc.func('int eventfd(unsigned int initial, int flags)');
const write = libc.func('intptr_t write(int fd, const void *bytes, size_t size)');
const read = libc.func('intptr_t read(int fd, void *bytes, size_t size)');
koffi.struct('thaw_pollfd', { fd: 'int', events: 'short', revents: 'short' });
const poll = libc.func('int poll(_Inout_ thaw_pollfd *fds, unsigned long count, int timeout)');

const pollIn = 1;
const pollPri = 2;
/** EFD_NONBLOCK | EFD_CLOEXEC (include/uapi/linux/eventfd.h). */
const eventfdFlags = 0o4000 | 0o2000000;
const one = Buffer.from(new BigUint64Array([1n]).buffer);

interface PollFd {
  readonly fd: number;
  readonly events: number;
  readonly revents: number;
}

const asked = (fd: number, events = pollIn): PollFd => ({ fd, events, revents: 0 });

/**
 * Descriptors that are waited for, all in one call on one thread of the pool: a thread for each would leave none for
 * the files of others while many processes end.
 */
const waiting = new Map<number, () => void>();
/** Ends the call early, to be made again with what was added. */
let bell: number | null = null;
let polling = false;

/** True once a descriptor is readable, a pidfd: once its process has ended. False after `milliseconds`. */
export async function untilReadable(fd: number, milliseconds: number): Promise<boolean> {
  if (isReadable(fd)) return true;
  return await new Promise<boolean>((resolve) => {
    const settle = (yes: boolean): void => {
      clearTimeout(timer);
      waiting.delete(fd);
      // A call that nobody waits for would keep the process from ending.
      if (waiting.size === 0) ring();
      resolve(yes);
    };
    const timer = setTimeout(() => settle(isReadable(fd)), milliseconds);
    waiting.set(fd, () => settle(true));
    wait();
  });
}

/** Waits until a descriptor is readable, however long. @throws the signal's reason where that aborts first */
export async function readable(fd: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (isReadable(fd)) return;
  await new Promise<void>((resolve, reject) => {
    const leave = (): void => {
      waiting.delete(fd);
      signal.removeEventListener('abort', giveUp);
      if (waiting.size === 0) ring();
    };
    const giveUp = (): void => {
      leave();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', giveUp);
    waiting.set(fd, () => {
      leave();
      resolve();
    });
    wait();
  });
}

function isReadable(fd: number): boolean {
  return poll([asked(fd)], 1, 0) === 1;
}

/** Whether a file of `/proc` has news since it was last asked so (proc_pid_mountinfo(5): POLLPRI). */
export function isUrgent(fd: number): boolean {
  return poll([asked(fd, pollPri)], 1, 0) === 1;
}

/** Ends the call, if there is one. */
function ring(): void {
  if (polling && bell !== null) write(bell, one, one.length);
}

function wait(): void {
  bell ??= Number(eventfd(0, eventfdFlags));
  if (polling) {
    ring();
    return;
  }
  polling = true;
  const fds = [bell, ...waiting.keys()].map((fd) => asked(fd));
  poll.async(fds, fds.length, -1, () => {
    polling = false;
    if (bell !== null) read(bell, Buffer.alloc(8), 8);
    // Asked again: a number that was waited for may be another file's by now.
    for (const [fd, tell] of [...waiting]) if (isReadable(fd)) tell();
    if (waiting.size > 0) wait();
  });
}
