import fc from 'fast-check';
import t from 'tap';
import { notFit } from '../../daemon/api/errors/snapshot.js';
import { tapTaken } from '../../daemon/api/errors/network.js';
import { Manifest } from '../../daemon/api/shapes/snapshot.js';
import { ThawError } from '../../daemon/api/thaw-error.js';
import { choose } from '../../daemon/restore/choose.js';
import type { NetworkStrategy, Question, Verdict } from '../../plugins/contract.js';
import { planNone } from '../../plugins/network/strategies/none.js';

const manifest = Manifest.parse({
  version: 1,
  id: 'snap-0123456789',
  name: 'base',
  createdAt: 0,
  source: { vm: 'vm-0000000001', name: 'source', origin: 'booted' },
  parent: null,
  vmm: { version: '1.16.1', snapshotFormat: null },
  host: { cpuModel: 'a CPU', arch: 'x86_64', kernel: '6.1' },
  machine: { vcpus: 1, memoryMib: 128 },
  pci: true,
  everUnplugged: false,
  hotAttach: { is: 'yes', reason: '' },
  nics: [],
  drives: [],
  vsock: null,
  agent: null,
  generation: 0,
  files: [],
  labels: {},
});
const question: Question = {
  manifest,
  vmmVersion: '1.16.1',
  wishes: null,
  clones: 1,
  keepMac: false,
  tapUsers: new Map(),
};
const best = ['hot-attach', 'override', 'netns', 'predictable', 'recorded', 'none'] as const;
type Name = (typeof best)[number];
type Kind = 'can' | 'cannot' | 'missing';

const no = (strategy: string): Verdict => ({
  ok: false,
  error: notFit({ snapshot: 'base', strategy, why: `no ${strategy}`, instead: `not ${strategy}` }),
});
const strategy = (verdict: Verdict): NetworkStrategy => ({
  ...{ slots: false, kinds: {}, plan: planNone, judge: () => verdict },
});
const strategies = (kinds: Readonly<Record<Name, Kind>>) =>
  new Map(
    best
      .filter((name) => kinds[name] !== 'missing')
      .map((name) => [name, strategy(kinds[name] === 'can' ? { ok: true, places: [] } : no(name))]),
  );

function refusal(fn: () => unknown): ThawError {
  try {
    fn();
  } catch (error) {
    if (error instanceof ThawError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const kinds = fc.record(
  Object.fromEntries(best.map((name) => [name, fc.constantFrom<Kind>('can', 'cannot', 'missing')])) as Record<
    Name,
    fc.Arbitrary<Kind>
  >,
);

t.test('auto takes the best that can, and gives the reason of each better one', (t) => {
  fc.assert(
    fc.property(kinds, (given) => {
      const at = best.findIndex((name) => given[name] === 'can');
      const loaded = strategies(given);
      if (at < 0) {
        const { detail, message } = refusal(() => choose('auto', loaded, question));
        return (
          detail.reason === 'not-fit-for-strategy' && best.every((name) => message.includes(`${name}: `))
        );
      }
      const { strategy, passedOver } = choose('auto', loaded, question);
      const expected = best
        .slice(0, at)
        .map((name) => `${name} ${given[name] === 'missing' ? 'plugin-refused' : 'not-fit-for-strategy'}`);
      return (
        strategy.name === best[at] &&
        passedOver.map((one) => `${one.strategy} ${one.reason}`).join() === expected.join() &&
        passedOver.every(({ message }) => message !== '')
      );
    }),
  );
  t.end();
});

t.test('a strategy that is named is taken or refused, whatever else there is', (t) => {
  fc.assert(
    fc.property(kinds, fc.constantFrom(...best), (given, name) => {
      const loaded = strategies(given);
      if (given[name] === 'can') {
        const chosen = choose(name, loaded, question);
        return chosen.strategy.name === name && chosen.passedOver.length === 0;
      }
      const { reason } = refusal(() => choose(name, loaded, question));
      return reason === (given[name] === 'missing' ? 'plugin-refused' : 'not-fit-for-strategy');
    }),
  );
  t.end();
});

t.test('where nothing can be had, what waiting mends is advised before what takes a new snapshot', (t) => {
  const loaded = strategies({
    ...{ 'hot-attach': 'cannot', override: 'cannot', netns: 'missing' },
    ...{ predictable: 'cannot', recorded: 'cannot', none: 'cannot' },
  });
  loaded.set('recorded', strategy({ ok: false, error: tapTaken({ tap: 'tap0', by: 'source' }) }));
  t.match(refusal(() => choose('auto', loaded, question)).detail.remedy, /stop that one/);
  loaded.set('recorded', strategy(no('recorded')));
  t.equal(refusal(() => choose('auto', loaded, question)).detail.remedy, 'not hot-attach');
  t.end();
});
