import { createHash } from 'node:crypto';
import { nicNameInvalid } from '../../daemon/api/errors/network.js';
import { LinkName, Mac, VmId } from '../../daemon/api/shapes/ids.js';

// Names, marks and MACs: pure functions of ids, so that the next daemon finds the same ones.

/**
 * The interface group of thaw's taps: "thaw" in ASCII. The rules know a guest's port by it, so that a port is closed
 * from before it joins a bridge, and no name of anybody else's link can be mistaken for one of ours.
 */
export const tapGroup = 0x74686177;

/** The group of taps that are being removed, so that many go at once; as closed as the other. */
export const dyingGroup = tapGroup + 1;

/**
 * `th`, the ten characters of the VM's id, the NIC's number: at most the 15 bytes that the kernel allows.
 * @throws nicNameInvalid
 */
export function tapName(vm: VmId, nic: string): LinkName {
  const index = /^eth(0|[1-9]\d{0,2})$/.exec(nic)?.[1];
  if (index === undefined) throw nicNameInvalid({ nic });
  return LinkName.parse(`th${vm.slice('vm-'.length)}${index}`);
}

/** The VM whose tap carries this name, by its form alone; null where it is not of that form. */
export function vmOfTap(name: string): VmId | null {
  const id = /^th([0-9a-z]{10})(?:0|[1-9]\d{0,2})$/.exec(name)?.[1];
  return id === undefined ? null : VmId.parse(`vm-${id}`);
}

/** What a link carries as alias, and a rule as comment, when it is a VM's. */
export function aliasOf(vm: VmId): string {
  return `thaw:${vm}`;
}

/** The VM that an alias names; null where it is not one of ours, however alike. */
export function vmOfAlias(alias: string | null): VmId | null {
  const parsed = VmId.safeParse(/^thaw:(vm-.*)$/s.exec(alias ?? '')?.[1]);
  return parsed.success ? parsed.data : null;
}

/** What a bridge of ours carries as alias. */
export function bridgeAlias(network: string): string {
  return `thaw:bridge:${network}`;
}

/** What a bridge of ours carries that several networks may share, each in a VLAN of its own. */
export function vlanBridgeAlias(bridge: string): string {
  return `thaw:vlans:${bridge}`;
}

/** A locally administered unicast MAC from a hash; `salt` counts up where one is taken already. */
export function macFrom(text: string, salt = 0): Mac {
  const bytes = createHash('sha256').update(`${text}\0${salt}`).digest().subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return Mac.parse([...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'));
}
