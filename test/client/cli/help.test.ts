import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Option } from '../../../client/cli/command.js';
import { commands } from '../../../client/cli/commands/index.js';
import { globalOptions } from '../../../client/cli/globals.js';
import { exitMeanings } from '../../../client/cli/exit.js';
import { version } from '../../../client/cli/version.js';
import { projectDir } from '../../support/paths.js';
import { thaw } from './thaw.js';

const visible = commands.filter(({ hidden }) => hidden !== true);

void t.test('help lists every command, every exit code, and nothing hidden', async (t) => {
  const { code, stdout } = await thaw(['--help']);
  t.equal(code, 0);
  for (const { name } of visible) t.match(stdout, new RegExp(`^ {2}${name}\\b`, 'm'), name);
  for (const [exitCode, meaning] of exitMeanings)
    t.match(stdout, new RegExp(`^ {2}${exitCode} +${meaning}`, 'm'));
  t.notMatch(stdout, '__names');
  t.strictSame(await thaw(['help']), { code, stdout, stderr: '' });
  t.equal((await thaw([])).code, 2, 'no command is a mistake, though help is shown');
});

for (const { name, aliases = [], options = {} } of visible) {
  void t.test(`thaw ${name} --help tells every option`, async (t) => {
    const { code, stdout } = await thaw([...name.split(' '), '--help']);
    t.equal(code, 0);
    for (const option of [...Object.keys(options), ...Object.keys(globalOptions)]) {
      t.match(stdout, new RegExp(`(^|[ ,])--${option}\\b`, 'm'));
    }
    for (const alias of aliases) t.match(stdout, `thaw ${alias}`);
    t.ok(stdout.split('\n').every((line) => line.length <= 120));
    t.equal((await thaw(['help', ...name.split(' ')])).stdout, stdout);
  });
}

void t.test('a group tells its commands', async (t) => {
  const { stdout } = await thaw(['snapshot', '--help']);
  t.match(stdout, /snapshot create VM/);
  t.notMatch(stdout, /^ {2}boot/m);
});

void t.test('no option means two things', (t) => {
  for (const { name, options = {} } of commands) {
    t.notOk(
      Object.keys(options).some((option) => option in globalOptions),
      name,
    );
    const every: readonly Option[] = [...Object.values(options), ...Object.values(globalOptions)];
    const letters = every.flatMap(({ short }) => (short === undefined ? [] : [short]));
    t.equal(new Set(letters).size, letters.length, name);
  }
  const takes = new Map<string, boolean>();
  for (const { name, options = {} } of commands) {
    for (const [option, { type }] of Object.entries(options)) {
      t.equal(
        takes.get(option) ?? type !== 'flag',
        type !== 'flag',
        `${name} --${option}: completion relies on it`,
      );
      takes.set(option, type !== 'flag');
    }
  }
  t.end();
});

void t.test('the version is that of the package', async (t) => {
  const manifest = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8')) as { version: string };
  t.equal(version, manifest.version);
  t.equal((await thaw(['--version'])).stdout, `thaw ${version}\n`);
  t.strictSame(JSON.parse((await thaw(['--version', '--json'])).stdout), { version });
});
