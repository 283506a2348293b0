import { join } from 'node:path';
import { proofFailed } from '../api/errors/snapshot.js';
import { asThawError } from '../operations/operation.js';
import type { VerifyStep } from '../steps/snapshot.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Vm } from '../vms/vm.js';
import type { Context } from '../../plugins/contract.js';
import type { Orders } from './orders.js';
import type { Restorer } from './restorer.js';

/** Milliseconds for the throw-away clone to confirm. */
const readyTimeout = 30_000;

/**
 * Proves that a NIC attached to a clone of a draft lives: a throw-away clone gets one, and its guest must confirm it.
 * Nothing of the clone is left, whatever comes out.
 * @throws proofFailed, naming the operation of the clone; what no clone of the draft could get
 */
export const proveDraft =
  ({ orders, restorer, lifecycle }: { orders: Orders; restorer: Restorer; lifecycle: Lifecycle }) =>
  async (step: VerifyStep, cx: Context): Promise<void> => {
    const order = await orders.order({
      manifest: { ...step.manifest, name: null, hotAttach: { is: 'yes', reason: 'being proven' }, files: [] },
      draft: true,
      path: (file) => join(step.dir, file),
      strategy: 'hot-attach',
      nics: [{}],
      keepMac: false,
      clones: 1,
      readyTimeout,
      ping: false,
      keepOnFailure: false,
      labels: {},
      signal: cx.signal,
    });
    let clone: Vm;
    try {
      clone = await restorer.restore(order, null);
    } catch (thrown) {
      cx.signal.throwIfAborted();
      const { message, detail } = asThawError(thrown);
      throw proofFailed(
        { vm: step.manifest.source.name, clone: detail.operation ?? '', why: message },
        { cause: thrown },
      );
    }
    await lifecycle.stop(clone);
  };
