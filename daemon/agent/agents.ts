import { join, resolve } from 'node:path';
import { noAgent } from '../api/errors/agent.js';
import type { AgentSpec } from '../api/shapes/machine.js';
import type { Endpoint } from '../effects/vsock.js';
import type { AgentDialect } from '../../plugins/contract.js';
import { AgentChannel } from './channel.js';

/** How the agent of one VM is reached. */
export interface AgentAddress {
  readonly vm: string;
  readonly dir: string;
  /** The vsock's path, relative to the VM's folder; of an adopted VM it may be absolute. */
  readonly vsock: { readonly path: string } | null;
  readonly agent: AgentSpec;
  /** The guest's first address, with prefix length; undefined where it has none yet. */
  readonly address: () => string | undefined;
}

/** The one conversation with each guest's agent. */
export class Agents {
  readonly #channels = new Map<string, AgentChannel>();
  readonly #dialects: ReadonlyMap<string, AgentDialect>;

  constructor(dialects: ReadonlyMap<string, AgentDialect>) {
    this.#dialects = dialects;
  }

  /** Whether there is a dialect of this name. */
  speaks(dialect: string): boolean {
    return this.#dialects.has(dialect);
  }

  /** Makes the channel of a VM, unconnected; none where the VM has no agent, or one nobody here can speak to. */
  open(where: AgentAddress): void {
    const { vm, agent } = where;
    const dialect = agent && this.#dialects.get(agent.dialect);
    if (!agent || !dialect || (agent.via === 'vsock' && !where.vsock)) return;
    this.#channels.set(vm, new AgentChannel({ vm, to: () => endpointOf(agent, where), dialect }));
  }

  /** @throws noAgent */
  of(vm: string): AgentChannel {
    const channel = this.#channels.get(vm);
    if (!channel) throw noAgent({ vm });
    return channel;
  }

  find(vm: string): AgentChannel | undefined {
    return this.#channels.get(vm);
  }

  /** Ends the conversation with a VM's agent; what waits for it rejects. */
  async close(vm: string): Promise<void> {
    const channel = this.#channels.get(vm);
    this.#channels.delete(vm);
    await channel?.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#channels.keys()].map((vm) => this.close(vm)));
  }
}

function endpointOf(agent: NonNullable<AgentSpec>, { dir, vsock, address }: AgentAddress): Endpoint | null {
  const { via, port, path } = agent;
  switch (via) {
    case 'vsock':
      return vsock && { via, path: resolve(dir, vsock.path), port };
    case 'unix':
      return path === undefined ? null : { via, path: join(dir, path) };
    case 'tcp': {
      const known = agent.address ?? address()?.split('/')[0];
      return known === undefined ? null : { via, address: known, port };
    }
  }
}
