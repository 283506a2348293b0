import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { unitRefused } from '../api/errors/host.js';
import { Reader, Writer, type Property } from './systemd-wire.js';

// systemd's own socket, which speaks D-Bus without a bus between: one call at a time, root only. Enough of D-Bus to start
// a unit and to wait until it runs (D-Bus specification: "Message Protocol").

export const systemdSocket = '/run/systemd/private';
const manager = { path: '/org/freedesktop/systemd1', of: 'org.freedesktop.systemd1.Manager' } as const;
const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
const SIGNAL = 4;

interface Message {
  readonly type: number;
  readonly answers: number | null;
  readonly member: string | null;
  readonly error: string | null;
  readonly body: Reader;
}

interface Call {
  readonly path: string;
  readonly of: string;
  readonly member: string;
  readonly signature: string;
  readonly body: Buffer;
}

/** The object of a unit: every byte but letters and digits is written as `_` and two hexadecimal digits. */
const objectOf = (unit: string): string =>
  `${manager.path}/unit/${unit.replace(/[^A-Za-z0-9]/g, (c) => `_${c.charCodeAt(0).toString(16)}`)}`;

/** One conversation with systemd. */
export class SystemdBus {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #serial = 0;
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (piece: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, piece]);
      this.#wake();
    });
    // Its end is noticed by whoever reads.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async open(): Promise<SystemdBus> {
    const socket = connect(systemdSocket);
    await once(socket, 'connect');
    const bus = new SystemdBus(socket);
    const uid = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
    socket.write(`\0AUTH EXTERNAL ${uid}\r\n`);
    const said = await bus.#line();
    if (!said.startsWith('OK')) throw unitRefused({ unit: 'systemd', why: said });
    socket.write('BEGIN\r\n');
    return bus;
  }

  /** Starts a service that is made for the purpose, and waits until its program runs. @throws unitRefused */
  async start(unit: string, properties: readonly Property[]): Promise<void> {
    const body = new Writer().text(unit).text('fail').properties(properties).emptyArray().bytes();
    const call = { ...manager, member: 'StartTransientUnit', signature: 'ssa(sv)a(sa(sv))', body };
    const job = (await this.#call(unit, call)).text();
    for (;;) {
      const { type, member, body: signal } = await this.#message();
      if (type !== SIGNAL || member !== 'JobRemoved') continue;
      signal.number();
      if (signal.text() !== job) continue;
      signal.text();
      const result = signal.text();
      if (result !== 'done') throw unitRefused({ unit, why: `its start ended with "${result}"` });
      return;
    }
  }

  /** The number of a service's process; 0 where it runs no more. @throws unitRefused */
  async mainPid(unit: string): Promise<number> {
    const body = new Writer().text('org.freedesktop.systemd1.Service').text('MainPID').bytes();
    const of = 'org.freedesktop.DBus.Properties';
    const call = { path: objectOf(unit), of, member: 'Get', signature: 'ss', body };
    const answer = await this.#call(unit, call);
    answer.signature();
    return answer.number();
  }

  close(): void {
    this.#socket.destroy();
  }

  async #call(unit: string, { path, of, member, signature, body }: Call): Promise<Reader> {
    const serial = ++this.#serial;
    const fields = new Writer().fields([
      [1, 'o', path],
      [2, 's', of],
      [3, 's', member],
      [8, 'g', signature],
    ]);
    const head = new Writer().raw([0x6c, METHOD_CALL, 0, 1]).number(body.length).number(serial);
    this.#socket.write(Buffer.concat([head.append(fields).aligned(8).bytes(), body]));
    for (;;) {
      const answer = await this.#message();
      if (answer.answers !== serial) continue;
      if (answer.type === METHOD_RETURN) return answer.body;
      if (answer.type === ERROR)
        throw unitRefused({ unit, why: `${answer.error ?? ''} ${answer.body.text()}` });
    }
  }

  async #message(): Promise<Message> {
    const fixed = await this.#take(16);
    const [bodyLength, fieldsLength] = [fixed.readUInt32LE(4), fixed.readUInt32LE(12)];
    const fields = new Reader(await this.#take((fieldsLength + 7) & ~7)).fields(fieldsLength);
    const body = new Reader(await this.#take(bodyLength));
    const answers = fields.get(5);
    const text = (key: number): string | null => {
      const value = fields.get(key);
      return typeof value === 'string' ? value : null;
    };
    return {
      type: fixed[1] ?? 0,
      answers: typeof answers === 'number' ? answers : null,
      ...{ member: text(3), error: text(4), body },
    };
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n');
      if (end >= 0) return (await this.#take(end + 2)).toString('latin1', 0, end);
      await this.#more();
    }
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) await this.#more();
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    if (this.#closed) throw unitRefused({ unit: 'systemd', why: 'it closed the connection' });
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
