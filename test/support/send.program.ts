// Sends frames, given as hexadecimal, out of an interface of this network namespace: `send eth0 <frame>…`.
import koffi from 'koffi';

const AF_PACKET = 17;
const SOCK_RAW = 3;

type Native = (...args: (number | string | Buffer)[]) => number;
const libc = koffi.load(null);
const native = (signature: string): Native => libc.func(signature);
const socket = native('int socket(int domain, int type, int protocol)');
const indexOf = native('uint32_t if_nametoindex(const char *name)');
const send = native(
  'intptr_t sendto(int fd, const void *bytes, size_t size, int flags, const void *to, uint32_t length)',
);

const [link = '', ...frames] = process.argv.slice(2);
const fd = socket(AF_PACKET, SOCK_RAW, 0);
const to = Buffer.alloc(20); // struct sockaddr_ll
to.writeUInt16LE(AF_PACKET, 0);
to.writeUInt32LE(indexOf(link), 4);
for (const frame of frames.map((hex) => Buffer.from(hex, 'hex'))) {
  if (send(fd, frame, frame.length, 0, to, to.length) !== frame.length)
    throw new Error(`a frame could not be sent: error ${koffi.errno()}`);
}
