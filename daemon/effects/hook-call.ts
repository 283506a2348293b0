import { effect } from '../../plugins/contract.js';

/** Calls into a plugin, which may touch anything; one that throws at once fails like one that rejects. */
export const hookCall = effect('hook.call', async (call: () => unknown): Promise<void> => {
  await call();
});
