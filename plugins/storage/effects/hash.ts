import type * as Crypto from 'node:crypto';
import type * as Fs from 'node:fs';
import type * as Threads from 'node:worker_threads';
import { Worker } from 'node:worker_threads';
import { internal } from '../../../daemon/api/errors/rpc.js';
import { look } from '../../contract.js';
import { onDisk } from './faults.js';

interface Task {
  readonly path: string;
}
type Answer = { readonly sha256: string } | { readonly errno: string };

/**
 * What the thread runs. It is handed over as text, so that it also works in the bundle of one file: it may use
 * nothing from outside.
 */
const thread = (crypto: typeof Crypto, fs: typeof Fs, { parentPort, workerData }: typeof Threads): void => {
  const { path } = workerData as Task;
  const hash = crypto.createHash('sha256');
  const block = Buffer.allocUnsafeSlow(1 << 20);
  let answer: Answer;
  try {
    const file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    for (let n = fs.readSync(file, block); n > 0; n = fs.readSync(file, block)) {
      hash.update(block.subarray(0, n));
    }
    fs.closeSync(file);
    answer = { sha256: hash.digest('hex') };
  } catch (error) {
    answer = { errno: (error as NodeJS.ErrnoException).code ?? 'EIO' };
  }
  parentPort?.postMessage(answer);
};

const source = `(${String(thread)})(require('node:crypto'), require('node:fs'), require('node:worker_threads'))`;

/**
 * SHA-256 of a whole file, holes included, in hexadecimal. In a thread of its own: at about a second per gigabyte it
 * would hold up every other request. @throws systemCallFailed
 */
export const hashFile = look('store.hash', (path: string, { signal }) =>
  onDisk('reading', path, async () => {
    const worker = new Worker(source, { eval: true, workerData: { path } satisfies Task });
    const heard = new AbortController();
    try {
      const answer = await new Promise<Answer>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', () => reject(internal({ what: 'a hash thread ended without an answer' })));
        const abandon = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', abandon, { once: true, signal: heard.signal });
      });
      if ('errno' in answer) throw Object.assign(new TypeError(answer.errno), { code: answer.errno });
      return answer.sha256;
    } finally {
      heard.abort();
      await worker.terminate();
    }
  }),
);
