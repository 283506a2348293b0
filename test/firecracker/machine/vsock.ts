/** The host's side of vsock: a Unix socket, `CONNECT <port>`, `OK <host port>` (src/vmm/src/devices/virtio/vsock/unix). */
import net from 'node:net';
import { environment } from '../environment.js';
import { Fault } from '../errors.js';
import type { Faults } from '../faults.js';
import { bindErrno, errnoText } from '../native/errno.js';
import type { VsockOffer, VsockStream } from '../guest/agent/port.js';

/** Longest line that Firecracker reads. */
const LINE = 32;
const FIRST_HOST_PORT = 1 << 30;

/** Whoever answers for the guest. */
export type ConnectGuest = (port: number, offer: VsockOffer) => void;

export class VsockDevice {
  private readonly open = new Set<net.Socket>();
  private waiting: net.Socket[] = [];
  private held = false;
  private deaf = false;
  private guest: ConnectGuest | undefined;
  private hostPort = FIRST_HOST_PORT;

  private constructor(
    readonly config: { guest_cid: number; uds_path: string },
    server: net.Server,
    private readonly faults: Faults,
  ) {
    server.on('connection', (socket) => this.arrived(socket));
  }

  /** Binds the socket; rejects with `VsockUnixBackendError`'s words. Nothing ever unlinks it. */
  static async bind(config: { guest_cid: number; uds_path: string }, faults: Faults): Promise<VsockDevice> {
    const server = net.createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const errno = bindErrno(error, config.uds_path);
        reject(
          new Fault(`Error binding to the host-side Unix socket: ${errnoText(errno)} (os error ${errno})`),
        );
      });
      server.listen(config.uds_path, resolve);
    });
    server.removeAllListeners('error');
    return new VsockDevice(config, server, faults);
  }

  /** From now on connections are offered to the guest. */
  attach(guest: ConnectGuest): void {
    this.guest = guest;
  }

  private arrived(socket: net.Socket): void {
    socket.on('error', () => socket.destroy());
    // Fact 19: the event that would make the VMM accept this one was lost.
    if (this.deaf) return;
    // While the VMM serves only its API nobody accepts; the kernel's backlog keeps the connection.
    if (this.held) this.waiting.push(socket);
    else this.accept(socket);
  }

  private accept(socket: net.Socket): void {
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket));
    socket.once('data', (bytes) => {
      const line = bytes.toString('latin1', 0, LINE);
      const match = /^CONNECT (\d+)\n/i.exec(line);
      if (!match) {
        socket.destroy();
        return;
      }
      void this.request(Number(match[1]), socket, bytes.subarray(match[0].length));
    });
  }

  private async request(port: number, socket: net.Socket, early: Buffer): Promise<void> {
    const connection = stream(socket, early);
    try {
      await this.faults.around('vsock.connect', () => Promise.resolve());
    } catch {
      socket.destroy();
      return;
    }
    const deadline = setTimeout(() => socket.destroy(), environment.timing.connect);
    socket.once('close', () => clearTimeout(deadline));
    const hostPort = this.hostPort;
    this.hostPort += 1;
    this.guest?.(port, {
      get gone() {
        return socket.destroyed;
      },
      refuse: () => socket.destroy(),
      accept: () => {
        clearTimeout(deadline);
        socket.write(`OK ${hostPort}\n`);
        return connection;
      },
    });
  }

  /** The VMM stops looking at its sockets (a bare pause). */
  hold(): void {
    this.held = true;
  }

  /** It looks again; `lost` when the wake-up gets lost as well (fact 19). */
  release(lost: boolean): void {
    this.held = false;
    this.deaf = lost;
    const waiting = this.waiting;
    this.waiting = [];
    if (!lost) for (const socket of waiting) this.accept(socket);
  }

  /** A snapshot resets the transport: connections end, and a lost wake-up is found again. */
  reset(): void {
    this.deaf = false;
    for (const socket of this.open) socket.destroy();
  }
}

/** The connection as the guest has it; what comes before it takes any is kept. */
function stream(socket: net.Socket, early: Buffer): VsockStream {
  let take: ((bytes: Buffer) => void) | undefined;
  let kept: Buffer[] = early.length > 0 ? [early] : [];
  socket.on('data', (bytes) => (take ? take(bytes) : kept.push(bytes)));
  return {
    write: (bytes) => {
      if (socket.writable) socket.write(bytes);
    },
    end: () => socket.destroy(),
    onClose: (closed) => {
      if (socket.destroyed) closed();
      else socket.once('close', closed);
    },
    onData: (handler) => {
      take = handler;
      for (const bytes of kept) handler(bytes);
      kept = [];
    },
  };
}
