import { portTaken } from '../../daemon/api/errors/network.js';
import type { PortForward } from '../../daemon/api/shapes/port.js';
import type { Grant } from '../contract.js';
import type { PortsStep } from './steps.js';

type Holder = Pick<Grant, 'vm' | 'nic'>;

/** A port as people write it: `tcp/192.0.2.1:8080`. */
export function portName({ protocol, host, address }: PortForward): string {
  return `${protocol}/${address === undefined ? '' : `${address}:`}${host}`;
}

const holderOf = ({ vm, nic }: Holder) => `${vm}/${nic}`;

/** Which NIC of which VM has which port of the host. In memory: records say the same, and tell it again at a start. */
export class Ports {
  /** By protocol and port: who has it, by the host's address; '' stands for all addresses. */
  readonly #held = new Map<string, Map<string, string>>();
  /** Whose `ports` step ran, or was found in a record: only its undo frees those. */
  readonly #recorded = new Set<string>();

  /** Holds all of a wish's ports or none. @throws portTaken */
  grant(holder: Holder, ports: readonly PortForward[]): void {
    const taken: PortForward[] = [];
    for (const port of ports) {
      const by = this.#holder(port);
      if (by !== undefined) {
        this.#free(holder, taken);
        throw portTaken({ port: portName(port), by });
      }
      this.#hold(holder, port);
      taken.push(port);
    }
  }

  /** Gives back what was granted, unless its step has run. */
  release(holder: Holder, ports: readonly PortForward[]): void {
    if (!this.#recorded.has(holderOf(holder))) this.#free(holder, ports);
  }

  /** Holds what a step says: granted a moment ago, or found in a record. @throws portTaken */
  take(step: PortsStep): void {
    for (const port of step.ports) {
      const by = this.#holder(port);
      if (by !== undefined && by !== holderOf(step)) throw portTaken({ port: portName(port), by });
    }
    for (const port of step.ports) this.#hold(step, port);
    this.#recorded.add(holderOf(step));
  }

  /** Frees what a step says, as far as it is this NIC's. */
  drop(step: PortsStep): void {
    this.#recorded.delete(holderOf(step));
    this.#free(step, step.ports);
  }

  /** Who holds this port, on this address or on all. */
  #holder({ protocol, host, address }: PortForward): string | undefined {
    const held = this.#held.get(`${protocol}/${host}`);
    if (!held) return undefined;
    return address === undefined ? [...held.values()][0] : (held.get(address) ?? held.get(''));
  }

  #hold(holder: Holder, { protocol, host, address = '' }: PortForward): void {
    const key = `${protocol}/${host}`;
    const held = this.#held.get(key) ?? new Map<string, string>();
    this.#held.set(key, held.set(address, holderOf(holder)));
  }

  #free(holder: Holder, ports: readonly PortForward[]): void {
    for (const { protocol, host, address = '' } of ports) {
      const key = `${protocol}/${host}`;
      const held = this.#held.get(key);
      if (held?.get(address) === holderOf(holder)) held.delete(address);
      if (held?.size === 0) this.#held.delete(key);
    }
  }
}
