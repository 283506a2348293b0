// Runs the tests: `node dist/test/run.js [--guest [--images]] [FILE…]`, where a FILE is a path or a part of one. `--guest`
// runs those whose guests have a kernel of their own, and only those; with `--images` those that boot whole
// distributions, which take minutes.
//
// Each file is a process of its own whose TAP node-tap reads here. Its command line would start TypeScript's loader in
// each (1.3 s a file against 0.3), for files that are compiled already.
import { createWriteStream, existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { guestImage } from './support/guest-image/image.js';
import { allNeeds, ensureNeeds, guestNeeds, imageNeeds } from './support/needs.js';
import { projectDir } from './support/paths.js';
import { describe } from './support/report.js';

/** Seconds for one file. */
const fileTimeout = 900;
/** A file of this name has the machine for itself: what it measures or storms, others would disturb. */
const alone = /\.alone\.test\.js$/;
const onGuest = /\.guest\.test\.js$/;
const onImage = /\.image\.test\.js$/;

const compiled = fileURLToPath(new URL('.', import.meta.url));
const sources = join(projectDir, 'test');

function testFiles(wanted: readonly string[]): string[] {
  const all = readdirSync(compiled, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js') && kindOf(file) === kind)
    // What an earlier build has left behind of a test that is gone.
    .filter((file) => existsSync(join(sources, file.replace(/\.js$/, '.ts'))))
    .sort();
  const parts = wanted.map((part) => relative(sources, part).replace(/^(?:\.\.\/)+dist\/test\//, ''));
  if (parts.length === 0) return all;
  return all.filter((file) =>
    [...parts, ...wanted].some((part) => file.includes(part.replace(/\.[jt]s$/, ''))),
  );
}

const kindOf = (file: string) => (onImage.test(file) ? 'image' : onGuest.test(file) ? 'guest' : 'plain');

const skipped: string[] = [];

async function run(file: string): Promise<void> {
  let started = performance.now();
  // A test process must not outlive this one: what it has made is on its leash.
  // Without node-tap's loader: every daemon, CLI and stand-in that a test starts would load it too (160 ms each), and its
  // signal handlers turn an abort into an exit.
  const node = ['env', '--unset=NODE_OPTIONS', process.execPath, '--enable-source-maps'];
  const command = ['--pdeathsig', 'KILL', ...node, join(compiled, file)];
  const child = t.spawn(
    'setpriv',
    command,
    {
      timeout: (fileTimeout + 10) * 1000,
      buffered: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TAP_TIMEOUT: String(fileTimeout) },
    },
    file,
  );
  // It may have waited for its turn.
  child.subtest?.once('preprocess', () => (started = performance.now()));
  await child;
  const { subtest } = child;
  if (!subtest) throw new TypeError(`node-tap ran nothing for ${file}`);
  const { counts, lists, results, options } = subtest;
  const { pass, fail } = counts;
  const plan = results?.plan;
  const skips = lists.skip.map((result) => `${result.name}: ${String(result.skip)}`);
  const leftOut = plan?.skipAll === true && plan.skipReason !== '' && plan.skipReason !== 'no tests found';
  if (leftOut) skips.push(plan.skipReason);
  const problems = lists.fail.map((failure) => describe(file, failure));
  if (pass + fail + skips.length === 0) problems.push('  it tests nothing');
  if (results?.ok === false && fail === 0) {
    problems.push(`  it ended with ${options.signal ?? `exit code ${options.exitCode ?? '?'}`}`);
  }
  // What node-tap takes for a file to be passed over is one that can't fail.
  if (pass + fail + skips.length === 0 && results?.ok !== false) t.fail(`${file} tests nothing`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const verdict = problems.length === 0 ? 'ok    ' : 'not ok';
  console.log(`${verdict} ${file}  ${pass} passed, ${fail} failed  ${seconds} s`);
  for (const problem of problems) console.log(problem);
  skipped.push(...skips.map((skip) => `${file} › ${skip}`));
}

const words = process.argv.slice(2);
const kind = words.includes('--images') ? 'image' : words.includes('--guest') ? 'guest' : 'plain';
ensureNeeds({ plain: allNeeds, guest: guestNeeds, image: imageNeeds }[kind]);
if (kind !== 'plain') guestImage();
const files = testFiles(words.filter((word) => !word.startsWith('--')));
t.setTimeout(0);
t.pipe(createWriteStream(join(compiled, 'report.tap')));
// Much of a test is waiting: for a load of 8 ms, an agent, a process's end.
// A guest under QEMU has a processor to itself, or the others wait for it.
t.jobs = kind !== 'plain' ? availableParallelism() : 2 * availableParallelism();
await Promise.all(files.filter((file) => !alone.test(file)).map(run));
t.jobs = 1;
for (const file of files.filter((name) => alone.test(name))) await run(file);
t.end();

for (const line of skipped) console.log(`skipped ${line}`);
const { pass, fail } = t.counts;
// A process that ended badly without a failed assertion is a failure too.
const failed = fail === 0 && t.results?.ok === false ? 1 : fail;
process.exitCode = failed > 0 || pass === 0 ? 1 : 0;
process.once('exit', () => console.log(`${pass} passed, ${failed} failed`));
