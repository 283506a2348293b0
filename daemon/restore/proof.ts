import { join } from 'node:path';
import type { VerifyStep } from '../steps/snapshot.js';
import type { Lifecycle } from '../vms/lifecycle.js';
import type { Context } from '../../plugins/contract.js';
import type { Orders } from './orders.js';
import type { Restorer } from './restorer.js';

/** Milliseconds for the throw-away clone to confirm. */
const readyTimeout = 30_000;

/**
 * Proves that a NIC attached to a clone of a draft lives: a throw-away clone gets one, and its guest must confirm it.
 * Nothing of the clone is left, whatever comes out.
 * @throws what the clone's failing step threw
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
    const clone = await restorer.restore(order, null);
    await lifecycle.stop(clone);
  };
