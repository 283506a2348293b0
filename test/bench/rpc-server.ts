// One of the servers that are compared: node rpc-server.js thawd|echo|echo-batched PATH
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { lockTake } from '../../daemon/effects/lock.js';
import { listen } from '../../daemon/rpc/listen.js';
import { serve } from '../../daemon/rpc/server.js';
import { fakeHandlers } from '../rpc/support/handlers.js';
import { cx } from '../rpc/support/context.js';

const [kind, path = ''] = process.argv.slice(2);
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

if (kind !== 'thawd') {
  const server = createServer((socket) => {
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      let answers = '';
      for (const line of lines) {
        const answer = `${JSON.stringify(JSON.parse(line))}\n`;
        if (kind === 'echo') socket.write(answer);
        else answers += answer;
      }
      if (answers !== '') socket.write(answers);
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(path, () => process.send?.('ready'));
} else {
  const lock = await lockTake(join(dirname(path), 'thawd.lock'), cx);
  serve({
    listener: await listen({ path, lock }, cx),
    handlers: fakeHandlers(),
    accessOf: () => 'read',
    log: silent,
  });
  process.send?.('ready');
}
