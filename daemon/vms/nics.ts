import { noAgent } from '../api/errors/agent.js';
import { attachmentUnknown, nicAfterUnplug, noPci, tooManyNics } from '../api/errors/network.js';
import { attachInNamespace } from '../api/errors/namespaces.js';
import { vmmTooOld } from '../api/errors/vmm.js';
import type { NicWish } from '../api/snapshot.js';
import type { Attachment } from '../api/shapes/vm.js';
import type { Operation } from '../operations/operation.js';
import type { Operations } from '../operations/operations.js';
import { capabilitiesOf, since } from '../vmm/capabilities.js';
import { granted } from '../records/make.js';
import type { VmRecord } from '../records/vm-record.js';
import type { FreeStep, LetGoStep, UnplugStep } from '../steps/detach.js';
import type { ConfirmStep, UpdateStep } from '../steps/guest.js';
import type { NicStep } from '../steps/nic.js';
import { guestNic, type Fabric, type Grant, type GrantWish, type Step } from '../../plugins/contract.js';
import { Claims } from './claims.js';
import { pluggedIn, updateAnswer } from './confirmed.js';
import { dnsOf, documentOf } from './identity.js';
import type { Lifecycle } from './lifecycle.js';
import type { Vm } from './vm.js';

/** Firecracker's device slots without the root bridge (fact 11: 30 NICs beside one vsock). */
const deviceSlots = 31;
/** Milliseconds for a guest to take up again a NIC that it has let go. */
const backTimeout = 3_000;
/** Milliseconds for a guest to let go of a NIC. */
const letGoTimeout = 10_000;

export interface NicsParts {
  readonly fabric: Fabric;
  readonly operations: Operations;
  readonly lifecycle: Lifecycle;
  /** Ends slots that hold an address which is asked for, or the last ones of a network. */
  readonly makeWay: (wanted: readonly Pick<GrantWish, 'network' | 'address'>[]) => Promise<void>;
}

/** Gives running VMs more NICs, and takes them away. */
export class Nics {
  readonly #parts: NicsParts;

  constructor(parts: NicsParts) {
    this.#parts = parts;
  }

  /**
   * Attaches one more NIC; done when the guest has confirmed it.
   * @throws noPci, nicAfterUnplug, tooManyNics, noAgent, and what its failing step threw
   */
  async attach(
    vm: Vm,
    order: { nic: NicWish; readyTimeout: number; signal: AbortSignal },
  ): Promise<Attachment> {
    const { fabric, operations, lifecycle } = this.#parts;
    const { signal, readyTimeout } = order;
    const operation = operations.begin({ method: 'network.attach', vm: vm.id, name: vm.name, signal });
    const claims = new Claims();
    let grant: Grant;
    try {
      assertRoom(vm.record);
      await this.#parts.makeWay([order.nic]);
      // Others may have changed it meanwhile.
      assertRoom(vm.record);
      const { network, address, mac, ports } = order.nic;
      const wish = { vm: vm.id, nic: freeNicId(vm.record), network, address, mac, ports };
      grant = claims.grant(fabric, { ...wish, ...(livesApart(vm.record) && { added: true }) });
      vm.assertFree();
    } catch (thrown) {
      claims.giveBack();
      throw operation.refuse(thrown);
    }
    const steps = this.#attachSteps(vm, grant, { ...order.nic, readyTimeout });
    const { attachments } = vm.record;
    const commit: Parameters<Lifecycle['change']>[1]['commit'] = (answers) => ({
      steps: [...vm.record.steps, ...steps],
      attachments: pluggedIn([...attachments, granted(grant)], updateAnswer(answers), Date.now()),
      everHadNic: true,
    });
    await lifecycle.change(vm, { operation, steps, makes: false, commit });
    return attachmentOf(vm, grant.nic);
  }

  /** Detaches a NIC. `force` unplugs also where the guest did not let go. @throws attachmentUnknown, agentSilent */
  async detach(vm: Vm, order: { attachment: string; force: boolean; signal: AbortSignal }): Promise<void> {
    const { operations, lifecycle } = this.#parts;
    const { signal, attachment: id } = order;
    const operation = operations.begin({ method: 'network.detach', vm: vm.id, name: vm.name, signal });
    const attachment = vm.record.attachments.find((one) => one.grant.nic === id);
    if (!attachment) throw operation.refuse(attachmentUnknown({ vm: vm.name, attachment: id }));
    const { mac } = attachment.grant;
    const { everUnplugged } = vm.record;
    const held = vm.record.steps.filter((step) => step['nic'] === id);
    const back = this.#updateStep(vm, {
      nic: attachment.inner ?? guestNic(attachment.grant),
      timeout: backTimeout,
    });
    const letGo: LetGoStep = {
      ...{ kind: 'let-go', vm: vm.id, nic: id, mac, timeout: letGoTimeout },
      back: JSON.parse(JSON.stringify(back)) as LetGoStep['back'],
    };
    const unplug: UnplugStep = { kind: 'unplug', vm: vm.id, nic: id };
    const free: FreeStep = {
      kind: 'free',
      vm: vm.id,
      nic: id,
      steps: JSON.parse(JSON.stringify(held)) as FreeStep['steps'],
    };
    await lifecycle.change(vm, {
      operation,
      steps: [...(order.force ? [] : [letGo]), unplug, free],
      makes: false,
      before: { everUnplugged: true },
      undone: () => (wasUnplugged(operation) ? {} : { everUnplugged }),
      commit: () => ({
        steps: vm.record.steps.filter((step) => step['nic'] !== id),
        attachments: vm.record.attachments.filter((one) => one.grant.nic !== id),
      }),
    });
  }

  /** What a guest is told of one of its NICs; `more` is one that its record does not name yet. */
  #updateStep(vm: Vm, of: { nic: UpdateStep['nics'][number]; more?: Grant; timeout: number }): UpdateStep {
    const { record } = vm;
    const more = of.more ? [of.more] : [];
    return {
      kind: 'update',
      vm: vm.id,
      timeout: of.timeout,
      rescan: true,
      // The file tells of all its NICs, this one too.
      parts: record.parts.includes('identity') ? ['network', 'identity'] : ['network'],
      hostname: vm.name,
      machineId: record.machineId ?? '',
      nics: [of.nic],
      // The file with the servers is written anew, for all NICs.
      dns: dnsOf([...record.attachments.map(({ grant }) => grant), ...more]),
      document: documentOf(vm, more),
      needs: ['network'],
    };
  }

  #attachSteps(
    vm: Vm,
    grant: Grant,
    wish: Omit<NicWish, 'network'> & { readyTimeout: number },
  ): readonly Step[] {
    const { rxRateLimiter, txRateLimiter, readyTimeout: timeout } = wish;
    const { tap, mac, mtu } = grant;
    const nic: NicStep = {
      ...{ kind: 'nic', vm: vm.id, nic: grant.nic, tap, mac, mtu },
      ...(rxRateLimiter && { rxRateLimiter }),
      ...(txRateLimiter && { txRateLimiter }),
    };
    const update = this.#updateStep(vm, { nic: guestNic(grant), more: grant, timeout });
    const confirm: ConfirmStep = { kind: 'confirm', vm: vm.id, ping: [], timeout };
    return [...this.#parts.fabric.stepsFor(grant), nic, update, confirm];
  }
}

/** Whether its VMM is in a network namespace of its own, where its taps must be too. */
const livesApart = ({ steps }: VmRecord): boolean => steps.some(({ kind }) => kind === 'netns');

/** @throws attachInNamespace, vmmTooOld, noPci, nicAfterUnplug, tooManyNics, noAgent */
function assertRoom(record: VmRecord): void {
  const vm = record.name ?? record.id;
  if (record.container?.how === 'takeover') throw attachInNamespace({ vm });
  const version = record.vmmVersion;
  if (!capabilitiesOf(version).has('hotPlug'))
    throw vmmTooOld({ version, needed: since('hotPlug'), why: 'a NIC for a running VM' });
  if (!record.pci) throw noPci({ vm });
  if (record.everUnplugged) throw nicAfterUnplug({ vm });
  if (record.agent === null) throw noAgent({ vm });
  const others = record.drives.length + (record.vsock ? 1 : 0) + (record.adopted?.nics.length ?? 0);
  const limit = deviceSlots - others;
  if (record.attachments.length >= limit) throw tooManyNics({ vm, limit });
}

/** The lowest `ethN` that the VM does not have. */
function freeNicId(record: VmRecord): string {
  const taken = new Set([
    ...record.attachments.map(({ grant }) => grant.nic),
    ...(record.adopted?.nics ?? []),
  ]);
  let index = 0;
  while (taken.has(`eth${index}`)) index += 1;
  return `eth${index}`;
}

/** Whether the VMM was asked to unplug something in the course of an operation, its undo included. */
function wasUnplugged(operation: Operation): boolean {
  return operation.timeline().spans.some((span) => span.kind === 'effect' && span.name === 'vmm.detach');
}

function attachmentOf(vm: Vm, nic: string): Attachment {
  const attachment = vm.view().attachments.find((one) => one.id === nic);
  if (!attachment) throw attachmentUnknown({ vm: vm.name, attachment: nic });
  return attachment;
}
