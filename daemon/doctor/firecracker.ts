import type { Diagnosis } from '../api/system.js';
import type { Usable } from '../effects/doctor.js';
import { capabilitiesOf, parseVersion, type Quirk, since } from '../vmm/capabilities.js';
import { ok, problem, warning } from './diagnosis.js';

export interface FirecrackerFacts {
  readonly binary: string;
  readonly executable: Usable;
  /** As it says itself; null where it could not be asked. */
  readonly version: string | null;
  /** Why not. */
  readonly problem: string | null;
}

const check = 'firecracker';

// A bare pause is a rare wish with a way round it; a guest that escapes, or a clone that can't be spoken to, is not.
const mild: readonly Quirk['id'][] = ['pause-silences-vsock'];

/** The VMM: there, executable, new enough for hot-attach, and each known fault of its version. */
export function judgeFirecracker(facts: FirecrackerFacts): readonly Diagnosis[] {
  const { binary, executable, version } = facts;
  const remedy =
    'Set "firecracker.binary" in the configuration to an executable Firecracker, 1.16.1 or newer';
  if (executable.is === 'missing') return [problem(check, `${binary} is not there`, remedy)];
  if (executable.is === 'refused')
    return [problem(check, `${binary} can't be executed: ${executable.errno}`, remedy)];
  if (version === null) {
    return [problem(check, `${binary} does not tell its version: ${facts.problem ?? 'no answer'}`, remedy)];
  }
  if (parseVersion(version) === null) {
    return [warning(check, `${binary} calls its version "${version}", of which nothing is known`, remedy)];
  }
  const capabilities = capabilitiesOf(version);
  const able = capabilities.has('hotPlug')
    ? ok(check, `${binary}, version ${version}`)
    : problem(
        check,
        `${binary} is version ${version}; NICs can be hot-attached since ${since('hotPlug')} only`,
        'Install Firecracker 1.16.1 or newer; until then restore with the strategy none',
      );
  return [
    able,
    ...capabilities.quirks.map((quirk) =>
      (mild.includes(quirk.id) ? warning : problem)(
        `${check} ${quirk.id}`,
        `Version ${version}: ${quirk.does} (fixed in ${quirk.fixedIn})`,
        quirk.remedy,
      ),
    ),
  ];
}
