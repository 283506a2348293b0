import { machine } from '../../support/flow.js';
import type { Flow } from '../flow.js';
import { prepareBase, prepareDrive, restoreOne } from '../support.js';

let drive: object = {};

/** A VM with a NIC, a drive, and an entropy device. */
export const boot: Flow = {
  name: 'boot',
  covers: [
    ...['vmm.boot-source', 'vmm.drive', 'vmm.machine-config', 'vmm.vsock', 'vmm.entropy', 'vmm.attach'],
    ...['vmm.start', 'process.spawn', 'tap.create', 'filter.add', 'agent.update'],
  ],
  prepare: async (host) => {
    drive = await prepareDrive(host);
  },
  act: ({ client }, signal) =>
    client.vm.boot(
      {
        name: 'new',
        networks: ['default'],
        readyTimeout: 3_000,
        config: machine({ drives: [drive], entropy: {} }),
      },
      { signal },
    ),
};

/** A clone with a drive goes. */
export const stop: Flow = {
  name: 'stop',
  covers: [
    ...['record.write', 'process.end', 'filter.remove', 'tap.remove'],
    ...['folder.remove', 'store.remove', 'record.remove'],
  ],
  prepare: async (host) => prepareBase(host, { config: machine({ drives: [await prepareDrive(host)] }) }),
  arrange: (host) => restoreOne(host),
  act: ({ client }, signal) => client.vm.stop({ vm: 'clone' }, { signal }),
};
