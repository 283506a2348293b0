import t from 'tap';
import { declaredEffects } from '../../plugins/contract.js';
import '../../daemon/composition.js';
import type { Flow } from './flow.js';
import * as ahead from './flows/ahead.js';
import * as life from './flows/life.js';
import * as namespaces from './flows/namespaces.js';
import * as nics from './flows/nics.js';
import * as restart from './flows/restart.js';
import * as restore from './flows/restore.js';
import * as snapshots from './flows/snapshots.js';
import * as strategies from './flows/strategies.js';

const groups: readonly Readonly<Record<string, Flow>>[] = [
  ...[ahead, life, namespaces, nics, restart, restore, snapshots, strategies],
];

/** Changes that no flow makes, and why. */
const elsewhere: Readonly<Record<string, string>> = {
  'events.take': 'at a start, in no change; test/e2e/events.test.ts',
  'events.leave': 'at an end, in no change; test/e2e/events.test.ts',
  'vmm.log-cut': 'of its own, in no change; test/e2e/vmm-log.test.ts',
  'cgroup.make': 'only where there is cgroup v2; test/e2e/limits.test.ts',
  'cgroup.enter': 'likewise',
  'cgroup.remove': 'likewise',
  'cord.address': 'a container’s network; test/e2e/containers.test.ts',
  'container.vacate': 'a container’s network; test/e2e/containers.test.ts',
  'unit.start': 'starts a VMM under systemd, which no box has: shown where there is one',
  'agent.place': 'replaces the program in a guest; test/agent/upgrade.test.ts',
  'agent.swap': 'replaces the program in a guest; test/agent/upgrade.test.ts',
  'agent.confirm': 'replaces the program in a guest; test/agent/upgrade.test.ts',
  'agent.discard': 'replaces the program in a guest; test/agent/upgrade.test.ts',
  'container.unvacate': 'a container’s network; test/e2e/containers.test.ts',
  'sysctl.write': 'writes a setting of the host once and for all; test/plugins/network/networks.test.ts',
  'bridge.remove': 'at the end of a bridge that is not used; test/plugins/network/bridge.test.ts',
};

t.test('every effect that changes something is met by a change that faults are put into', (t) => {
  const covered = new Set(groups.flatMap((flows) => Object.values(flows).flatMap(({ covers }) => covers)));
  const declared = declaredEffects().flatMap(({ name, changes }) => (changes ? [name] : []));
  t.ok(declared.length > 30, String(declared.length));
  t.strictSame(
    declared.filter((name) => !covered.has(name) && !(name in elsewhere)),
    [],
    'add it to `covers` of a flow that meets it',
  );
  t.strictSame(
    Object.keys(elsewhere).filter((name) => covered.has(name) || !declared.includes(name)),
    [],
  );
  t.end();
});
