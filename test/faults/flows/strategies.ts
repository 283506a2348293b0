import { networks } from '../../e2e/network.js';
import type { Flow } from '../flow.js';
import { prepareBase, restoreOne } from '../support.js';

/** A NIC on another tap and bridge, with limits; its port opens when the guest has confirmed. */
export const override: Flow = {
  name: 'override',
  host: { config: { networks } },
  covers: ['tap.create', 'filter.add', 'vmm.load', 'vmm.limit', 'agent.update'],
  prepare: (host) => prepareBase(host, { networks: ['default', 'back'] }, { keepNics: true }),
  act: (host, signal) => {
    const nics = [{ rxRateLimiter: { ops: { size: 500, refill_time: 100 } } }];
    return restoreOne(host, { strategy: 'override', nics, ping: true }, signal);
  },
};

/** The one tap of a snapshot is free again, whatever becomes of its clone. */
export const predictable: Flow = {
  name: 'predictable',
  covers: ['tap.create', 'vmm.load'],
  prepare: (host) => prepareBase(host, { networks: ['default'], snapshotId: 'new' }, { keepNics: true }),
  act: (host, signal) => restoreOne(host, { strategy: 'predictable' }, signal),
};

export const recorded: Flow = {
  name: 'recorded',
  covers: ['tap.create', 'vmm.load'],
  prepare: (host) => prepareBase(host, { networks: ['default'] }, { keepNics: true }),
  act: (host, signal) => restoreOne(host, { strategy: 'recorded' }, signal),
};
