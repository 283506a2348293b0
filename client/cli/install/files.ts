import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, readdir, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usage } from '../usage.js';
import { layout, renamed, type Placed } from './layout.js';

/** Where things go: beneath `root`, which is not part of the paths that they name. */
export interface Target {
  readonly root: string;
  readonly prefix: string;
  readonly node: string;
}

/** The project that this program was built in: the bundle lies two folders below. @throws usage where it lies elsewhere */
function project(): string {
  const dir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  if (!existsSync(join(dir, 'systemd/thawd.service')))
    throw usage('This thaw is an installed one', 'Run the `thaw install` of a built project');
  return dir;
}

/** The one library that is not in the bundles: it has a binary part, of which this machine's is enough. */
const libraries = ['koffi', `@koromix/koffi-linux-${process.arch}`];

/** Puts all files in place. @throws usage where this is no built project */
export async function place({ root, prefix, node }: Target): Promise<readonly string[]> {
  const from = project();
  const placed = layout(prefix);
  for (const file of placed) {
    const to = join(root, file.to);
    await mkdir(dirname(to), { recursive: true });
    // What runs from the old file goes on with it.
    await rm(to, { force: true });
    if (file.from === null) await symlink(file.leads ?? '', to);
    else await copy(join(from, file.from), { file, to, prefix, node });
  }
  const lib = join(root, prefix, 'lib/thaw');
  await writeFile(join(lib, 'package.json'), '{ "type": "module" }\n', { mode: 0o644 });
  for (const library of libraries) {
    const [source, to] = [from, lib].map((dir) => join(dir, 'node_modules', library));
    if (source !== undefined && to !== undefined)
      await cp(source, to, { recursive: true, dereference: true });
  }
  return placed.map(({ to }) => to);
}

async function copy(
  from: string,
  { file, to, prefix, node }: Omit<Target, 'root'> & { file: Placed; to: string },
): Promise<void> {
  const text = await readFile(from, 'utf8');
  // Runtimes call hooks without PATH.
  const program = to.endsWith('.cjs') ? text.replace(/^#!.*/, `#!${node}`) : text;
  await writeFile(to, file.names ? renamed(text, { prefix, node }) : program);
  await chmod(to, file.mode);
}

/** Takes all files away, and folders of ours. What VMs and snapshots need lies elsewhere. */
export async function displace({
  root,
  prefix,
}: Pick<Target, 'root' | 'prefix'>): Promise<readonly string[]> {
  const gone = layout(prefix).map(({ to }) => to);
  for (const path of [...gone, `${prefix}/lib/thaw`])
    await rm(join(root, path), { recursive: true, force: true });
  for (const folder of ['client/oci-hook', 'client', 'systemd', '.']) {
    const docs = join(root, prefix, 'share/doc/thaw', folder);
    if (existsSync(docs) && (await readdir(docs)).length === 0) await rmdir(docs);
  }
  return gone;
}
