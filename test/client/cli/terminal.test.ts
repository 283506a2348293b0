import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { ProgressBoard } from '../../../client/cli/progress.js';
import { type Column, table } from '../../../client/cli/table.js';
import { plainPaint, speaksUnicode } from '../../../client/cli/terminal.js';
import { beside, columns, cut, pad, wrap } from '../../../client/cli/text.js';
import { age, bytes, milliseconds } from '../../../client/cli/units.js';
import { vmColumns } from '../../../client/cli/vm-view.js';
import { type Answers, startFake } from './fake-daemon.js';
import { vm } from './samples.js';
import { runProgram, thaw, thawProgram } from './thaw.js';

const skip = spawnSync('script', ['--version']).status === 0 ? false : 'script(1) is not on this host';

/** Runs `thaw` on a terminal of 80 columns; what both streams wrote to it. */
async function onTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const line = `stty cols 80 rows 24; exec ${[process.execPath, thawProgram, ...args].join(' ')}`;
  const { stdout } = await runProgram('script', ['-qec', line, '/dev/null'], {
    env: { TERM: 'xterm', ...env },
  });
  return stdout.replaceAll('\r\n', '\n');
}

const answers: Answers = { 'vm.list': () => ({ result: { vms: [vm] } }) };

/** A restore that reports steps of two clones, and takes long enough for them to be drawn. */
const slow: Answers = {
  'snapshot.restore': ({ id, params }, peer) => {
    const say = (of: string, step: string, state: string): void =>
      peer.send({
        jsonrpc: '2.0',
        method: '$/progress',
        params: { token: params['progressToken'], operation: `op-${of}`, vm: `vm-${of}`, step, state },
      });
    say('a', 'load', 'began');
    say('a', 'load', 'done');
    say('b', 'load', 'began');
    say('a', 'attach', 'began');
    setTimeout(() => peer.send({ jsonrpc: '2.0', id, result: { clones: [{ ok: true, vm }] } }), 1000);
    return undefined;
  },
};

void t.test('colours only on a terminal, and never where they are not wanted', { skip }, async (t) => {
  const fake = await startFake(t, answers);
  const args = ['ps', '--socket', fake.socket];
  t.match(await onTerminal(args), '\u001b[32mready');
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) t.notMatch(await onTerminal(args, env), '\u001b');
  t.notMatch(await onTerminal([...args, '--no-color']), '\u001b');
  t.match(await onTerminal(args, { NO_COLOR: '' }), '\u001b[32m', 'an empty NO_COLOR says nothing');
  t.notMatch(await onTerminal([...args, '--json']), '\u001b');
});

void t.test(
  'on a terminal each clone has a line while it is under way, and none afterwards',
  { skip },
  async (t) => {
    const fake = await startFake(t, slow);
    const shown = await onTerminal(['restore', 'x', '-n', '2', '--no-color', '--socket', fake.socket]);
    t.match(shown, /vm-a {2}attach {2}[\d.]+ ms\nvm-b {2}load/);
    const end = shown.lastIndexOf('\u001b[2A\u001b[0J');
    t.ok(end > 0, 'the lines are taken away');
    t.match(shown.slice(end), /^\S*✓ web-1/);
  },
);

void t.test('in a pipe progress is silent, or a line for each step where asked for', async (t) => {
  const fake = await startFake(t, slow);
  const args = ['restore', 'x', '--socket', fake.socket];
  t.equal((await thaw(args)).stderr, '');
  t.equal((await thaw([...args, '--progress', 'plain'])).stderr, 'vm-a  load done\n');
  t.equal((await thaw([...args, '--progress', 'plain', '--quiet'])).stderr, '');
});

void t.test('progress of many clones fits the screen, and says how many are not shown', (t) => {
  const board = new ProgressBoard(0);
  for (let n = 0; n < 64; n++)
    board.take({ operation: 'op', vm: `vm-${n}`, step: 'load', state: 'began' }, n);
  const lines = board.lines(100, { width: 20, rows: 12, paint: plainPaint });
  t.equal(lines.length, 10);
  t.match(lines[0], /and 55 more/);
  t.ok(lines.every((line) => columns(line) <= 20));
  t.end();
});

const word = fc.string({ unit: 'binary', maxLength: 40 });

void t.test('a table is never wider than the terminal, and its first column is the last to go', (t) => {
  const shape: readonly Column<readonly string[]>[] = [
    { title: 'NAME', cell: ([a = '']) => a },
    { title: 'SIZE', align: 'right', dropAt: 1, cell: ([, b = '']) => b },
    { title: 'MORE', dropAt: 2, cell: ([, , c = '']) => c },
  ];
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word, word)), fc.integer({ min: 1, max: 120 }), (rows, width) => {
      const lines = table(shape, rows, { width, paint: plainPaint });
      return lines.length === rows.length + 1 && lines.every((line) => columns(line) <= width);
    }),
  );
  const narrow = table(vmColumns(vm.createdAt), [vm], { width: 30, paint: plainPaint });
  t.strictSame(narrow, ['NAME   STATE  ADDRESS', 'web-1  ready  10.88.0.5']);
  t.end();
});

void t.test('a VM that lost its agent is not shown as a success', async (t) => {
  const readiness = { is: 'degraded', at: 0, reason: 'agent-unreachable', remedy: 'restore a fresh clone' };
  const result = { vm: { ...vm, word: 'degraded', readiness } };
  const fake = await startFake(t, { 'vm.resume': () => ({ result }) });
  const { stdout } = await thaw(['resume', 'web-1', '--socket', fake.socket]);
  t.match(stdout, /^! web-1 .*degraded.*\n {2}agent-unreachable\n {2}→ restore a fresh clone\n$/);
});

void t.test('texts are cut, filled and wrapped by columns, not by characters', (t) => {
  t.equal(columns('日本e\u0301🙂'), 7);
  t.equal(cut('日本語', 4), '日…');
  t.equal(pad('日', 4, 'right'), '  日');
  t.strictSame(wrap('a bb ccc', 4), ['a bb', 'ccc']);
  fc.assert(
    fc.property(word, fc.integer({ min: 0, max: 50 }), (text, width) => columns(cut(text, width)) <= width),
  );
  t.end();
});

void t.test('units are those of the field', (t) => {
  t.strictSame([0.304, 9.996, 41.23, 999.7, 1240, 200_000].map(milliseconds), [
    '0.30 ms',
    '10.0 ms',
    '41.2 ms',
    '1.00 s',
    '1.24 s',
    '3m 20s',
  ]);
  t.strictSame([0, 1023, 1536, 134217728, 2 ** 30 * 100, 2 ** 42].map(bytes), [
    '0 B',
    '1023 B',
    '1.5 KiB',
    '128 MiB',
    '100 GiB',
    '4.0 TiB',
  ]);
  const hour = 3_600_000;
  t.strictSame(
    [-5, 4000, 61_000, 3 * hour + 300_000, 24 * hour, 52 * hour].map((ms) => age(0, ms)),
    ['0s', '4s', '1m', '3h 5m', '1d', '2d 4h'],
  );
  t.strictSame(
    [{}, { LANG: 'de_DE.UTF-8' }, { LANG: 'C' }, { LC_ALL: 'C', LANG: 'C.UTF-8' }].map(speaksUnicode),
    [true, true, false, false],
  );
  t.end();
});

void t.test('what stands beside a name stays beside it, however narrow the terminal is', (t) => {
  const plain = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom('a', 'é', '→') });
  fc.assert(
    fc.property(fc.array(plain), fc.integer({ min: 30, max: 120 }), (words, width) => {
      const lines = beside({ head: 'name  ', left: 6 }, words.join(' '), width);
      t.equal(lines.map((line) => line.slice(6)).join(' '), words.join(' '));
      t.ok(lines.every((line, n) => line.startsWith(n === 0 ? 'name  ' : '      ')));
      t.ok(lines.every((line) => columns(line) <= width));
    }),
    { numRuns: 30 },
  );
  t.equal(beside({ head: 'a ', left: 2 }, 'x '.repeat(200), Infinity).length, 1, 'a pipe has no width');
  t.end();
});
