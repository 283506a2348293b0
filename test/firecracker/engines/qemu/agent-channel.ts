/** The serial channel to the guest's qemu-ga, lent to one vsock connection after the other. */
import { randomInt } from 'node:crypto';
import type net from 'node:net';
import type { VsockStream } from '../../guest/agent/port.js';

/** Resets the agent's parser: a client may have gone in the middle of a word. */
const RESET = Buffer.of(0xff);
const LINE = Buffer.from('\n');

/**
 * A serial port knows no connections: the channel stays open for good (qemu-ga sleeps a tenth of a second at a time
 * while it is not), and what is still due to a client that went is dropped before the next one hears anything.
 */
export class AgentChannel {
  private text = Buffer.alloc(0);
  /** What the agent says when everything before is said. */
  private awaited: Buffer | undefined;
  private early: Buffer[] = [];
  private client: VsockStream | undefined;

  constructor(private readonly serial: net.Socket) {
    serial.on('data', (bytes: Buffer) => this.heard(bytes));
  }

  /** Serves a client from now on; the returned function takes what it sends. */
  serve(client: VsockStream): (bytes: Buffer) => void {
    const id = randomInt(2 ** 47);
    this.client = client;
    this.text = Buffer.alloc(0);
    this.early = [];
    this.awaited = Buffer.from(`{"return": ${id}}\n`);
    this.serial.write(
      Buffer.concat([RESET, Buffer.from(`{"execute":"guest-sync","arguments":{"id":${id}}}\n`)]),
    );
    return (bytes) => {
      if (client !== this.client) return;
      if (this.awaited) this.early.push(Buffer.from(bytes));
      else this.serial.write(bytes);
    };
  }

  private heard(bytes: Buffer): void {
    if (!this.awaited) {
      this.client?.write(bytes);
      return;
    }
    this.text = Buffer.concat([this.text, bytes]);
    const at = this.text.indexOf(this.awaited);
    if (at < 0) {
      // Whole lines that are none of it are not looked at again.
      this.text = this.text.subarray(this.text.lastIndexOf(LINE) + 1);
      return;
    }
    const rest = this.text.subarray(at + this.awaited.length);
    this.awaited = undefined;
    for (const piece of this.early.splice(0)) this.serial.write(piece);
    if (rest.length > 0) this.client?.write(rest);
  }
}
