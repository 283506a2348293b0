import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { declaredEffects } from '../../../plugins/contract.js';
import { context, cx, folder, openStore, snapshotId, takeSnapshot, type Warning } from './support.js';

const id = snapshotId(1);
const program = fileURLToPath(new URL('crash.program.js', import.meta.url));

/** The names of all effects of a life that ends well, in their order. */
async function wholeLife(dir: string): Promise<readonly string[]> {
  const names: string[] = [];
  const watch = context({ probe: { effect: (name) => void names.push(name) } });
  const store = await openStore(dir, { watch });
  await takeSnapshot(store, id, watch);
  await store.delete(id, watch);
  return names;
}

t.test('a daemon killed at any instant leaves a snapshot that is whole, or none', async (t) => {
  const effects = await wholeLife(await folder(t));
  const published = effects.lastIndexOf('store.write') + 1;
  let listed = 0;
  const changes = new Set(declaredEffects().flatMap((effect) => (effect.changes ? [effect.name] : [])));
  for (const [i, name] of effects.entries()) {
    // Dying before a look is dying after the change before it.
    if (!changes.has(name)) continue;
    const dir = await folder(t);
    const child = spawn(process.execPath, [program, dir, String(i + 1)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    t.equal(signal, 'SIGKILL', `died before ${name}`);
    const warnings: Warning[] = [];
    const next = await openStore(dir, { warnings });
    const found = await next.list(cx);
    if (i <= published) t.strictSame(found, [], `before ${name} nothing is there yet`);
    for (const manifest of found) await next.verify(manifest, true, cx);
    listed += found.length;
    await next.sweep(new Set(), cx);
    t.strictSame(warnings, [], 'nothing needs a person');
    t.strictSame(await readdir(join(dir, 'drafts')), []);
    t.strictSame(await readdir(join(dir, 'trash')), []);
  }
  t.ok(listed > 0, 'some lived long enough to have one');
});
