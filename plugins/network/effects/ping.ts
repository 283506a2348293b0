import { createSocket, type Socket } from 'node:dgram';
import { execa } from 'execa';
import { toolFailed, toolMissing } from '../../../daemon/api/errors/host.js';
import { look, withSignal, type Context } from '../../contract.js';
import * as libc from './libc.js';
import { saidBy } from './said.js';

const AF_INET = 2;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const IPPROTO_ICMP = 1;
const ECHO = 8;
const ECHO_REPLY = 0;
/** Milliseconds after which a ping is sent again: the first one may have come before the guest's address. */
const again = 200;

interface Wanted {
  readonly address: string;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Echo request; the kernel fills in identifier and checksum. */
function echo(sequence: number): Buffer {
  const packet = Buffer.alloc(64);
  packet[0] = ECHO;
  packet.writeUInt16BE(sequence, 6);
  return packet;
}

/** Sends until an answer comes. The socket is the caller's to close. */
function converse(socket: Socket, { address, timeout }: Wanted, signal: AbortSignal): Promise<number | null> {
  const sent: number[] = [];
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearInterval(repeat);
      clearTimeout(deadline);
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const onAbort = () => settle(() => reject(signal.reason as Error));
    const send = () => {
      sent.push(performance.now());
      // Port 1 is for Node's own check: ICMP has none. An address without a route will not answer: no error.
      socket.send(echo(sent.length - 1), 1, address, () => undefined);
    };
    const repeat = setInterval(send, again);
    const deadline = setTimeout(() => settle(() => resolve(null)), timeout);
    socket.on('error', () => undefined);
    socket.on('message', (packet) => {
      if (packet.length < 8 || packet[0] !== ECHO_REPLY) return;
      const at = sent[packet.readUInt16BE(6)];
      if (at !== undefined) settle(() => resolve(performance.now() - at));
    });
    signal.addEventListener('abort', onAbort, { once: true });
    send();
  });
}

/** Over an ICMP socket that the kernel gives to whoever `net.ipv4.ping_group_range` names; null where it does not. */
async function bySocket(wanted: Wanted, signal: AbortSignal): Promise<{ answer: number | null } | null> {
  const fd = libc.socket(AF_INET, SOCK_DGRAM_NONBLOCK_CLOEXEC, IPPROTO_ICMP);
  if (fd < 0) return null;
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ fd }, resolve);
    });
    socket.removeAllListeners('error');
    return { answer: await converse(socket, wanted, signal) };
  } finally {
    socket.close();
  }
}

async function byTool({ address, timeout }: Wanted, cx: Context): Promise<number | null> {
  const seconds = Math.max(1, Math.ceil(timeout / 1000)).toString();
  const done = await execa('ping', ['-n', '-c', '1', '-i', '0.2', '-w', seconds, address], {
    reject: false,
    cancelSignal: cx.signal,
    timeout: timeout + 100,
    stdin: 'ignore',
    extendEnv: false,
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
  });
  cx.signal.throwIfAborted();
  const time = /time=([\d.]+) ms/.exec(done.stdout)?.[1];
  if (time !== undefined) return Number(time);
  // 1: no answer came.
  if (done.exitCode === 1 || done.timedOut) return null;
  if (done.code === 'ENOENT')
    throw toolMissing({ tool: 'ping', debianPackage: 'iputils-ping' }, { cause: done });
  throw toolFailed({ tool: 'ping', said: saidBy(done) }, { cause: done });
}

/** Milliseconds until `address` answered a ping, or null where none came. @throws toolMissing, toolFailed */
export const pingAddress = look('network.ping', async (wanted: Wanted, cx) => {
  // A signal of its own: a check pings hundreds of VMs under one, and Node warns of eleven listeners.
  const signal = AbortSignal.any([cx.signal]);
  const heard = await bySocket(wanted, signal);
  return heard ? heard.answer : byTool(wanted, withSignal(cx, signal));
});
