import { constants } from 'node:os';
import koffi from 'koffi';
import { readable, untilReadable } from './readable.js';
import { readStartTime, type ProcessIdentity } from './vmm-proc.js';

// `null` is the program itself: node is linked to the C library.
const libc = koffi.load(null);
const syscall = libc.func('long syscall(long number, ...)');
const closeFd = libc.func('int close(int fd)');
// The same on every architecture that Firecracker knows (include/uapi/asm-generic/unistd.h).
const pidfdSendSignal = 424;
const pidfdOpen = 434;

/** A process held by a pidfd: its number can't be given to another one while signals are sent through it. */
export class PinnedProcess {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Null where the process is gone or its number belongs to another one now. */
  static open(identity: ProcessIdentity): PinnedProcess | null {
    const fd = Number(syscall(pidfdOpen, 'int', identity.pid, 'unsigned int', 0));
    if (fd < 0) return null;
    // Looked at after the pidfd is open: what has this start time now is what the pidfd holds.
    if (readStartTime(identity.pid) === identity.startTime) return new PinnedProcess(fd);
    closeFd(fd);
    return null;
  }

  /** Sends a signal; harmless where the process has ended. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    syscall(
      pidfdSendSignal,
      'int',
      this.#fd,
      'int',
      constants.signals[name],
      'void *',
      null,
      'unsigned int',
      0,
    );
  }

  /** True once it has ended, false after `milliseconds`. */
  async ended(milliseconds: number): Promise<boolean> {
    return await untilReadable(this.#fd, milliseconds);
  }

  /** Waits for its end, however long. @throws the signal's reason where that aborts first */
  async end(signal: AbortSignal): Promise<void> {
    await readable(this.#fd, signal);
  }

  close(): void {
    closeFd(this.#fd);
  }
}
