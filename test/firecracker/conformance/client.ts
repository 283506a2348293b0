/** The plainest HTTP client over a Unix socket: one connection a request. */
import http from 'node:http';
import net from 'node:net';

export interface Reply {
  status: number;
  /** Parsed where it is JSON, text otherwise. */
  answer: unknown;
}

/** Sends one request and reads its answer. */
export function request(socketPath: string, method: string, path: string, body?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const outgoing = http.request({ socketPath, method, path, headers, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (text += chunk));
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, answer: parsed(text) }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Sends bytes as they are and returns what comes back until the other side is quiet. */
export function exchange(socketPath: string, bytes: string | Buffer, quietMs = 150): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    let text = '';
    let timer: NodeJS.Timeout;
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(done, quietMs);
    };
    socket.on('error', reject);
    socket.on('close', done);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      wait();
    });
    socket.write(bytes);
    timer = setTimeout(done, quietMs * 4);
  });
}
