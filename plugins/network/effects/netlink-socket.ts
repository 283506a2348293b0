import { decode, encode, flag, readError, type, type Message, type Request } from '../netlink/message.js';
import * as libc from './libc.js';

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_DONTWAIT = 0x40;

export const protocol = { route: 0, netfilter: 12 };

/** What the kernel said to one request. */
export interface Reply {
  /** 0, or a negative error number. */
  readonly code: number;
  readonly words: string;
  readonly messages: readonly Message[];
}

/**
 * A netlink socket. The kernel does all that is asked within the call that sends it, so question and answers are one
 * synchronous stretch of code: nothing is ever under way, and one socket serves all.
 */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(1 << 17);
  #sequence = 1;

  constructor(family: number) {
    this.#fd = libc.must('opening a netlink socket', libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, family));
    const one = Buffer.from(new Int32Array([1]).buffer);
    const large = Buffer.from(new Int32Array([1 << 22]).buffer);
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK])
      libc.setsockopt(this.#fd, SOL_NETLINK, option, one, 4);
    // Without CAP_NET_ADMIN these are refused; so is then all that would need them.
    for (const option of [SO_SNDBUFFORCE, SO_RCVBUFFORCE])
      libc.setsockopt(this.#fd, SOL_SOCKET, option, large, 4);
  }

  /** Sends requests in one go; the kernel does them in order, each by itself. One reply a request. */
  ask(requests: readonly Request[]): readonly Reply[] {
    const first = this.#sequence;
    const bytes = this.#encode(requests);
    libc.must('sending to netlink', libc.send(this.#fd, bytes, bytes.length, 0));
    return this.#collect(requests, first);
  }

  /** Asks for a list; again where it changed while the kernel was telling it. */
  list(request: Request): Reply {
    for (let left = 10; ; left -= 1) {
      const [reply] = this.ask([request]);
      const torn = reply?.messages.some((message) => (message.flags & flag.dumpInterrupted) !== 0);
      if (reply && (torn !== true || left === 0)) return reply;
    }
  }

  /** `ask` for what takes the kernel long: from another thread. The socket is not to be used until it is done. */
  async askSlowly(requests: readonly Request[]): Promise<readonly Reply[]> {
    const first = this.#sequence;
    const bytes = this.#encode(requests);
    libc.must('sending to netlink', await libc.sendSlowly(this.#fd, bytes));
    return this.#collect(requests, first);
  }

  close(): void {
    libc.close(this.#fd);
  }

  #encode(requests: readonly Request[]): Buffer {
    const first = this.#sequence;
    this.#sequence += requests.length;
    return Buffer.concat(requests.map((request, n) => encode(request, first + n)));
  }

  #collect(requests: readonly Request[], first: number): readonly Reply[] {
    const replies = requests.map((): { code: number | null; words: string; messages: Message[] } => ({
      code: null,
      words: '',
      messages: [],
    }));
    const answered = (request: Request) => (request.flags & (flag.ack | flag.dump)) !== 0;
    let open = requests.filter(answered).length;
    while (open > 0) {
      for (const message of this.#receive()) {
        const n = message.sequence - first;
        const [reply, request] = [replies[n], requests[n]];
        if (!reply || !request || reply.code !== null) continue;
        if (message.type !== type.error && message.type !== type.done) {
          reply.messages.push(message);
          continue;
        }
        const { code, words } = readError(message);
        Object.assign(reply, { code, words });
        // What asked for no answer gets one only when the kernel refuses the whole batch.
        open = answered(request) ? open - 1 : 0;
      }
    }
    return replies.map(({ code, words, messages }) => ({ code: code ?? 0, words, messages }));
  }

  #receive(): readonly Message[] {
    const length = libc.must(
      'reading from netlink',
      libc.receive(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT),
    );
    // A copy: the buffer is used again while the messages are still kept.
    return decode(Buffer.from(this.#buffer.subarray(0, length)));
  }
}
