import { chmod, chown, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type Diary, fabric, load, pluginFile, refusal, rootsFolder, storage } from './support.js';

const strategy = (name: string): string => `kind: 'strategy', name: '${name}', start: async () => ({})`;

t.test('a plugin from a path is loaded and started after the built-in ones', async (t) => {
  const path = await pluginFile(await rootsFolder(t), 'mine.mjs', strategy('mine'));
  const set = await load({ paths: [path], settings: { mine: { anything: true } } });
  t.strictSame(set.list().at(-1), { kind: 'strategy', name: 'mine' });
  t.ok(set.strategies.has('mine'));
  await set.close();
});

t.test('a storage from a path takes the place of the built-in one', async (t) => {
  const dir = await rootsFolder(t);
  const path = await pluginFile(dir, 's3.mjs', `kind: 'storage', name: 's3', start: async () => ({})`);
  const diary: Diary = [];
  const set = await load({ builtIn: [fabric(), storage(diary)], paths: [path] }, diary);
  t.strictSame(
    set.list().map(({ name }) => name),
    ['bridge', 's3'],
  );
  t.match(
    diary,
    [/^info: the storage s3 takes the place of local/],
    'and the built-in one is not even started',
  );
  const other = await pluginFile(dir, 'nfs.mjs', `kind: 'storage', name: 'nfs', start: async () => ({})`);
  t.match(await refusal({ paths: [path, other] }), /nfs can't be used: there is a storage already: s3/);
});

t.test('what others than root could change is not run', async (t) => {
  const dir = await rootsFolder(t);
  const path = await pluginFile(dir, 'mine.mjs', `...globalThis.ranUntrusted = true, ${strategy('mine')}`);
  const refused = async (file: string, why: RegExp, what: string): Promise<void> => {
    t.match(await refusal({ paths: [file] }), why, what);
  };
  await refused('mine.mjs', /not absolute/, 'a relative path');
  await refused(join(dir, 'none.mjs'), /none\.mjs can't be used: it can't be read: ENOENT/, 'no file');
  await refused(dir, /not a file/, 'a folder');
  await refused(`${dir}/../${dir.slice(5)}/mine.mjs`, /shortest form/, 'a detour');
  await symlink(path, join(dir, 'link.mjs'));
  await refused(join(dir, 'link.mjs'), /symbolic link/, 'a link');
  await symlink(dir, `${dir}-link`);
  t.teardown(() => rm(`${dir}-link`));
  await refused(`${dir}-link/mine.mjs`, /symbolic link/, 'a link on the way');

  await chmod(path, 0o664);
  await refused(path, /others than root may write to .*mine\.mjs \(mode 664\)/, 'writable for a group');
  await chmod(path, 0o646);
  await refused(path, /mode 646/, 'writable for all');
  await chmod(path, 0o644);
  await chown(path, 1000, 0);
  await refused(path, /mine\.mjs belongs to user 1000/, 'somebody else’s');
  await chown(path, 0, 0);
  await chmod(dir, 0o775);
  await refused(path, new RegExp(`may write to ${dir} \\(mode 775\\)`), 'in a folder of a group');
  await chmod(dir, 0o755);
  const inner = join(dir, 'inner');
  await mkdir(inner);
  await rename(path, join(inner, 'mine.mjs'));
  await chown(dir, 1000, 0);
  await refused(
    join(inner, 'mine.mjs'),
    new RegExp(`${dir} belongs to user 1000`),
    'beneath somebody’s folder',
  );
  await chown(dir, 0, 0);

  const temporary = await mkdtemp(join(tmpdir(), 'thaw-plugins-'));
  t.teardown(() => rm(temporary, { recursive: true }));
  await refused(
    await pluginFile(temporary, 'mine.mjs', strategy('mine')),
    /others than root may write to/,
    'where all may write',
  );
  t.notOk('ranUntrusted' in globalThis, 'none of it was run');
  t.equal(await refusal({ paths: [join(inner, 'mine.mjs')] }), 'loaded');
});

t.test('a file that is no plugin is refused by its path', async (t) => {
  const dir = await rootsFolder(t);
  const cases: [string, string, RegExp][] = [
    ['broken.mjs', 'export default {', /broken\.mjs can't be used: it can't be loaded: /],
    ['throws.mjs', 'throw new TypeError("not today");', /it can't be loaded: not today/],
    ['named.mjs', 'export const plugin = {};', /its default export is missing/],
    ['number.mjs', 'export default 7;', /its default export is number/],
    ['kind.mjs', 'export default { kind: "network" };', /its kind is "network"/],
  ];
  for (const [name, text, why] of cases) {
    const path = join(dir, name);
    await writeFile(path, text);
    t.match(await refusal({ paths: [path] }), why, name);
  }
});
