/** Every recorded scenario, on the stand-in or (FIRECRACKER_BIN) on a real Firecracker: same answers, exits and taps. */
import fs from 'node:fs';
import t from 'tap';
import { comparable, replay } from './conformance/replay.js';
import { scenarios } from './conformance/scenario.js';
import { baseFolder, targets } from './conformance/targets.js';

const work = baseFolder();
t.teardown(() => fs.rmSync(work, { recursive: true, force: true }));

for (const { version, target } of targets(work)) {
  t.test(`${version}: answers as recorded`, async (t) => {
    // As long as the recorder's: the column of one error depends on it (13 letters: /tmp/ and 8).
    const base = baseFolder();
    t.teardown(() => fs.rmSync(base, { recursive: true, force: true }));
    for (const scenario of scenarios(version)) {
      const folder = scenario.scenario === 'base' ? base : `${work}/${version}-${scenario.scenario}`;
      const seen = await replay(scenario, target, folder, base);
      scenario.steps.forEach((step, index) => {
        t.strictSame(
          comparable(seen[index] ?? step),
          comparable(step),
          `${scenario.scenario} ${index}: ${describe(step)}`,
        );
      });
    }
  });
}

function describe(step: object): string {
  if ('method' in step && 'path' in step) return `${String(step.method)} ${String(step.path)}`;
  return JSON.stringify(step).slice(0, 60);
}
