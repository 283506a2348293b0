/** QEMU's machine protocol (docs/interop/qmp-spec.txt): commands one after the other, their answers, events. */
import { EventEmitter } from 'node:events';
import type net from 'node:net';
import { sendDescriptor } from '../../native/send-fd.js';

/** QEMU has refused a command, or is gone. */
export class QmpError extends Error {}

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: QmpError): void;
}

/** Emits `event` with a QmpEvent. */
export class Qmp extends EventEmitter<{ event: [QmpEvent] }> {
  private text = '';
  private closed = false;
  private readonly waiting: Waiting[] = [];

  constructor(private readonly socket: net.Socket) {
    super();
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => this.take(piece));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.closed = true;
      for (const one of this.waiting.splice(0)) one.reject(new QmpError(`QEMU ended during ${one.command}`));
    });
  }

  /** Asks one command, with a descriptor beside it if it takes one. @throws QmpError */
  ask(command: string, args: object = {}, fd?: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new QmpError(`QEMU has ended before ${command}`));
        return;
      }
      this.waiting.push({ command, resolve, reject });
      const bytes = Buffer.from(`${JSON.stringify({ execute: command, arguments: args })}\n`);
      if (fd === undefined) this.socket.write(bytes);
      else sendDescriptor(this.socket, bytes, fd);
    });
  }

  /** The next event that `wanted` takes. @throws QmpError where QEMU ends first */
  async next(wanted: (event: QmpEvent) => boolean): Promise<QmpEvent> {
    return new Promise((resolve, reject) => {
      const look = (event: QmpEvent): void => {
        if (!wanted(event)) return;
        this.off('event', look);
        this.socket.off('close', ended);
        resolve(event);
      };
      const ended = (): void => {
        this.off('event', look);
        reject(new QmpError('QEMU ended'));
      };
      if (this.closed) ended();
      else {
        this.on('event', look);
        this.socket.once('close', ended);
      }
    });
  }

  private take(piece: string): void {
    this.text += piece;
    for (let end = this.text.indexOf('\n'); end >= 0; end = this.text.indexOf('\n')) {
      const line = this.text.slice(0, end);
      this.text = this.text.slice(end + 1);
      this.message(JSON.parse(line) as Record<string, unknown>);
    }
  }

  private message(message: Record<string, unknown>): void {
    if (typeof message['event'] === 'string') {
      this.emit('event', {
        event: message['event'],
        data: (message['data'] ?? {}) as QmpEvent['data'],
      });
      return;
    }
    // Answers come in the order of asking; what is left is the greeting.
    if ('return' in message) this.waiting.shift()?.resolve(message['return']);
    if ('error' in message) {
      const one = this.waiting.shift();
      const { desc } = message['error'] as { desc: string };
      one?.reject(new QmpError(`${one.command}: ${desc}`));
    }
  }
}
