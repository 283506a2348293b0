import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../../support/flow.js';
import type { Host } from '../../support/host.js';
import type { Flow } from '../flow.js';
import { prepareBase, prepareDrive, restoreOne, survives } from '../support.js';

/** Snapshots are whole or not there, and what is told of is what lies in the store. */
async function whole({ box, client, storeDir }: Host): Promise<readonly string[]> {
  const { snapshots } = await client.snapshot.list();
  const told = snapshots.map(({ id }) => id).sort();
  const there = readdirSync(box.seen(join(storeDir, 'snapshots'))).sort();
  const damages = await Promise.all(
    told.map((snapshot) =>
      client.snapshot.verify({ snapshot }).then(
        () => [],
        (error: unknown) => [String(error)],
      ),
    ),
  );
  return [
    ...(told.join() === there.join() ? [] : [`told of: ${told.join()}; there: ${there.join()}`]),
    ...damages.flat(),
  ];
}

const has = async ({ client }: Host, wanted: string): Promise<boolean> =>
  (await client.snapshot.list()).snapshots.some(({ name }) => name === wanted);

/** A snapshot of a clone with a drive. */
export const create: Flow = {
  name: 'snapshot',
  // A pause without a snapshot costs this Firecracker's guests their agent: known, and told.
  forgives: /agent-unreachable/,
  covers: [
    ...['store.draft', 'vmm.pause', 'vmm.create', 'vmm.resume', 'store.copy', 'store.freeze'],
    ...['store.write', 'store.sync', 'store.move', 'record.write'],
  ],
  prepare: async (host) => prepareBase(host, { config: machine({ drives: [await prepareDrive(host)] }) }),
  arrange: (host) => restoreOne(host, { strategy: 'none' }),
  act: ({ client }, signal) => client.snapshot.create({ vm: 'clone', name: 'new' }, { signal }),
  judge: async (host) => [...(await whole(host)), ...(await survives(host))],
  clear: async (host) => {
    if (await has(host, 'new')) await host.client.snapshot.delete({ snapshot: 'new' });
  },
};

/** The same fails once it is written, and something more goes wrong while it is undone. */
export const undoCreate: Flow = {
  ...create,
  name: 'undo of a snapshot',
  covers: ['vmm.resume', 'store.remove', 'record.write'],
  always: { at: 'vmm.create', when: 'after', fail: 'EIO' },
};

/** A snapshot of a clone whose NIC is unplugged for it. */
export const strip: Flow = {
  ...create,
  name: 'snapshot without the NIC',
  covers: ['agent.prepare-detach', 'vmm.detach', 'filter.remove', 'tap.remove', 'vmm.create'],
  arrange: (host) => restoreOne(host),
  act: ({ client }, signal) => client.snapshot.create({ vm: 'clone', name: 'new', strip: true }, { signal }),
};

/** A snapshot goes. */
export const remove: Flow = {
  name: 'deleting a snapshot',
  covers: ['store.move', 'store.remove'],
  prepare: (host) => prepareBase(host),
  arrange: async (host) => {
    if (!(await has(host, 'base'))) await prepareBase(host);
  },
  act: ({ client }, signal) => client.snapshot.delete({ snapshot: 'base' }, { signal }),
  judge: whole,
};
