import type * as Crypto from 'node:crypto';
import type * as Fs from 'node:fs';
import { join } from 'node:path';
import type * as Threads from 'node:worker_threads';
import { Worker } from 'node:worker_threads';
import { internal } from '../../../daemon/api/errors/rpc.js';
import { look } from '../../contract.js';
import { onDisk } from './faults.js';

interface Task {
  readonly paths: readonly string[];
}
type Answer = { readonly hashes: readonly string[] } | { readonly errno: string };

interface Files {
  readonly dir: string;
  readonly files: readonly string[];
}

/**
 * What the thread runs. It is handed over as text, so that it also works in the bundle of one file: it may use
 * nothing from outside.
 */
const thread = (crypto: typeof Crypto, fs: typeof Fs, { parentPort, workerData }: typeof Threads): void => {
  const { paths } = workerData as Task;
  const block = Buffer.allocUnsafeSlow(1 << 20);
  const hashOf = (path: string): string => {
    const hash = crypto.createHash('sha256');
    const file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
    for (let n = fs.readSync(file, block); n > 0; n = fs.readSync(file, block)) {
      hash.update(block.subarray(0, n));
    }
    fs.closeSync(file);
    return hash.digest('hex');
  };
  let answer: Answer;
  try {
    answer = { hashes: paths.map(hashOf) };
  } catch (error) {
    answer = { errno: (error as NodeJS.ErrnoException).code ?? 'EIO' };
  }
  parentPort?.postMessage(answer);
};

const source = `(${String(thread)})(require('node:crypto'), require('node:fs'), require('node:worker_threads'))`;

/**
 * SHA-256 of files in the folder `dir`, in hexadecimal and in their order; of the whole content, holes included. In a
 * thread of its own: at about a second per gigabyte it would hold up every other request. @throws systemCallFailed
 */
export const hashFiles = look('store.hash', ({ dir, files }: Files, { signal }) =>
  onDisk('reading', dir, async () => {
    const paths = files.map((file) => join(dir, file));
    const worker = new Worker(source, { eval: true, workerData: { paths } satisfies Task });
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
      return answer.hashes;
    } finally {
      heard.abort();
      await worker.terminate();
    }
  }),
);
