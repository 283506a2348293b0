/**
 * Reads of a descriptor that Node has no handle for (a tap, /dev/fuse, an inotify), by epoll and without
 * holding a thread: libuv's pipe handle takes any descriptor that poll() understands. `process.binding` is
 * deprecated and works on Node 20; it is used in this file only.
 */
import net from 'node:net';

type PipeHandle = { open(fd: number): void };
type PipeConstructor = new (kind: number) => PipeHandle;
interface WithBinding {
  binding(name: 'pipe_wrap'): { Pipe: PipeConstructor };
}

const SOCKET_KIND = 0;

export interface Reader {
  /** Stops reading and closes the descriptor. */
  close(): void;
  pause(): void;
  resume(): void;
}

/**
 * Calls `onRead` once for each read(2) of `fd`, with a view into one buffer that the next read overwrites.
 * The descriptor belongs to the reader from now on. `onEnd` is told when it fails (its tap was deleted).
 */
export function readDescriptor(
  fd: number,
  size: number,
  onRead: (chunk: Buffer) => void,
  onEnd: () => void,
): Reader {
  const { Pipe } = (process as unknown as WithBinding).binding('pipe_wrap');
  const handle = new Pipe(SOCKET_KIND);
  handle.open(fd);
  const socket = new net.Socket({
    handle,
    onread: {
      buffer: Buffer.allocUnsafe(size),
      callback: (length: number, buffer: Buffer) => {
        onRead(buffer.subarray(0, length));
        return true;
      },
    },
  } as unknown as net.SocketConstructorOpts);
  let paused = false;
  socket.on('error', () => socket.destroy());
  socket.on('close', onEnd);
  socket.resume();
  return {
    close: () => {
      socket.off('close', onEnd);
      socket.destroy();
    },
    pause: () => {
      if (!paused) socket.pause();
      paused = true;
    },
    resume: () => {
      if (paused) socket.resume();
      paused = false;
    },
  };
}
