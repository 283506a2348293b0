import { machine } from '../../support/flow.js';
import { prepareBase, prepareDrive, restoreOne } from '../support.js';
import type { Flow } from '../flow.js';

const prepare: Flow['prepare'] = async (host) =>
  prepareBase(host, { config: machine({ drives: [await prepareDrive(host)] }) });

/** A clone with a drive and a port of the host. */
export const restore: Flow = {
  name: 'restore',
  covers: [
    ...['record.write', 'folder.make', 'store.copy', 'link.make', 'tap.create', 'filter.add'],
    ...['process.spawn', 'vmm.load', 'vmm.attach', 'vmm.resume', 'agent.connect', 'agent.update'],
  ],
  prepare,
  act: (host, signal) => restoreOne(host, { nics: [{ ports: [{ host: 8080, guest: 80 }] }] }, signal),
};

/** A restore that fails, and something more goes wrong while it is undone. */
export const undo: Flow = {
  name: 'undo of a restore',
  covers: [
    ...['process.end', 'filter.remove', 'tap.remove', 'elements.remove'],
    ...['folder.remove', 'store.remove', 'record.remove'],
  ],
  always: { at: 'vmm.resume', when: 'after', fail: 'EIO' },
  prepare,
  act: (host, signal) => restore.act(host, signal),
};
