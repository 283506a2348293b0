import type { ParamsOf, ResultOf } from '../../daemon/api/index.js';
import { ThawError } from '../../daemon/api/thaw-error.js';
import { persistently } from '../backoff.js';
import { connect, type ThawClient } from '../client.js';
import { clientErrors } from '../errors.js';
import { patience, type HookCall, type HookInput } from './input.js';

/** The contract that this hook was written for. */
const contract = 1;
/** −32601 of JSON-RPC. */
const methodUnknown = -32601;

const misfit = (message: string) =>
  clientErrors.notThawd({
    message,
    remedy: 'Install thawd and thaw-oci-hook of one version (they come in one package)',
  });

/** A daemon that is being started answers soon. @throws daemon-not-running, socket-forbidden */
function open(giveUpMs: number, signal: AbortSignal): Promise<ThawClient> {
  return persistently(() => connect({ reconnect: false, signal }), { giveUpMs }, signal);
}

/** @throws not-thawd where the daemon speaks another version of the contract */
async function assertFits(client: ThawClient): Promise<void> {
  const { contract: theirs, version } = await client.system.info();
  if (Number(theirs.split('.')[0]) !== contract)
    throw misfit(`thawd ${version} speaks version ${theirs} of the contract, this hook version ${contract}`);
}

/**
 * Tells the daemon where a container is in its life, and waits for what comes of it.
 * @throws ThawError: what the daemon answers, or why it can't be asked
 */
export async function invoke(
  { stage, timeoutMs }: HookCall,
  { state }: HookInput,
  signal: AbortSignal,
): Promise<ResultOf<'hook.invoke'>> {
  const began = performance.now();
  const whole = patience(timeoutMs);
  // After the container has gone, whoever starts the daemon next releases what is left: not worth a long wait.
  const client = await open(stage === 'poststop' ? Math.min(whole, 2_000) : whole, signal);
  try {
    await assertFits(client);
    const timeout = Math.max(1, Math.round(whole - (performance.now() - began)));
    // The daemon checks it, as it does everything that comes from outside.
    const params = { stage, state, timeout } as ParamsOf<'hook.invoke'>;
    return await client.hook.invoke(params, { signal, timeoutMs: timeout });
  } catch (error) {
    if (error instanceof ThawError && error.code === methodUnknown)
      throw misfit('This thawd is older than its hook: it knows no hook.invoke');
    throw error;
  } finally {
    await client.close();
  }
}
