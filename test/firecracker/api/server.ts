/** The API's socket: ten connections, requests of all of them served one after another. */
import net from 'node:net';
import { Dropped } from '../faults.js';
import { HttpConnection, type HttpEvent, type HttpRequest } from './http-connection.js';
import { type Answer, continueAnswer, encode, parseErrorAnswer, serverFull } from './response.js';

const MAX_CONNECTIONS = 10;

export interface ApiServer {
  /** Resolves when all requests so far are answered and flushed. */
  idle(): Promise<void>;
}

/** Answers one request; never rejects but with `Dropped`. */
export type Handler = (request: HttpRequest) => Promise<Answer>;

/** Listens on `path`; rejects with the error of bind(2). */
export async function listen(path: string, payloadLimit: number, handle: Handler): Promise<ApiServer> {
  const open = new Set<net.Socket>();
  // One tail for all connections: Firecracker's API thread hands one request at a time to the VMM.
  let tail: Promise<void> = Promise.resolve();

  const answer = async (socket: net.Socket, event: HttpEvent): Promise<void> => {
    if (event.is === 'continue') socket.write(encode(continueAnswer));
    else if (event.is === 'error') socket.write(encode(parseErrorAnswer(event.message)));
    else {
      try {
        const bytes = encode(await handle(event.request));
        await new Promise<void>((resolve) =>
          socket.writable ? socket.write(bytes, () => resolve()) : resolve(),
        );
      } catch (error) {
        if (!(error instanceof Dropped)) throw error;
        socket.destroy();
      }
    }
  };

  const server = net.createServer({ allowHalfOpen: false }, (socket) => {
    socket.on('error', () => socket.destroy());
    if (open.size >= MAX_CONNECTIONS) {
      socket.end(serverFull);
      return;
    }
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    const connection = new HttpConnection(payloadLimit);
    socket.on('data', (bytes) => {
      for (const event of connection.feed(bytes)) tail = tail.then(() => answer(socket, event));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: 128 }, resolve);
  });
  return { idle: () => tail };
}
