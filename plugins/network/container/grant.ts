import { LinkName, Mac, NetworkName } from '../../../daemon/api/shapes/ids.js';
import type { Grant, GrantWish } from '../../contract.js';
import { tapName } from '../names.js';

/** A grant in the place of a container's interface: all that the guest gets, the container has had. Pure. */
export function takenOver(
  { vm, nic }: Pick<GrantWish, 'vm' | 'nic'>,
  takeover: NonNullable<Grant['takeover']>,
  dns: readonly string[],
): Grant {
  const { name, mac, mtu, addresses, gateway } = takeover.link;
  return {
    ...{ vm, nic, network: NetworkName.parse('container'), tap: tapName(vm, nic), mac: Mac.parse(mac) },
    ...{ bridge: LinkName.parse(name), addresses, gateway, dns, mtu, isolated: false, takeover },
  };
}
