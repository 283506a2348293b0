import { noAgent, updateFailed } from '../api/errors/agent.js';
import { internal } from '../api/errors/rpc.js';
import type { PartSwitches, UpdateAnswer, UpdatePart } from '../api/shapes/update.js';
import type { Operations } from '../operations/operations.js';
import type { UpdateStep } from '../steps/guest.js';
import { asThawError } from '../operations/operation.js';
import { pluggedIn, updateAnswer } from './confirmed.js';
import type { Health } from './health.js';
import { dnsOf, documentOf } from './identity.js';
import type { Lifecycle } from './lifecycle.js';
import { chosenParts, neededParts } from './update-parts.js';
import type { Vm } from './vm.js';
import { guestNic } from '../../plugins/contract.js';

/** Tells guests again who they are. */
export class Updater {
  readonly #operations: Operations;
  readonly #lifecycle: Lifecycle;
  readonly #health: Health;
  readonly #needs: readonly UpdatePart[];

  constructor(parts: {
    operations: Operations;
    lifecycle: Lifecycle;
    health: Health;
    needs: readonly UpdatePart[];
  }) {
    this.#operations = parts.operations;
    this.#lifecycle = parts.lifecycle;
    this.#health = parts.health;
    this.#needs = parts.needs;
  }

  /**
   * Updates a VM's guest, `parts` over those that it was restored with. A VM that was ready and whose update fails is
   * degraded from then on.
   * @throws noAgent, agentSilent, updateFailed
   */
  async update(
    vm: Vm,
    order: { timeout: number; parts?: PartSwitches | undefined; signal: AbortSignal },
  ): Promise<UpdateAnswer> {
    const { timeout, signal } = order;
    const { record } = vm;
    const operation = this.#operations.begin({ method: 'agent.update', vm: vm.id, name: vm.name, signal });
    if (record.agent === null) throw operation.refuse(noAgent({ vm: vm.name }));
    const grants = record.attachments.map(({ grant }) => grant);
    const parts = chosenParts(record.parts, order.parts);
    const nics = record.attachments.map(({ grant, inner }) => inner ?? guestNic(grant));
    const step: UpdateStep = {
      kind: 'update',
      vm: vm.id,
      timeout,
      rescan: false,
      parts,
      hostname: vm.name,
      machineId: record.machineId ?? '',
      nics,
      dns: dnsOf(grants),
      document: documentOf(vm),
      needs: neededParts(this.#needs, { parts, nics: grants.length }),
    };
    const told: UpdateAnswer[] = [];
    try {
      await this.#lifecycle.change(vm, {
        operation,
        steps: [step],
        makes: false,
        commit: (answers) => {
          const answer = updateAnswer(answers);
          if (answer) told.push(answer);
          const at = Date.now();
          return { attachments: pluggedIn(record.attachments, answer, at), confirmed: { at, by: 'agent' } };
        },
      });
    } catch (thrown) {
      const error = asThawError(thrown);
      if (record.confirmed && updateFailed.is(error))
        this.#health.note(vm, { reason: error.reason, remedy: error.detail.remedy });
      throw error;
    }
    this.#health.note(vm, null);
    const [answer] = told;
    if (!answer) throw internal({ what: 'an update was committed without an answer' });
    return answer;
  }
}
