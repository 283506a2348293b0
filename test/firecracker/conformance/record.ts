/**
 * Notes what a real Firecracker answers to the scenarios of more.ts:
 * `FIRECRACKER_BIN=… FIRECRACKER_KERNEL=… [FIRECRACKER_ARGS=--no-seccomp] node dist/test/firecracker/conformance/record.js > …-more.jsonl`
 */
import fs from 'node:fs';
import { more } from './more.js';
import { comparable, replay } from './replay.js';
import { scenarios } from './scenario.js';
import { baseFolder, targets } from './targets.js';

const [base, work] = [baseFolder(), baseFolder()];
const [first] = targets(work);
if (!first) throw new Error('nothing to record');
const { version, target } = first;
const source = scenarios(version).find((scenario) => scenario.scenario === 'base');
if (!source) throw new Error('the base scenario is missing');
await replay(source, target, { folder: base, base });
for (const wish of more) {
  const steps = await replay({ ...wish, version }, target, {
    folder: `${work}/${wish.scenario}`,
    base,
  });
  process.stdout.write(
    `${JSON.stringify({ scenario: wish.scenario, version, about: wish.about, steps: steps.map(comparable) })}\n`,
  );
}
for (const folder of [base, work]) fs.rmSync(folder, { recursive: true, force: true });
