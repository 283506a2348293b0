import type { Flow } from '../flow.js';
import { prepareBase, restoreOne, survives } from '../support.js';

/** A VM that runs gets one more NIC. */
export const attach: Flow = {
  name: 'attach',
  covers: ['record.write', 'tap.create', 'filter.add', 'vmm.attach', 'agent.update'],
  prepare: (host) => prepareBase(host),
  arrange: (host) => restoreOne(host),
  act: ({ client }, signal) => client.network.attach({ vm: 'clone', readyTimeout: 3_000 }, { signal }),
  judge: (host) => survives(host),
};

/** The same fails when the guest has it, and something more goes wrong while it is undone. */
export const undoAttach: Flow = {
  ...attach,
  name: 'undo of an attach',
  covers: ['record.write', 'vmm.detach', 'filter.remove', 'tap.remove'],
  always: { at: 'agent.update', when: 'after', fail: 'EIO' },
};

/** A VM that runs loses its second NIC. */
export const detach: Flow = {
  name: 'detach',
  covers: ['record.write', 'agent.prepare-detach', 'vmm.detach', 'filter.remove', 'tap.remove'],
  prepare: (host) => prepareBase(host),
  arrange: (host) => restoreOne(host, { nics: [{}, {}] }),
  act: ({ client }, signal) => client.network.detach({ vm: 'clone', attachment: 'eth1' }, { signal }),
  judge: (host) => survives(host),
};
