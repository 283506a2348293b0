import { readFile } from 'node:fs/promises';
import { look } from '../../contract.js';
import { readListeners } from '../host/listeners.js';

const tables = [
  ['tcp', 'tcp'],
  ['tcp', 'tcp6'],
  ['udp', 'udp'],
  ['udp', 'udp6'],
] as const;

/** The sockets of this network namespace that take what comes to their port. */
export const lookAtListeners = look('listeners.look', async () => {
  const found = await Promise.all(
    tables.map(async ([protocol, file]) => {
      // A kernel without IPv6 has two of them only.
      const text = await readFile(`/proc/net/${file}`, 'utf8').catch(() => '');
      return readListeners(protocol, text);
    }),
  );
  return found.flat();
});
