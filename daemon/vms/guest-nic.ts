import type { UpdateStep } from '../steps/guest.js';
import type { Grant } from '../../plugins/contract.js';

/** A grant as the guest needs to know it. */
export function guestNic(grant: Grant): UpdateStep['nics'][number] {
  return { mac: grant.mac, addresses: [...grant.addresses], gateway: grant.gateway, mtu: grant.mtu };
}
