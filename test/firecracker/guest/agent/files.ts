/** guest-file-*: handles from 1000 up, as qemu-ga counts them. */
import fs from 'node:fs';
import { errnoText } from '../../native/errno.js';
import { AgentError, type CommandArguments } from './protocol.js';

interface Handle {
  fd: number;
  position: number;
  append: boolean;
}

const modes = new Set([
  'r',
  'rb',
  'w',
  'wb',
  'a',
  'ab',
  'r+',
  'rb+',
  'r+b',
  'w+',
  'wb+',
  'w+b',
  'a+',
  'ab+',
  'a+b',
]);

export class Files {
  private readonly handles = new Map<number, Handle>();
  private next = 1000;

  constructor(private readonly enter: <T>(work: () => T) => T) {}

  open(args: CommandArguments): unknown {
    const path = args.string('path');
    const mode = args.optionalString('mode') ?? 'r';
    args.end();
    if (!modes.has(mode)) throw new AgentError(`invalid file open mode '${mode}'`);
    const fail = (errno: number): AgentError =>
      new AgentError(`failed to open file '${path}' (mode: '${mode}'): ${errnoText(errno)}`);
    // Served by this very thread (fuse-device.ts), which can't wait for itself.
    if (/^\/+dev\/+u?random$/.test(path)) throw fail(13);
    try {
      const flags = mode.replace('b', '');
      const fd = this.enter(() => {
        if (fs.existsSync(path) && !fs.statSync(path).isFile() && !fs.statSync(path).isDirectory()) {
          return fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
        }
        return fs.openSync(path, flags, 0o666);
      });
      if (fs.fstatSync(fd).isDirectory()) {
        fs.closeSync(fd);
        throw fail(21);
      }
      const handle = this.next;
      this.next += 1;
      this.handles.set(handle, { fd, position: 0, append: flags.startsWith('a') });
      return handle;
    } catch (error) {
      if (error instanceof AgentError) throw error;
      throw fail(Math.abs((error as NodeJS.ErrnoException).errno ?? 5));
    }
  }

  private handle(args: CommandArguments): [number, Handle] {
    const id = args.integer('handle');
    const handle = this.handles.get(id);
    if (!handle) throw new AgentError(`handle '${id}' has not been found`);
    return [id, handle];
  }

  close(args: CommandArguments): unknown {
    const [id, handle] = this.handle(args);
    args.end();
    this.handles.delete(id);
    fs.closeSync(handle.fd);
    return {};
  }

  read(args: CommandArguments): unknown {
    const [, handle] = this.handle(args);
    const count = args.optionalInteger('count') ?? 4096;
    args.end();
    if (count < 0 || count > 48 << 20) throw new AgentError(`value '${count}' is invalid for argument count`);
    const bytes = Buffer.alloc(count);
    const length = fs.readSync(handle.fd, bytes, 0, count, handle.position);
    handle.position += length;
    return { count: length, 'buf-b64': bytes.toString('base64', 0, length), eof: length < count };
  }

  write(args: CommandArguments): unknown {
    const [, handle] = this.handle(args);
    const text = args.string('buf-b64');
    const limit = args.optionalInteger('count');
    args.end();
    if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text))
      throw new AgentError('Base64 data contains invalid characters');
    const bytes = Buffer.from(text, 'base64');
    const count = limit ?? bytes.length;
    if (count < 0 || count > bytes.length)
      throw new AgentError(`value '${count}' is invalid for argument count`);
    try {
      const length = fs.writeSync(handle.fd, bytes, 0, count, handle.append ? null : handle.position);
      handle.position += length;
      return { count: length, eof: false };
    } catch (error) {
      const errno = Math.abs((error as NodeJS.ErrnoException).errno ?? 5);
      throw new AgentError(`failed to write to file: ${errnoText(errno)}`);
    }
  }

  seek(args: CommandArguments): unknown {
    const [, handle] = this.handle(args);
    const offset = args.integer('offset');
    const whence = args.integerOrString('whence');
    args.end();
    const from = { 0: 0, set: 0, 1: 1, cur: 1, 2: 2, end: 2 }[whence];
    if (from === undefined) throw new AgentError(`invalid whence code ${whence}`);
    const start = [0, handle.position, fs.fstatSync(handle.fd).size][from] ?? 0;
    handle.position = Math.max(0, start + offset);
    return { position: handle.position, eof: false };
  }

  flush(args: CommandArguments): unknown {
    this.handle(args);
    args.end();
    return {};
  }
}
