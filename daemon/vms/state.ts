import type { Attachment, ProcessState, Readiness, Vm, VmWord } from '../api/shapes/vm.js';
import { limitsOf } from '../steps/cgroup.js';
import type { AttachmentRecord, VmRecord } from '../records/vm-record.js';

/** What was seen of a VM, beside what its record says. */
export interface Observed {
  readonly process: ProcessState;
  readonly power: Vm['power'];
  /** Why a VM that was ready is so no more; null while nothing is known against it. */
  readonly degraded: { readonly reason: string; readonly remedy: string; readonly at: number } | null;
}

/** The operation under way, as far as the state shows it. */
export interface UnderWay {
  readonly id: NonNullable<Vm['operation']>['id'];
  readonly method: string;
  readonly step: string | null;
}

/** All that a VM's state is made from. */
export interface StateFacts {
  readonly record: VmRecord;
  readonly observed: Observed;
  readonly operation: UnderWay | null;
  readonly dir: string;
}

/** The state of a VM of ours: a pure view of record and observation, nothing is kept of it. */
export function stateOf({ record, observed, operation, dir }: StateFacts): Vm {
  const readiness = readinessOf(record, observed);
  return {
    id: record.id,
    name: record.name ?? record.id,
    word: wordOf({ record, observed, readiness, operation }),
    origin: record.origin,
    createdAt: record.createdAt,
    expiresAt: record.expiresAt,
    process: observed.process,
    power: observed.power,
    readiness,
    attachments: record.attachments.map((attachment) => attachmentOf(attachment, record)),
    snapshot: record.snapshot,
    strategy: record.strategy,
    reservedSnapshot: record.reservedSnapshot,
    dir: record.adopted?.dir ?? dir,
    apiSocket: record.adopted?.apiSocket ?? `${dir}/api.sock`,
    vmmVersion: record.vmmVersion,
    operation,
    limits: limitsOf(record),
    labels: record.labels,
    container: record.container && {
      how: record.container.how,
      ids: record.container.holders.map(({ id }) => id),
    },
    warnings: record.everUnplugged
      ? ['A device was unplugged once: no further NIC would work in this VM or its snapshots']
      : [],
  };
}

function readinessOf(record: VmRecord, observed: Observed): Readiness {
  if (record.kept) return { is: 'failed', at: record.kept.at, reason: record.kept.reason };
  if (observed.process.is === 'ended')
    return { is: 'failed', at: observed.process.at, reason: 'the VMM has ended' };
  if (observed.degraded) return { is: 'degraded', ...observed.degraded };
  if (record.confirmed) return { is: 'ready', ...record.confirmed };
  if (record.pending?.makes === true && record.agent !== null) return { is: 'waiting', at: record.createdAt };
  return { is: 'not-asked', at: record.createdAt };
}

function attachmentOf(attachment: AttachmentRecord, record: VmRecord): Attachment {
  const { grant, confirmed, pluggedAt } = attachment;
  const state: Attachment['state'] = confirmed
    ? { is: 'confirmed', at: confirmed.at, by: confirmed.by }
    : pluggedAt === null
      ? { is: 'made', at: record.createdAt }
      : { is: 'plugged', at: pluggedAt };
  return {
    id: grant.nic,
    network: grant.network,
    tap: grant.tap,
    mac: grant.mac,
    addresses: grant.addresses,
    gateway: grant.gateway,
    gateway6: grant.gateway6 ?? null,
    mtu: grant.mtu,
    ports: grant.ports ?? [],
    guestInterface: confirmed?.interface ?? null,
    state,
  };
}

/** The one word that people read. What is being done to a VM comes before what it is. */
function wordOf(facts: {
  record: VmRecord;
  observed: Observed;
  readiness: Readiness;
  operation: UnderWay | null;
}): VmWord {
  const { record, observed, readiness, operation } = facts;
  if (record.removing || operation?.method === 'vm.stop' || operation?.method === 'vm.expire')
    return 'stopping';
  if (record.pending?.makes === true) return record.origin === 'restored' ? 'restoring' : 'starting';
  if (record.kept) return 'failed';
  if (observed.process.is === 'ended') return 'ended';
  if (observed.power.is === 'paused') return 'paused';
  switch (readiness.is) {
    case 'ready':
      return 'ready';
    case 'degraded':
      return 'degraded';
    case 'failed':
      return 'failed';
    case 'waiting':
    case 'not-asked':
      return 'running';
    default:
      return readiness satisfies never;
  }
}
