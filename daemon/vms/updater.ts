import { updateFailed } from '../api/errors/agent.js';
import { noAgent } from '../api/errors/agent.js';
import { internal } from '../api/errors/rpc.js';
import type { UpdateAnswer } from '../api/shapes/update.js';
import type { Operations } from '../operations/operations.js';
import type { UpdateStep } from '../steps/guest.js';
import { asThawError } from '../operations/operation.js';
import { pluggedIn, updateAnswer } from './confirmed.js';
import type { Health } from './health.js';
import type { Lifecycle } from './lifecycle.js';
import type { Vm } from './vm.js';
import { guestNic } from '../../plugins/contract.js';

/** Tells guests again who they are. */
export class Updater {
  readonly #operations: Operations;
  readonly #lifecycle: Lifecycle;
  readonly #health: Health;
  readonly #needs: readonly string[];

  constructor(parts: {
    operations: Operations;
    lifecycle: Lifecycle;
    health: Health;
    needs: readonly string[];
  }) {
    this.#operations = parts.operations;
    this.#lifecycle = parts.lifecycle;
    this.#health = parts.health;
    this.#needs = parts.needs;
  }

  /**
   * Updates a VM's guest. A VM that was ready and whose update fails is degraded from then on.
   * @throws noAgent, agentSilent, updateFailed
   */
  async update(vm: Vm, { timeout, signal }: { timeout: number; signal: AbortSignal }): Promise<UpdateAnswer> {
    const { record } = vm;
    const operation = this.#operations.begin({ method: 'agent.update', vm: vm.id, name: vm.name, signal });
    if (record.agent === null) throw operation.refuse(noAgent({ vm: vm.name }));
    const grants = record.attachments.map(({ grant }) => grant);
    const step: UpdateStep = {
      kind: 'update',
      vm: vm.id,
      timeout,
      rescan: false,
      // A source keeps the name that its image gave it: only clones are told who they are.
      networkOnly: record.origin === 'booted',
      hostname: vm.name,
      machineId: record.machineId ?? '',
      nics: record.attachments.map(({ grant, inner }) => inner ?? guestNic(grant)),
      dns: [...new Set(grants.flatMap((grant) => grant.dns))],
      document: {
        vm: vm.id,
        name: vm.name,
        snapshot: record.snapshot,
        generation: record.generation,
        networks: record.attachments.map(({ grant }) => grant.network),
        labels: record.labels,
      },
      needs: this.#needs.filter((part) =>
        part === 'network' ? grants.length > 0 : record.origin !== 'booted',
      ),
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
