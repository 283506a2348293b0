import { setTimeout as wait } from 'node:timers/promises';
import koffi from 'koffi';
import t from 'tap';
import { socketAwait } from '../../daemon/effects/vmm-files.js';
import { folder, stayAlive, upTo } from './support.js';

stayAlive(t);

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const void *address, uint32_t size)');
const listen = libc.func('int listen(int fd, int backlog)');
const close = libc.func('int close(int fd)');

/** `struct sockaddr_un` */
function addressOf(path: string): Buffer {
  const address = Buffer.alloc(110);
  address.writeUInt16LE(1, 0);
  address.write(path, 2, 'latin1');
  return address;
}

t.test('a VMM that is held up between bind and listen is waited for all the same', async (t) => {
  const path = `${folder(t)}/api.sock`;
  let listening = false;
  const waited = socketAwait(path, upTo(20_000)).then(() => listening);
  await wait(20);
  const fd = Number(socket(1, 1, 0));
  t.teardown(() => void close(fd));
  t.equal(bind(fd, addressOf(path), 110), 0);
  // Longer than any burst of tries: on a busy host a process can lose its processor right here.
  await wait(500);
  listening = true;
  t.equal(listen(fd, 8), 0);
  t.ok(await waited, 'it ends when the socket takes connections, and not before');
});
