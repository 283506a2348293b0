import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { Diagnosis } from '../../daemon/api/system.js';
import { diagnose, type DoctorInput } from '../../daemon/doctor/index.js';

const cx = { signal: new AbortController().signal, probe: { effect: () => undefined } };
const run = promisify(execFile);

async function ownDir(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-doctor-'));
  t.teardown(() => rm(dir, { recursive: true }));
  return dir;
}

const input = (dir: string): DoctorInput => ({
  binary: process.execPath,
  version: '1.17.0',
  problem: null,
  runDir: dir,
  storeDir: dir,
  engines: [],
});

void t.test('this host can be diagnosed, and nothing of it is left', async (t) => {
  const dir = await ownDir(t);
  const found = await diagnose({ ...input(dir), kernelConfig: 'CONFIG_PCI=y\n' }, cx);
  t.doesNotThrow(() => z.array(Diagnosis.strict()).parse(found));
  const checks = found.map(({ check }) => check);
  for (const check of [
    'firecracker',
    'kvm',
    'tun',
    'open files',
    'nft',
    'bridge',
    'ip_forward',
    'store',
    'reflink',
    'space',
  ]) {
    t.ok(checks.includes(check), check);
  }
  t.equal(found.find(({ check }) => check === 'firecracker')?.level, 'ok');
  t.equal(found.filter(({ check }) => check === 'guest kernel').length, 9, 'asked for, judged');
  t.ok(found.every(({ level, remedy }) => (level === 'ok') === (remedy === null)));
  t.strictSame(await readdir(dir), []);
});

void t.test('a directory, a binary that is not there: findings, no failure', async (t) => {
  const dir = await ownDir(t);
  await writeFile(join(dir, 'text'), '', { mode: 0o644 });
  const away = await diagnose({ ...input(join(dir, 'away')), binary: join(dir, 'away') }, cx);
  const problems = away.filter(({ level }) => level === 'problem').map(({ check }) => check);
  for (const check of ['firecracker', 'run directory', 'store']) t.ok(problems.includes(check), check);
  const text = await diagnose({ ...input(dir), binary: join(dir, 'text') }, cx);
  t.match(text[0], { check: 'firecracker', level: 'problem', found: /EACCES/ });
});

void t.test('a daemon without CAP_NET_ADMIN is told so', async (t) => {
  const dir = await ownDir(t);
  const program = fileURLToPath(new URL('./diagnose.program.js', import.meta.url));
  const { stdout } = await run('setpriv', ['--bounding-set=-net_admin', process.execPath, program, dir]);
  const found = z.array(Diagnosis).parse(JSON.parse(stdout));
  t.match(
    found.filter(({ check, level }) => check === 'capabilities' && level === 'problem'),
    [{ found: /CAP_NET_ADMIN/ }],
  );
  t.match(
    found.find(({ check }) => check === 'nft'),
    { level: 'problem', found: /not permitted/i },
  );
});

void t.test('a doctor who is called off looks no further', async (t) => {
  const dir = await ownDir(t);
  await t.rejects(diagnose(input(dir), { ...cx, signal: AbortSignal.abort() }), { name: 'AbortError' });
  t.strictSame(await readdir(dir), []);
});
