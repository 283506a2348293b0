import type { Diagnosis } from '../api/system.js';
import { ok, problem, warning } from './diagnosis.js';

export interface PrivilegeFacts {
  /** `/proc/self/status` and `/proc/self/uid_map` and `/proc/self/limits`. */
  readonly status: string | null;
  readonly uidMap: string | null;
  readonly limits: string | null;
}

/** Numbers of capabilities(7), and what thawd wants each for. */
const wanted = [
  { bit: 12n, name: 'CAP_NET_ADMIN', needed: true, why: 'taps, bridges and rules can’t be made' },
  { bit: 21n, name: 'CAP_SYS_ADMIN', needed: false, why: 'namespaces can’t be made' },
  { bit: 13n, name: 'CAP_NET_RAW', needed: false, why: 'guests can’t be pinged' },
  { bit: 1n, name: 'CAP_DAC_OVERRIDE', needed: false, why: 'files of other users can’t be booted from' },
] as const;

function capabilities(status: string | null): readonly Diagnosis[] {
  const check = 'capabilities';
  const remedy = 'Run thawd as root, and leave the capability in CapabilityBoundingSet= of its unit';
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  if (mask === undefined) return [warning(check, '/proc/self/status does not tell them', 'Mount /proc')];
  const effective = BigInt(`0x${mask}`);
  const lacking = wanted.filter(({ bit }) => ((effective >> bit) & 1n) === 0n);
  if (lacking.length === 0) return [ok(check, wanted.map(({ name }) => name).join(', '))];
  return lacking.map(({ name, needed, why }) =>
    (needed ? problem : warning)(check, `${name} is missing: ${why}`, remedy),
  );
}

function userNamespace(uidMap: string | null): readonly Diagnosis[] {
  if (uidMap === null || /^\s*0\s+0\s+4294967295\s*$/.test(uidMap)) return [];
  return [
    warning(
      'user namespace',
      'thawd runs in a user namespace, where capabilities do not reach the host’s devices and file systems',
      'Run it outside; rootless containers can’t hold it',
    ),
  ];
}

/** Files that the daemon keeps open for each VM: pidfd, API connection, vsock, log, tap; generously. */
const filesPerVm = 8;
const wishedVms = 512;

function openFiles(limits: string | null): readonly Diagnosis[] {
  const check = 'open files';
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? '')?.[1];
  if (soft === undefined) return [];
  if (soft === 'unlimited' || Number(soft) >= filesPerVm * wishedVms) return [ok(check, `limit ${soft}`)];
  return [
    warning(
      check,
      `The limit is ${soft}: enough for about ${Math.floor(Number(soft) / filesPerVm)} VMs`,
      'LimitNOFILE=65536 in the unit of thawd',
    ),
  ];
}

/** What the daemon's process may do. */
export function judgePrivileges(facts: PrivilegeFacts): readonly Diagnosis[] {
  return [...capabilities(facts.status), ...userNamespace(facts.uidMap), ...openFiles(facts.limits)];
}
