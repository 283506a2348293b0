import { noAgent } from '../api/errors/agent.js';
import { internal } from '../api/errors/rpc.js';
import type { ResultOf } from '../api/index.js';
import type { JudgedFile } from '../effects/files.js';
import { newMachineId } from '../operations/ids.js';
import type { Operations } from '../operations/operations.js';
import { Upgraded, type UpgradeStep } from '../steps/upgrade.js';
import type { Lifecycle } from './lifecycle.js';
import type { Vm } from './vm.js';

export interface UpgradeOrder {
  readonly file: JudgedFile;
  readonly path: string;
  readonly mode: string;
  readonly restart: string | null;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Puts new agents and support files into guests. */
export class Upgrader {
  readonly #operations: Operations;
  readonly #lifecycle: Lifecycle;

  constructor(parts: { operations: Operations; lifecycle: Lifecycle }) {
    this.#operations = parts.operations;
    this.#lifecycle = parts.lifecycle;
  }

  /** @throws noAgent, agentLacks, upgradeFailed, fileMissing, fileReplaced, and what calls to an agent throw */
  async upgrade(vm: Vm, { signal, file, ...order }: UpgradeOrder): Promise<ResultOf<'agent.upgrade'>> {
    const operation = this.#operations.begin({ method: 'agent.upgrade', vm: vm.id, name: vm.name, signal });
    if (vm.record.agent === null) throw operation.refuse(noAgent({ vm: vm.name }));
    const step: UpgradeStep = {
      ...{ kind: 'upgrade', vm: vm.id, id: newMachineId(), file: file.path, ...order },
      ...(file.inode && { inode: file.inode }),
    };
    const { dialect } = vm.record.agent;
    const told: ResultOf<'agent.upgrade'>[] = [];
    await this.#lifecycle.change(vm, {
      operation,
      steps: [step],
      makes: false,
      commit: (answers) => {
        const { sha256, bytes, version } = Upgraded.parse(answers.get('upgrade'));
        told.push({ vm: vm.id, path: order.path, sha256, bytes, agent: { dialect, version } });
        return {};
      },
    });
    const [answer] = told;
    if (!answer) throw internal({ what: 'an upgrade was committed without an answer' });
    return answer;
  }
}
