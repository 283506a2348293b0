import {
  addressOutside,
  addressTaken,
  macInvalid,
  macTaken,
  networkUnknown,
  subnetExhausted,
  tapTaken,
} from '../../daemon/api/errors/network.js';
import { LinkName, Mac } from '../../daemon/api/shapes/ids.js';
import type { Grant, GrantWish, NetworkView } from '../contract.js';
import { formatAddress, formatSubnet, parseAddress } from './ipv4.js';
import { macFrom, tapName } from './names.js';
import { formatAddress6, formatSubnet6 } from './ipv6.js';
import { twinOf, type Network } from './networks.js';
import { AddressPool } from './pool.js';
import type { LeaseStep } from './steps.js';

/** What a NIC has of a network. */
type Held = Pick<LeaseStep, 'vm' | 'nic' | 'network' | 'mac' | 'tap'> & Pick<Grant, 'addresses'>;

/** Which NIC of which VM holds what. All of it in memory, so a grant costs no touch of the outside. */
export class Leases {
  readonly #networks: ReadonlyMap<string, { network: Network; pool: AddressPool }>;
  /** By network and MAC: what must differ on one bridge may be the same on two. */
  readonly #macs = new Map<string, string>();
  readonly #taps = new Map<string, string>();
  readonly #addresses = new Map<string, number>();
  /** IPv6 addresses, by their text. Each follows from an IPv4 address, but a network may have had another subnet before. */
  readonly #sixes = new Map<string, string>();
  /** Whose `lease` step ran, or was found in a record: only its undo frees those. */
  readonly #recorded = new Set<string>();

  constructor(networks: readonly Network[]) {
    this.#networks = new Map(
      networks.map((network) => [
        network.name,
        { network, pool: new AddressPool(network.subnet, network.reserved) },
      ]),
    );
  }

  /** @throws networkUnknown, subnetExhausted, addressTaken, addressOutside, macTaken, macInvalid, nicNameInvalid, tapTaken */
  grant(wish: GrantWish): Grant {
    const { network, pool } = this.#at(wish.network);
    const holder = holderOf(wish);
    const tap = this.#tap(wish);
    const already = this.#addresses.get(holder);
    if (already !== undefined) throw addressTaken({ address: formatAddress(already), by: holder });
    const mac = this.#mac(wish, holder);
    const address =
      wish.address === undefined
        ? pool.lease(holder, (one) => !this.#sixes.has(twinText(network, one) ?? ''))
        : this.#static(wish.address, wish);
    if (address === null)
      throw subnetExhausted({
        network: network.name,
        subnet: formatSubnet(network.subnet),
        leases: pool.held,
      });
    this.#macs.set(macKey(network.name, mac), holder);
    this.#addresses.set(holder, address);
    this.#taps.set(tap, holder);
    const six = wish.ipv4Only === true ? null : network.six;
    const twin = six && twinText(network, address);
    if (twin !== null) this.#sixes.set(twin, holder);
    return {
      vm: wish.vm,
      nic: wish.nic,
      network: network.name,
      tap,
      mac,
      bridge: network.bridge,
      ...(network.vlan !== null && { vlan: network.vlan }),
      addresses: [
        `${formatAddress(address)}/${network.subnet.prefix}`,
        ...(six && twin !== null ? [`${twin}/${six.subnet.prefix}`] : []),
      ],
      gateway: formatAddress(network.gateway),
      ...(six && { gateway6: formatAddress6(six.gateway) }),
      dns: network.dns,
      mtu: network.mtu,
      isolated: network.isolate,
    };
  }

  /** Gives back a grant whose step never ran. */
  release(grant: Grant): void {
    if (!this.#recorded.has(holderOf(grant))) this.#free(grant);
  }

  /**
   * Holds what a step says: granted a moment ago, or found in a record by a daemon that has just started.
   * @throws networkUnknown, addressTaken, macTaken, tapTaken
   */
  take(step: LeaseStep): void {
    const { pool } = this.#at(step.network);
    const holder = holderOf(step);
    const mac = macKey(step.network, step.mac);
    const by = this.#macs.get(mac);
    if (by !== undefined && by !== holder) throw macTaken({ mac: step.mac, by });
    const { addresses, sixes } = split(step.addresses);
    for (const six of sixes) {
      const held = this.#sixes.get(six);
      if (held !== undefined && held !== holder) throw addressTaken({ address: six, by: held });
    }
    for (const address of addresses) {
      const held = pool.holder(address);
      if (held !== undefined && held !== holder)
        throw addressTaken({ address: formatAddress(address), by: held });
    }
    const user = step.tap === undefined ? undefined : this.#taps.get(step.tap);
    if (step.tap !== undefined && user !== undefined && user !== holder)
      throw tapTaken({ tap: step.tap, by: user });
    this.#hold(step);
    this.#recorded.add(holder);
  }

  /** Runs `work`, which must not wait, as if nobody held what these grants do. They hold it again afterwards. */
  aside<T>(grants: readonly Grant[], work: () => T): T {
    const held = grants.filter((grant) => this.holds(grant));
    for (const grant of held) this.#free(grant);
    try {
      return work();
    } finally {
      for (const grant of held) this.#hold(grant);
    }
  }

  /** Frees what a step says, as far as it is this NIC's. */
  drop(step: LeaseStep): void {
    this.#recorded.delete(holderOf(step));
    this.#free(step);
  }

  /** Whether all that a step or a grant says is held by its NIC. */
  holds(step: Held): boolean {
    const pool = this.#networks.get(step.network)?.pool;
    const holder = holderOf(step);
    const { addresses, sixes } = split(step.addresses);
    return (
      this.#macs.get(macKey(step.network, step.mac)) === holder &&
      addresses.every((address) => pool?.holder(address) === holder) &&
      sixes.every((six) => this.#sixes.get(six) === holder)
    );
  }

  /** The VM that holds a tap's name; undefined where none does. */
  tapUser(tap: string): string | undefined {
    return this.#taps.get(tap)?.split('/')[0];
  }

  view(): readonly NetworkView[] {
    return [...this.#networks.values()].map(({ network, pool }) => ({
      name: network.name,
      bridge: network.bridge,
      vlan: network.vlan,
      subnet: formatSubnet(network.subnet),
      gateway: formatAddress(network.gateway),
      subnet6: network.six && formatSubnet6(network.six.subnet),
      gateway6: network.six && formatAddress6(network.six.gateway),
      nat: network.nat,
      mtu: network.mtu,
      leases: pool.held,
      capacity: pool.capacity,
    }));
  }

  #at(name: string): { network: Network; pool: AddressPool } {
    const found = this.#networks.get(name);
    if (!found) throw networkUnknown({ network: name, known: [...this.#networks.keys()] });
    return found;
  }

  #mac(wish: GrantWish, holder: string): Mac {
    if (wish.mac !== undefined) {
      const mac = Mac.safeParse(wish.mac.toLowerCase());
      if (!mac.success) throw macInvalid({ mac: wish.mac, why: 'it is not six hexadecimal pairs' });
      // The bridge would drop all that such a NIC sends.
      if ((Number.parseInt(mac.data.slice(0, 2), 16) & 1) === 1)
        throw macInvalid({ mac: mac.data, why: 'it is a multicast address' });
      if (/^00(:00){5}$/.test(mac.data)) throw macInvalid({ mac: mac.data, why: 'it is all zeros' });
      const by = this.#macs.get(macKey(wish.network, mac.data));
      if (by !== undefined) throw macTaken({ mac: mac.data, by });
      return mac.data;
    }
    for (let salt = 0; ; salt += 1) {
      const mac = macFrom(holder, salt);
      if (!this.#macs.has(macKey(wish.network, mac))) return mac;
    }
  }

  #static(text: string, wish: GrantWish): number {
    const { network, pool } = this.#at(wish.network);
    const address = parseAddress(text);
    if (address === null || !pool.allows(address))
      throw addressOutside({ address: text, subnet: formatSubnet(network.subnet) });
    const by = pool.holder(address);
    if (by !== undefined) throw addressTaken({ address: text, by });
    const twin = twinText(network, address) ?? '';
    const twinBy = this.#sixes.get(twin);
    if (twinBy !== undefined) throw addressTaken({ address: twin, by: twinBy });
    pool.take(address, holderOf(wish));
    return address;
  }

  #tap(wish: GrantWish): LinkName {
    if (wish.tap === undefined) return tapName(wish.vm, wish.nic);
    const by = this.#taps.get(wish.tap);
    if (by !== undefined) throw tapTaken({ tap: wish.tap, by });
    return LinkName.parse(wish.tap);
  }

  #hold(held: Held): void {
    const holder = holderOf(held);
    const { pool } = this.#at(held.network);
    const { addresses, sixes } = split(held.addresses);
    for (const address of addresses) {
      pool.take(address, holder);
      this.#addresses.set(holder, address);
    }
    for (const six of sixes) this.#sixes.set(six, holder);
    this.#macs.set(macKey(held.network, held.mac), holder);
    if (held.tap !== undefined) this.#taps.set(held.tap, holder);
  }

  #free({ vm, nic, network, mac, tap, addresses }: Held): void {
    const holder = holderOf({ vm, nic });
    const pool = this.#networks.get(network)?.pool;
    this.#addresses.delete(holder);
    const held = split(addresses);
    for (const address of held.addresses) pool?.free(address, holder);
    for (const six of held.sixes) if (this.#sixes.get(six) === holder) this.#sixes.delete(six);
    const key = macKey(network, mac);
    if (this.#macs.get(key) === holder) this.#macs.delete(key);
    if (tap !== undefined && this.#taps.get(tap) === holder) this.#taps.delete(tap);
  }
}

function macKey(network: string, mac: string): string {
  return `${network}/${mac}`;
}

function holderOf({ vm, nic }: Pick<GrantWish, 'vm' | 'nic'>): string {
  return `${vm}/${nic}`;
}

/** The IPv6 address that goes with an IPv4 address, as text; null where the network has no IPv6. */
function twinText(network: Network, address: number): string | null {
  const twin = twinOf(network, address);
  return twin === null ? null : formatAddress6(twin);
}

/** Addresses with prefix lengths, by family. */
function split(cidrs: readonly string[]): { addresses: readonly number[]; sixes: readonly string[] } {
  const plain = cidrs.map((cidr) => cidr.split('/')[0] ?? '');
  return {
    addresses: plain.filter((text) => !text.includes(':')).map((text) => parseAddress(text) ?? -1),
    sixes: plain.filter((text) => text.includes(':')),
  };
}
