import type { Agents } from '../agent/agents.js';
import type { EventHub } from '../events/hub.js';
import type { Log } from '../log/logger.js';
import { kindOf } from '../operations/run-steps.js';
import { Turnstile } from '../operations/turnstile.js';
import type { Records } from '../records/records.js';
import type { VmRecord } from '../records/vm-record.js';
import type { Cgroups } from '../vmm/cgroups.js';
import type { Fleet } from '../vmm/fleet.js';
import { firstAddress } from '../vms/identity.js';
import { whoLives } from '../vms/collector.js';
import type { Health } from '../vms/health.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Registry } from '../vms/registry.js';
import { Vm } from '../vms/vm.js';
import type { Context, Fabric, SnapshotStore, StepKinds } from '../../plugins/contract.js';
import { decide, type Verdict } from './decide.js';

export interface ReconcileParts {
  readonly runDir: string;
  readonly records: Records;
  readonly kinds: StepKinds;
  readonly fleet: Fleet;
  readonly agents: Agents;
  readonly fabric: Fabric;
  readonly store: SnapshotStore;
  readonly cgroups: Cgroups;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly health: Health;
  readonly events: EventHub;
  readonly log: Log;
}

/** What was found and done, by VM; and what belonged to nobody. */
export interface Reconciled {
  readonly vms: readonly { readonly vm: string; readonly verdict: Verdict }[];
  readonly swept: readonly string[];
}

/**
 * Takes up what another daemon has left: adopts the VMs that live, undoes what was half done, and frees what belongs
 * to nobody. Called once, before anybody is answered.
 */
export async function reconcileAtStart(parts: ReconcileParts, cx: Context): Promise<Reconciled> {
  const { records, log } = parts;
  const { records: found, unusable } = await records.load(cx);
  for (const error of unusable) log.error({ err: error }, 'a record was set aside');
  // Leases, names and ids first, of all VMs: whatever comes next must not take them.
  const vms: Vm[] = [];
  for (const record of found) {
    const by = record.name === null ? undefined : parts.registry.holderOf(record.name);
    if (by === undefined) vms.push(takeUp(record, parts));
    else {
      const err = await records.refuse(record.id, `its name ${record.name} is that of ${by}`, cx);
      log.error({ err }, 'a record was set aside');
    }
  }
  // Where one can't even be looked at no daemon starts: better than to take what lives for dead.
  // A few at a time: one VMM among a thousand has as long to answer as one alone.
  const turns = new Turnstile(32);
  const verdicts = await allSettled(vms.map((vm) => turns.through(cx.signal, () => settle(vm, parts, cx))));
  const swept = await sweep(parts, cx);
  // Rules and links that somebody took away while no daemon looked: the VMs' network comes back with us.
  const mended = await parts.fabric.mend(cx);
  if (mended.length > 0) log.warn({ mended }, 'the network was mended');
  return { vms: verdicts, swept };
}

function takeUp(record: VmRecord, { runDir, registry, kinds, agents, log }: ReconcileParts): Vm {
  const vm = new Vm(record, runDir);
  registry.add(vm);
  if (record.name !== null) registry.takeName(record.name, record.id);
  if (record.name !== null) registry.room.occupy(record.id, record.machine.memoryMib);
  takeDrives(record, registry, log);
  agents.open({ vm: vm.id, dir: vm.dir, ...record, address: () => firstAddress(vm.record) });
  for (const step of [...record.steps, ...(record.pending?.steps ?? [])]) {
    try {
      kindOf(kinds, step).adopt?.(step);
    } catch (error) {
      log.error({ vm: vm.id, step: step.kind, err: error }, 'a recorded step could not be taken up');
    }
  }
  return vm;
}

/** The files of a VM's drives that are its own or shared: what the snapshots' copies are, nobody else can name. */
function takeDrives({ id, drives }: VmRecord, registry: Registry, log: Log): void {
  try {
    registry.drives.take(
      id,
      drives.filter((drive) => drive.file.startsWith('/')),
    );
  } catch (error) {
    log.error({ vm: id, err: error }, 'two VMs have one drive');
  }
}

async function settle(vm: Vm, parts: ReconcileParts, cx: Context): Promise<{ vm: string; verdict: Verdict }> {
  const { fleet, lifecycle, health, log, events, registry } = parts;
  const apiSocket = vm.record.adopted?.apiSocket;
  const alive = await fleet.adopt({ vm: vm.id, dir: vm.dir, apiSocket }, vm.record.process, cx);
  const verdict = decide(vm.record, alive !== null);
  if (alive) {
    const { pid, startTime } = alive.process;
    parts.fabric.inhabited(vm.id, pid);
    vm.sawProcess({ is: 'alive', at: Date.now(), pid, startTime });
  } else {
    vm.sawProcess({ is: 'ended', at: Date.now(), exit: null });
  }
  try {
    if (verdict === 'remove') await lifecycle.discard(vm);
    else if (verdict === 'undo') await lifecycle.undoLeft(vm);
    if (verdict !== 'remove') {
      const { power, fault } = await health.apiOf(vm, cx);
      vm.sawPower(power);
      if (fault) health.note(vm, fault);
    }
    // A pause in vain can have cost it its agent: ready is said of it only where that answers.
    if (verdict === 'undo' && vm.observed.power.is === 'running')
      health.note(vm, await health.agentOf(vm, cx));
  } catch (error) {
    // The record keeps what resists; the next start, or a stop by hand, tries again.
    log.error({ vm: vm.id, verdict, err: error }, 'a VM could not be reconciled');
  }
  log.info({ vm: vm.id, name: vm.name, verdict }, 'a recorded VM was reconciled');
  // Whoever goes on where the daemon before has ended hears what it is by now, whatever happened meanwhile.
  if (registry.has(vm.id))
    events.emit({ type: 'vm.changed', vm: vm.id, detail: { name: vm.name, state: vm.view().word } });
  return { vm: vm.id, verdict };
}

/** What all of them gave. @throws what the first that failed threw, once nothing goes on */
async function allSettled<T>(all: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

/** Frees taps, rules, drafts and disks of nobody. */
async function sweep(parts: ReconcileParts, cx: Context): Promise<string[]> {
  const alive = await whoLives(parts, cx);
  return [
    ...(await parts.fabric.sweep(alive, cx)),
    ...(await parts.store.sweep(alive, cx)),
    ...(await parts.cgroups.sweep(alive, cx)),
  ];
}
