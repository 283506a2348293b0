import type { VmRecord } from '../records/vm-record.js';
import type { Vm } from './vm.js';
import { guestNic, type GuestNic, type Grant } from '../../plugins/contract.js';

/** What a guest's identity file is made from. */
export interface IdentityFacts {
  readonly vm: string;
  readonly name: string;
  readonly machineId: string;
  readonly snapshot: string | null;
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly userData: string | null;
  readonly grants: readonly Grant[];
  /** The NICs as the guest has them, in the grants' order. */
  readonly nics: readonly GuestNic[];
}

/** DNS servers of all networks, each once. */
export const dnsOf = (grants: readonly Grant[]): string[] => [...new Set(grants.flatMap(({ dns }) => dns))];

/** `/run/thaw/identity.json`: who the guest is. The same facts give the same text, so that nothing is written twice. */
export function identityDocument(facts: IdentityFacts) {
  const { vm, name, machineId, snapshot, generation, labels, userData, grants, nics } = facts;
  return {
    vm,
    name,
    hostname: name,
    machineId,
    snapshot,
    generation,
    addresses: nics.flatMap(({ addresses }) => addresses),
    networks: grants.map(({ network }) => network),
    nics: nics.map((nic, index) => ({
      network: grants[index]?.network ?? null,
      mac: nic.mac,
      addresses: [...nic.addresses],
      gateway: nic.gateway,
      gateway6: nic.gateway6 ?? null,
      mtu: nic.mtu,
    })),
    dns: dnsOf(grants),
    labels: { ...labels },
    userData,
  };
}

/** The identity file of a VM as it is recorded, and of NICs that its record does not name yet. */
export function documentOf({ id, name, record }: Vm, more: readonly Grant[] = []) {
  const grants = [...record.attachments.map(({ grant }) => grant), ...more];
  const known = record.attachments.map(({ grant, inner }) => inner ?? guestNic(grant));
  const nics = [...known, ...more.map((grant) => guestNic(grant))];
  return identityDocument({ ...record, vm: id, name, machineId: record.machineId ?? '', grants, nics });
}

/** The address by which the host reaches a VM's guest, with prefix length. */
export const firstAddress = (record: VmRecord): string | undefined =>
  record.attachments[0]?.grant.addresses[0];
