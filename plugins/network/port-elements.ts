import { parseAddress } from './ipv4.js';
import { aliasOf } from './names.js';
import { addressKey, numberKey, type SetChange } from './netlink/elements.js';
import type { PortsStep } from './steps.js';

/** The maps of `inet thaw`: ports of every address of the host, and of one. */
export const portMaps = [
  { family: 'inet', set: 'ports' },
  { family: 'inet', set: 'address_ports' },
] as const;

const protocols = { tcp: 6, udp: 17 } as const;
const known = (text: string) => addressKey(parseAddress(text) ?? 0);

/** What ports are in those maps. Pure. */
export function portElements(steps: readonly PortsStep[]): readonly SetChange[] {
  const all = steps.flatMap((step) =>
    step.ports.map(({ protocol, host, guest, address }) => ({
      address,
      key: Buffer.concat([
        ...(address === undefined ? [] : [known(address)]),
        Buffer.from([protocols[protocol], 0, 0, 0]),
        numberKey(host),
      ]),
      data: Buffer.concat([known(step.to), numberKey(guest)]),
      comment: aliasOf(step.vm),
    })),
  );
  const [every, one] = portMaps;
  return [
    { ...every, elements: all.filter(({ address }) => address === undefined) },
    { ...one, elements: all.filter(({ address }) => address !== undefined) },
  ];
}
