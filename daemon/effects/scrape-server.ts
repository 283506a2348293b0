import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { bind, bindOwn, type OwnSocket } from './bind.js';
import type { Context } from '../../plugins/contract.js';

/** Where it listens: on a socket that systemd has bound, on a port of this host, or on a Unix socket of our own. */
export type ScrapeWhere = { readonly fd: number } | { readonly port: number } | { readonly own: OwnSocket };

/** The one page that is served. */
export interface Page {
  readonly path: string;
  readonly contentType: string;
  text(): Promise<string>;
}

/** An HTTP server that serves one page. */
export interface ScrapeServer {
  readonly connections: number;
  /** Connections that there were, those that are there included. */
  readonly taken: number;
  /** Listens no more and ends what is connected. */
  close(): Promise<void>;
}

// One Prometheus server, perhaps two, with short requests.
const limits = {
  maxHeaderSize: 8_192,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
} as const;
const mostConnections = 32;

/** Serves a page until it is closed. @throws as {@link bindOwn} does */
export async function serveScrapes(
  { where, page }: { readonly where: ScrapeWhere; readonly page: Page },
  cx: Context,
): Promise<ScrapeServer> {
  const server = createServer(limits, (request, response) => {
    answer(page, request, response).catch((error: unknown) => {
      say(response, 500, `The metrics could not be gathered: ${String(error)}\n`);
    });
  });
  server.maxConnections = mostConnections;
  let connections = 0;
  let taken = 0;
  server.on('connection', (socket) => {
    connections += 1;
    taken += 1;
    socket.once('close', () => (connections -= 1));
  });
  if ('own' in where) await bindOwn(server, where.own, cx);
  else await bind({ server, where: 'fd' in where ? where : { ...where, host: '127.0.0.1' } }, cx);
  return {
    get connections() {
      return connections;
    },
    get taken() {
      return taken;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(page: Page, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // What a body says is nobody's matter here, and not waited for.
  request.resume();
  if (request.url?.split('?', 1)[0] !== page.path) {
    say(response, 404, `There is only ${page.path}\n`);
  } else if (request.method !== 'GET') {
    say(response.setHeader('allow', 'GET'), 405, `${page.path} can only be read: GET\n`);
  } else {
    const text = await page.text();
    response.setHeader('content-type', page.contentType);
    say(response, 200, text);
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.writeHead(status, { 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store' });
  response.end(text);
}
