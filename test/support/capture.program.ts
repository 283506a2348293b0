// Writes every frame of this network namespace, a line each: the interface's name, then the bytes as hexadecimal. Says
// `ready` first; ends with its standard input.
import { writeSync } from 'node:fs';
import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK = 3 | 0o4000;
const allProtocols = 0x0300; // ETH_P_ALL, in the network's byte order

type Native = (...args: (number | Buffer)[]) => number;
const libc = koffi.load(null);
const native = (signature: string): Native => libc.func(signature);
const socket = native('int socket(int domain, int type, int protocol)');
const receive = native(
  'intptr_t recvfrom(int fd, void *bytes, size_t size, int flags, void *from, void *length)',
);
const nameOf = libc.func('void *if_indextoname(uint32_t index, _Out_ uint8_t *name)') as unknown as Native;

const fd = socket(AF_PACKET, SOCK_RAW_NONBLOCK, allProtocols);
if (fd < 0) throw new Error(`no packet socket: error ${koffi.errno()}`);
writeSync(1, 'ready\n');

const names = new Map<number, string>();
const frame = Buffer.alloc(70_000);
const from = Buffer.alloc(20); // struct sockaddr_ll
const length = Buffer.alloc(4);

/** Names are asked for while the link is there, and kept. */
function interfaceOf(index: number): string {
  const name = Buffer.alloc(16);
  nameOf(index, name);
  const text = name.toString('latin1').replace(/\0.*$/s, '');
  if (text !== '') names.set(index, text);
  return names.get(index) ?? `#${index}`;
}

setInterval(() => {
  for (;;) {
    length.writeUInt32LE(from.length);
    const size = receive(fd, frame, frame.length, 0, from, length);
    if (size < 0) return;
    writeSync(1, `${interfaceOf(from.readUInt32LE(4))} ${frame.toString('hex', 0, size)}\n`);
  }
}, 1);
process.stdin.on('end', () => process.exit(0)).resume();
