import koffi from 'koffi';
import { look } from '../../plugins/contract.js';

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const sendto = libc.func(
  'intptr_t sendto(int fd, const void *bytes, size_t size, int flags, const void *address, uint32_t length)',
);
const closeFd = libc.func('int close(int fd)');
const AF_UNIX = 1;
/** SOCK_DGRAM | SOCK_CLOEXEC */
const kind = 2 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** Tells systemd something (sd_notify(3)); whether it could be told. Nobody waits for an answer. */
export const notifySend = look('notify.send', ({ path, text }: { path: string; text: string }): boolean => {
  const fd = Number(socket(AF_UNIX, kind, 0));
  if (fd < 0) return false;
  try {
    const name = Buffer.from(path);
    // An abstract one begins with a zero byte.
    if (name[0] === 0x40) name[0] = 0;
    const family = Buffer.from([AF_UNIX, 0]);
    const address = Buffer.concat([family, name]);
    const bytes = Buffer.from(text);
    return Number(sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length)) === bytes.length;
  } finally {
    closeFd(fd);
  }
});
