import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { eventually, hostWithBase } from '../support/flow.js';
import { ensureNeeds } from '../support/needs.js';
import { bundle, hookEntry, removeCgroups, runInside, runQuietly, showCgroups } from '../support/runtimes.js';

// A container, its hook and the daemon are killed before, during and after the restore, by a real runc; then poststop
// comes, or never does. Nothing may be left.

ensureNeeds(['runc']);

const dir = mkdtempSync(join(tmpdir(), 'thaw-kills-'));
t.teardown(() => rmSync(dir, { recursive: true }));
const [faults, trace] = [join(dir, 'faults'), join(dir, 'trace')];
writeFileSync(faults, '[]');

const { host } = await hostWithBase(t, {
  env: { THAW_FAULTS: `@${faults}`, THAW_FAULTS_TRACE: trace },
});
await showCgroups(host);
t.teardown(() => removeCgroups(host));

/** The hook, which stands still before or after its work until it is let go. */
const gate = `
dir=$1 when=$2; shift 2
cat > "$dir/state"
stand() { echo $$ > "$dir/pid"; mv "$dir/pid" "$dir/here"; until [ -e "$dir/go" ]; do sleep 0.02; done; }
case $when in
  before) stand; exec "$@" < "$dir/state" ;;
  during) echo $$ > "$dir/pid"; mv "$dir/pid" "$dir/here"; exec "$@" < "$dir/state" ;;
  after) "$@" < "$dir/state" || exit; stand ;;
esac
`;

type When = 'before' | 'during' | 'after';

const textOf = (path: string) => readFile(path, 'utf8').catch(() => undefined);
const runc = ['runc', '--root', join(host.box.runDir, 'runc')];

/** A container that is being created, its hook standing where it was told to. */
interface Creating {
  readonly id: string;
  readonly poststop: boolean;
  readonly hook: number;
  readonly init: number;
  /** Its runtime's exit code. */
  readonly made: Promise<{ readonly code: number | null }>;
  readonly letGo: () => Promise<void>;
}

async function create(id: string, when: When, poststop: boolean): Promise<Creating> {
  const at = join(host.box.runDir, `bundle-${id}`);
  const { path, args, ...entry } = hookEntry(host, 'createRuntime');
  const gated = {
    ...entry,
    path: '/bin/sh',
    args: ['sh', '-c', gate, 'sh', at, when, path, ...args.slice(1)],
  };
  const hooks = { createRuntime: [gated], poststart: [], ...(poststop ? {} : { poststop: [] }) };
  await bundle(host, { id, script: 'sleep 1000', hooks });
  const made = runQuietly(host, ...runc, 'create', '--bundle', at, id);
  const hook = Number(await eventually('the hook', () => textOf(join(at, 'here'))));
  const { pid: init } = JSON.parse((await textOf(join(at, 'state'))) ?? '') as { pid: number };
  return { id, poststop, hook, init, made, letGo: () => writeFile(join(at, 'go'), '') };
}

/** Two containers of each kind of death, one with a runtime that calls poststop, one without. */
async function creating(deaths: readonly string[], when: When): Promise<readonly Creating[]> {
  await rm(trace, { force: true });
  await writeFile(faults, when === 'during' ? '[{"at":"vmm.load","delay":60000}]' : '[]');
  const wishes = deaths.flatMap((death) => [true, false].map((poststop) => ({ death, poststop })));
  const all = await Promise.all(
    wishes.map(({ death, poststop }, n) => create(`${death}-${n}`, when, poststop)),
  );
  const loads = async () => (await textOf(trace))?.split('before vmm.load hit').length ?? 0;
  if (when === 'during') await eventually('the loads', async () => (await loads()) > all.length || undefined);
  return all;
}

/** The exit codes of their runtimes, once nothing is to come any more. */
async function ended(all: readonly Creating[]): Promise<readonly (number | null)[]> {
  const codes = await Promise.all(all.map(async ({ made }) => (await made).code));
  for (const { id, poststop, init } of all)
    if (poststop) await runInside(host, ...runc, 'delete', '--force', id);
    // Its runtime has gone as well: nobody calls anything any more.
    else await host.signal(init, 'SIGKILL').catch(() => undefined);
  await eventually('no VM', async () => (await host.client.vm.list()).vms.length === 0 || undefined);
  await host.exec('sh', '-c', `rm -rf ${host.box.runDir}/bundle-* ${host.box.runDir}/runc`);
  return codes;
}

for (const when of ['before', 'during', 'after'] as const) {
  t.test(`containers and hooks killed ${when} the restore: nothing is left`, async (t) => {
    const all = await creating(['container', 'hook'], when);
    await Promise.all(
      all.map(({ id, hook, init }) => host.signal(id.startsWith('hook') ? hook : init, 'SIGKILL')),
    );
    for (const { letGo } of all) await letGo();
    const codes = await ended(all);
    t.notOk(codes.slice(2).includes(0), 'without its hook no container comes to be');
    t.strictSame(await host.leftovers(), []);
  });

  t.test(`the daemon killed ${when} the restore: nothing is left`, async (t) => {
    const all = await creating(['daemon'], when);
    await host.kill();
    await writeFile(faults, '[]');
    // Before the daemon is there again: a hook that finds none waits for it.
    for (const { letGo } of all) await letGo();
    await host.start();
    const codes = await ended(all);
    t.strictSame(
      codes.map((code) => code === 0),
      all.map(() => when !== 'during'),
      'whether they came to be',
    );
    t.strictSame(await host.leftovers(), []);
  });
}
