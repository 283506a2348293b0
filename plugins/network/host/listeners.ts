import { formatAddress } from '../ipv4.js';
import type { PortForward } from '../../../daemon/api/shapes/port.js';

/** A socket of the host that takes what comes to a port. */
export interface Listener {
  readonly protocol: 'tcp' | 'udp';
  /** Null: all of the host's. */
  readonly address: string | null;
  readonly port: number;
}

// TCP_LISTEN, and for UDP TCP_CLOSE: a socket without a peer (net/tcp_states.h).
const states = { tcp: '0A', udp: '07' } as const;

/** The listeners in `/proc/net/tcp`, `tcp6`, `udp` or `udp6` (proc_pid_net(5)) that IPv4 can reach. Pure. */
export function readListeners(protocol: Listener['protocol'], text: string): readonly Listener[] {
  return text.split('\n').flatMap((line): readonly Listener[] => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [hex = '', port = ''] = local.split(':');
    if (state !== states[protocol]) return [];
    if (/^0+$/.test(hex)) return [{ protocol, address: null, port: Number.parseInt(port, 16) }];
    if (hex.length !== 8) return [];
    // Four bytes as this machine, and every one that Firecracker runs on, reads them: little-endian.
    const address = formatAddress(Buffer.from(hex, 'hex').readUInt32LE());
    return [{ protocol, address, port: Number.parseInt(port, 16) }];
  });
}

/** Who would lose what comes to this port; undefined where nobody would. Pure. */
export function listenerOn(
  { protocol, host, address }: PortForward,
  listeners: readonly Listener[],
): Listener | undefined {
  return listeners.find((one) => {
    if (one.protocol !== protocol || one.port !== host) return false;
    if (one.address === null || address === undefined) return one.address?.startsWith('127.') !== true;
    return one.address === address;
  });
}
