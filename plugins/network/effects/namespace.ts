import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { systemCallFailed } from '../../../daemon/api/errors/host.js';
import { namespaceLimit } from '../../../daemon/api/errors/namespaces.js';
import { NetlinkSocket, protocol } from './netlink-socket.js';
import * as libc from './libc.js';
import { errno } from './libc.js';
import { deferLocal, markedIsLocal } from '../netlink/route-requests.js';
import { neighbourMark } from '../netns/names.js';
import { Route } from './route.js';

// Network namespaces (setns(2)). The main thread goes in, does something synchronously, and comes back: 6 µs. It never
// awaits inside, where it would do everything else of the daemon inside as well. A namespace lives for as long as a
// process or a descriptor holds it, so nothing is mounted and nothing is left, however this process ends.

const CLONE_NEWNET = 0x40000000;
const O_RDONLY_CLOEXEC = 0o2000000;
const here = '/proc/thread-self/ns/net';

let homeFd: number | undefined;

/** The namespace that this process was started in. */
function home(): number {
  homeFd ??= libc.must('opening the network namespace of thawd', libc.open(here, O_RDONLY_CLOEXEC));
  return homeFd;
}

function goHome(): void {
  // Whoever serves everybody from inside a VM's namespace does harm with each thing that it does.
  if (libc.setns(home(), CLONE_NEWNET) < 0) process.abort();
}

/**
 * What a namespace that routes is to be like: its links forward, take packets whatever the way back, answer ARP for
 * their own addresses, and speak no IPv6 unless a step lets them. A new namespace has the host's values, whatever they are.
 */
const router: readonly (readonly [string, string])[] = [
  ['ipv4/ip_forward', '1'],
  ...['all', 'default'].flatMap((links): [string, string][] => [
    [`ipv4/conf/${links}/rp_filter`, '0'],
    [`ipv4/conf/${links}/arp_filter`, '0'],
    [`ipv4/conf/${links}/arp_ignore`, '0'],
  ]),
  ['ipv4/conf/all/accept_local', '1'],
  // Where a link has it, routed only: no router's announcement is listened to.
  ['ipv6/conf/all/forwarding', '1'],
  ['ipv6/conf/default/disable_ipv6', '1'],
];

/** Rules for what comes in by a link stand before this one, that of local addresses. */
const localPriority = 30_000;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EIO';
}

/** A network namespace, held open. */
export class Namespace {
  readonly fd: number;
  /** What the kernel knows it by. */
  readonly identity: string;

  private constructor(fd: number) {
    this.fd = fd;
    this.identity = readlinkSync(`/proc/self/fd/${fd}`);
  }

  /** A new one, with nothing in it. @throws namespaceLimit, systemCallFailed */
  static make(): Namespace {
    home();
    const made = libc.unshare(CLONE_NEWNET);
    if (made === errno.noSpace) throw namespaceLimit({});
    libc.must('making a network namespace', made);
    try {
      return new Namespace(libc.must('opening a network namespace', libc.open(here, O_RDONLY_CLOEXEC)));
    } finally {
      goHome();
    }
  }

  /** A new one whose links will forward to each other: for a guest behind a NAT of its own. @throws as {@link make} */
  static makeRouter(): Namespace {
    const namespace = Namespace.make();
    try {
      namespace.inside(() => {
        for (const [name, value] of router) writeOwn(name, value);
      });
      const six = namespace.inside(() => readOwn('ipv6/conf/all/forwarding') !== null)
        ? [...deferLocal(localPriority, { six: true }), markedIsLocal(neighbourMark)]
        : [];
      namespace.routing((route) => route.change('ordering routes', [...deferLocal(localPriority), ...six]));
      return namespace;
    } catch (error) {
      namespace.close();
      throw error;
    }
  }

  /** The one that a process lives in; null where there is no such process, or it lives in ours. */
  static of(pid: number): Namespace | null {
    const fd = libc.open(`/proc/${pid}/ns/net`, O_RDONLY_CLOEXEC);
    if (fd < 0) return null;
    const namespace = new Namespace(fd);
    if (namespace.identity !== readlinkSync(`/proc/self/fd/${home()}`)) return namespace;
    namespace.close();
    return null;
  }

  /** The one that a process lives in, if the kernel still knows it by this name; else null. */
  static named(pid: number, identity: string): Namespace | null {
    const found = Namespace.of(pid);
    if (found === null || found.identity === identity) return found;
    found.close();
    return null;
  }

  /** Runs `work` inside, which must not wait; a process that it starts lives inside. */
  inside<T>(work: () => T): T {
    home();
    libc.must('entering a network namespace', libc.setns(this.fd, CLONE_NEWNET));
    try {
      return work();
    } finally {
      goHome();
    }
  }

  /** A path by which processes of this PID namespace find it, while this one holds it. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  /** Links, addresses and routes of it. */
  routing<T>(work: (route: Route) => T): T {
    const route = this.inside(() => new Route());
    try {
      return work(route);
    } finally {
      route.close();
    }
  }

  /** Its nftables. */
  filtering<T>(work: (socket: NetlinkSocket) => T): T {
    const socket = this.inside(() => new NetlinkSocket(protocol.netfilter));
    try {
      return work(socket);
    } finally {
      socket.close();
    }
  }

  /** Lets a link have IPv6, which links of a router have not. */
  allowIpv6(link: string): void {
    this.inside(() => writeOwn(`ipv6/conf/${link.replaceAll('/', '.')}/disable_ipv6`, '0'));
  }

  /** The kernel parameters that are not as {@link makeRouter} left them. */
  unlikeRouter(): readonly string[] {
    return this.inside(() =>
      router.flatMap(([name, value]) => {
        const now = readOwn(name);
        return now === value || now === null ? [] : [`net/${name} is ${now}`];
      }),
    );
  }

  /** Lets go of it. */
  close(): void {
    libc.close(this.fd);
  }
}

/** A kernel parameter of the namespace that the main thread is in. */
function readOwn(name: string): string | null {
  try {
    return readFileSync(`/proc/sys/net/${name}`, 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw systemCallFailed({ what: `reading net/${name}`, errno: codeOf(error) }, { cause: error });
  }
}

function writeOwn(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/net/${name}`, value);
  } catch (error) {
    // A kernel without IPv6 has nothing to be kept from it.
    if (codeOf(error) === 'ENOENT' && name.startsWith('ipv6')) return;
    throw systemCallFailed({ what: `writing net/${name}`, errno: codeOf(error) }, { cause: error });
  }
}
