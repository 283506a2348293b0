import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { hookPath } from '../../support/container.js';
import { fault, startFake } from '../cli/fake-daemon.js';

const info = (contract: string) => () => ({ result: { contract, version: '9.9.9' } });
const served = () => ({ result: { outcome: 'restored', vm: null, warnings: [] } });

/** Runs the hook as runtimes do: with no environment but what its definition names. */
async function hook(socket: string, annotations: object, ...args: readonly string[]) {
  const words = args.length > 0 ? args : ['createRuntime', '--timeout', '2'];
  const env = { THAW_SOCKET: socket };
  const child = spawn(process.execPath, [hookPath, ...words], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  // What runs out of its bundle is nobody's business: there is none.
  const state = { ociVersion: '1.0.2', id: 'it', status: 'created', pid: 1, bundle: '/is/gone', annotations };
  child.stdin.end(JSON.stringify(state));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}
const asks = { 'dev.thaw.snapshot': 'base', 'org.example.secret': 'x' };

t.test('a container of others: no connection is made, which would start a daemon', async (t) => {
  const daemon = await startFake(t, {});
  t.strictSame(await hook(daemon.socket, { 'org.example.thaw': 'x' }), { code: 0, said: '' });
  t.equal(daemon.met(), 0);
});

t.test('the daemon hears of its own annotations only, and for how long the runtime waits', async (t) => {
  const daemon = await startFake(t, { 'system.info': info('1.9'), 'hook.invoke': served });
  t.strictSame(
    await hook(daemon.socket, asks),
    { code: 0, said: '' },
    'additions to the contract do no harm',
  );
  const { params } = await daemon.saw('hook.invoke');
  t.match(params, { stage: 'createRuntime', state: { id: 'it', pid: 1, bundle: '/is/gone' } });
  t.strictSame((params['state'] as { annotations: object }).annotations, { 'dev.thaw.snapshot': 'base' });
  t.ok(Number(params['timeout']) <= 1_000, 'half of two seconds, at most');
});

t.test('a daemon of another version is told apart, and nothing is asked of it', async (t) => {
  for (const contract of ['0.9', '2.0']) {
    const daemon = await startFake(t, { 'system.info': info(contract), 'hook.invoke': served });
    const end = await hook(daemon.socket, asks);
    t.match(end, { code: 3, said: `speaks version ${contract} of the contract, this hook version 1` });
    t.match(end.said, /Install thawd and thaw-oci-hook of one version/);
    t.notOk(daemon.seen.some(({ method }) => method === 'hook.invoke'));
  }
  const old = await startFake(t, { 'system.info': info('1.0') });
  t.match(await hook(old.socket, asks), { code: 3, said: /older than its hook: it knows no hook\.invoke/ });
});

t.test('something else than thawd at the socket; nothing at all', async (t) => {
  const other = await startFake(t, { 'system.info': (_seen, peer) => (peer.hangUp(), undefined) });
  t.match(await hook(other.socket, asks), { code: 3 });
  const missing = `${other.socket}.not`;
  t.match(await hook(missing, asks), { code: 3, said: /thawd does not answer at .*there is no such socket/ });
});

t.test('what the daemon warns of is passed on, its errors with what to do and where to look', async (t) => {
  const warns = () => ({ result: { outcome: 'nothing', vm: null, warnings: ['mind this'] } });
  const warning = await startFake(t, { 'system.info': info('1.0'), 'hook.invoke': warns });
  t.strictSame(await hook(warning.socket, asks), { code: 0, said: 'thaw: warning: mind this\n' });
  const fails = () => ({ error: fault(3302, 'container-gone', { operation: 'op-1' }) });
  const failing = await startFake(t, { 'system.info': info('1.0'), 'hook.invoke': fails });
  t.strictSame(await hook(failing.socket, asks), {
    code: 1,
    said: 'thaw: message of container-gone → remedy of container-gone (`thaw timeline op-1`)\n',
  });
});
