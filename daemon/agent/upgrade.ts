import { setTimeout as wait } from 'node:timers/promises';
import { within, type Context, type FileWish, type SwapWish } from '../../plugins/contract.js';
import { agentSilent, upgradeFailed } from '../api/errors/agent.js';
import { agentCalls } from '../effects/vsock.js';
import { orAborted } from '../vmm/turns.js';
import type { AgentChannel } from './channel.js';

export type UpgradeWish = FileWish & SwapWish;

/** Between two looks for the new agent, in milliseconds. */
const pause = 200;
/** Beyond the guest's own time for the new agent: for the old one to come back, in milliseconds. */
const grace = 30_000;

/**
 * Puts a file into a guest: written beside the old one and compared, swapped by a rename; then, with a command to start
 * the agent anew, final only once the new agent has answered. Where it does not, the guest itself puts the old one back.
 * @throws upgradeFailed, agentLacks, and what calls to an agent throw
 */
export async function upgrade(channel: AgentChannel, wish: UpgradeWish, cx: Context): Promise<void> {
  try {
    await channel.withFiles(({ files }, inner) => agentCalls.place({ files, wish }, inner), cx);
  } catch (error) {
    // Not the word of who failed: it may be the disk that was full.
    await channel
      .withFiles(({ files }, inner) => agentCalls.discard({ files, wish }, inner), cx)
      .catch(() => undefined);
    throw error;
  }
  await channel.withFiles(({ files }, inner) => agentCalls.swap({ files, wish }, inner), cx);
  if (wish.restart === null) return;
  const { vm, path, seconds } = wish;
  const limit = { what: 'the new agent’s answer', milliseconds: seconds * 1_000 + grace };
  try {
    await within(cx, limit, (inner) => settled(channel, wish, inner));
  } catch (error) {
    if (!agentSilent.is(error) || cx.signal.aborted) throw error;
    throw upgradeFailed({ vm, path, why: `no agent answers since: ${error.message}` }, { cause: error });
  }
}

async function settled(channel: AgentChannel, wish: UpgradeWish, cx: Context): Promise<void> {
  for (;;) {
    // The old agent may still be there, and a connection to it is not one to the next.
    await channel.disconnect(cx);
    const is = await channel.withFiles(({ files }, inner) => agentCalls.confirm({ files, wish }, inner), cx);
    if (is === 'new') return;
    const { vm, path, seconds } = wish;
    if (is === 'back') {
      throw upgradeFailed({
        vm,
        path,
        why: `the new agent did not answer within ${seconds} s; the old file is back`,
      });
    }
    await orAborted(wait(pause), cx.signal);
  }
}
