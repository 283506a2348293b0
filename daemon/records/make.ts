import type { Manifest } from '../api/shapes/snapshot.js';
import type { AttachmentRecord, VmRecord } from './vm-record.js';
import type { Grant, GuestSide } from '../../plugins/contract.js';

/** The record of a VM that is about to be made, with nothing in it yet. */
export function emptyRecord(id: VmRecord['id'], origin: VmRecord['origin'], vmmVersion: string): VmRecord {
  return {
    id,
    name: null,
    origin,
    adopted: null,
    createdAt: Date.now(),
    expiresAt: null,
    steps: [],
    pending: null,
    removing: false,
    kept: null,
    attachments: [],
    process: null,
    vmmVersion,
    pci: true,
    everHadNic: false,
    everUnplugged: false,
    machine: { vcpus: 0, memoryMib: 0 },
    drives: [],
    vsock: null,
    agent: null,
    snapshot: null,
    strategy: null,
    reservedSnapshot: null,
    generation: 0,
    machineId: null,
    // A source keeps the name that its image gave it: only clones are told who they are.
    parts: ['network'],
    userData: null,
    confirmed: null,
    labels: {},
    container: null,
  };
}

/** A NIC that is granted and not yet in the VM. */
export const granted = (grant: Grant): AttachmentRecord => ({
  grant: {
    ...grant,
    addresses: [...grant.addresses],
    dns: [...grant.dns],
    ports: grant.ports && [...grant.ports],
  },
  pluggedAt: null,
  confirmed: null,
});

/** The same of a clone, where the guest may have something else than the grant says. */
export function grantedAs(grant: Grant, sides: readonly GuestSide[]): AttachmentRecord {
  const side = sides.find(({ nic }) => nic === grant.nic);
  return side?.inner === true
    ? { ...granted(grant), inner: { ...side.tell, addresses: [...side.tell.addresses] } }
    : granted(grant);
}

/** What a clone inherits from its snapshot. */
export function inherited(manifest: Manifest): Partial<VmRecord> {
  return {
    pci: manifest.pci,
    everHadNic: manifest.nics.length > 0,
    everUnplugged: manifest.everUnplugged,
    machine: manifest.machine,
    drives: manifest.drives,
    vsock: manifest.vsock,
    agent: manifest.agent,
    snapshot: manifest.id,
    generation: manifest.generation + 1,
  };
}
