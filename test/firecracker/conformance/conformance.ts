/** Every recorded scenario, on the stand-in or (FIRECRACKER_BIN) on a real Firecracker: same answers, exits and taps. */
import fs from 'node:fs';
import t, { type Test } from 'tap';
import { comparable, replay } from './replay.js';
import { isRequest, type Scenario, scenarios, type Step } from './scenario.js';
import { baseFolder, type recorded, targets } from './targets.js';
import { names, vary } from './vary.js';

/** The whole test for one version; with a real Firecracker of another version there is nothing to do. */
export function testConformance(wanted: (typeof recorded)[number]): void {
  t.setTimeout(140_000);
  const work = baseFolder();
  t.teardown(() => fs.rmSync(work, { recursive: true, force: true }));
  const found = targets(work).find(({ version }) => version === wanted);
  if (!found) {
    t.comment(`FIRECRACKER_BIN is not ${wanted}`);
    return;
  }
  const { version, target } = found;
  t.test(`${version}: answers as recorded`, async (t) => {
    // As long as the recorder's: the column of one error depends on it (13 letters: /tmp/ and 8).
    const base = baseFolder();
    t.teardown(() => fs.rmSync(base, { recursive: true, force: true }));
    for (const scenario of scenarios(version)) {
      const folder = scenario.scenario === 'base' ? base : `${work}/${version}-${scenario.scenario}`;
      compare(t, scenario, await replay(scenario, target, { folder, base }));
    }
  });

  const seed = Number(process.env['SEED'] ?? Date.now() % 1e6);
  t.test(`${version}: and with other names, numbers and orders (SEED=${seed})`, async (t) => {
    const root = fs.mkdtempSync(`/tmp/fc-varied-${'x'.repeat(seed % 20)}`);
    t.teardown(() => fs.rmSync(root, { recursive: true, force: true }));
    const base = `${root}/base`;
    // The recorded kernel looped, too; making guests is tried above.
    const looping = { ...target, env: { ...target.env, FIRECRACKER_STANDIN_GUEST: 'none' } };
    const now: Record<string, number> = { $BASE: base.length, $KERNEL: target.kernel.length };
    const by = names(seed, { recorded: { $BASE: 13, $KERNEL: 17, $D: 13 }, now });
    for (const scenario of scenarios(version)) {
      const folder = `${root}/${scenario.scenario}`;
      now['$D'] = folder.length;
      const varied = vary(scenario, by);
      compare(t, varied, await replay(varied, looping, { folder, base }));
    }
  });
}

function compare(t: Test, scenario: Scenario, seen: readonly Step[]): void {
  scenario.steps.forEach((step, index) => {
    const name = `${scenario.scenario} ${index}: ${describe(step)}`;
    t.strictSame(comparable(seen[index] ?? step), comparable(step), name);
  });
}

function describe(step: Step): string {
  return isRequest(step) ? `${step.method} ${step.path}` : JSON.stringify(step).slice(0, 60);
}
