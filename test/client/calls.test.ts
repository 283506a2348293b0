import { build } from 'esbuild';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { errorRegistry } from '../../daemon/api/errors/index.js';
import type { Call } from '../../daemon/methods/call.js';
import { clientErrors, connect, isThawError, type Progress } from '../../client/index.js';
import { fakeHandlers, fakeVm } from '../rpc/support/handlers.js';
import { startHost } from '../rpc/support/host.js';
import { generated } from './generated.js';

void t.test('a method is a function of its namespace, and its result is typed', async (t) => {
  const host = await startHost(t);
  await using client = await connect({ socket: host.path });
  t.equal((await client.system.health()).status, 'ok');
  t.strictSame((await client.call('vm.list', {})).vms, []);
  await t.rejects(client.vm.get({ vm: 'x' }), {
    name: 'ThawError',
    code: 2001,
    detail: { reason: 'vm-unknown', vm: 'nobody', retryable: false },
  });
  // As `thaw rpc` calls what only a newer daemon has.
  const newer = client.call('vm.clone' as 'vm.get', { vm: 'x' }, { onProgress: () => undefined });
  await t.rejects(newer, { code: -32601, detail: { reason: 'method-not-found' } });
  const many = await Promise.all(Array.from({ length: 200 }, () => client.system.health()));
  t.equal(many.length, 200);
});

void t.test('what is made from the contract is up to date: tables and the page of errors', async (t) => {
  for (const [path, text] of Object.entries(await generated()))
    t.equal(readFileSync(path, 'utf8'), text, `${path} is stale: npm run generate`);
});

void t.test('neither zod nor the daemon comes along with the client', async (t) => {
  const { metafile } = await build({
    entryPoints: ['client/index.ts'],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
  });
  const inputs = Object.keys(metafile.inputs);
  t.strictSame(
    inputs.filter((file) => file.includes('node_modules')),
    [],
  );
  t.strictSame(
    inputs.filter((file) => file.startsWith('daemon/')),
    ['daemon/api/thaw-error.ts'],
  );
});

void t.test(
  'errors of the client mean the same as the daemon’s of the same code, and have codes of their own else',
  (t) => {
    for (const error of Object.values(clientErrors)) {
      const known = errorRegistry.find((entry) => entry.code === error.code);
      if (known) t.strictSame([known.reason, known.retryable], [error.reason, error.retryable]);
      else t.ok(error.code >= 1900 && error.code <= 1999, error.reason);
    }
    t.end();
  },
);

void t.test('an error is told by its reason', async (t) => {
  const host = await startHost(t);
  await using client = await connect({ socket: host.path });
  const error: unknown = await client.vm.get({ vm: 'x' }).catch((thrown: unknown) => thrown);
  t.ok(isThawError(error));
  t.ok(isThawError(error, 'name-taken', 'vm-unknown') && error.detail.remedy !== '');
  t.notOk(isThawError(error, 'name-taken'));
  t.notOk(isThawError(new Error('vm-unknown'), 'vm-unknown'));
});

void t.test('where there is no daemon, the error says what to do', async (t) => {
  const { dir } = await startHost(t);
  await t.rejects(connect({ socket: join(dir, 'none.sock') }), {
    code: 1901,
    message: /no such socket/,
    detail: {
      reason: 'daemon-not-running',
      retryable: true,
      remedy: /systemctl start thawd/,
      errno: 'ENOENT',
    },
  });
  await t.rejects(connect({ socket: `/${'x'.repeat(200)}` }), { code: 1109 });
  process.env['THAW_SOCKET'] = join(dir, 'from-the-environment.sock');
  await t.rejects(connect(), { message: /from-the-environment/ });
  delete process.env['THAW_SOCKET'];
});

void t.test('what does not speak the language is not waited for', async (t) => {
  const { dir } = await startHost(t);
  const path = join(dir, 'other.sock');
  const other = createServer((socket) => socket.end('SSH-2.0-OpenSSH\n'));
  other.listen(path);
  await once(other, 'listening');
  const client = await connect({ socket: path, reconnect: false });
  await t.rejects(client.system.health(), { code: 1906, message: /SSH-2\.0/ });
  await client.close();
  other.close();
});

const slowBoot = async (_: unknown, call: Call): Promise<never> => {
  call.progress({ operation: 'op-0123456789', vm: 'vm-0123456789', step: 'vmm', state: 'began' });
  if (!call.signal.aborted) await once(call.signal, 'abort');
  call.progress({ operation: 'op-0123456789', vm: 'vm-0123456789', step: 'vmm', state: 'undoing' });
  throw call.signal.reason;
};
const bootParams = { config: { 'boot-source': { kernel_image_path: '/k' } } };

void t.test('a cancelled call waits for the undo, then throws', async (t) => {
  const host = await startHost(t, { handlers: fakeHandlers({ 'vm.boot': slowBoot }) });
  await using client = await connect({ socket: host.path });
  const steps: Progress['state'][] = [];
  const abort = new AbortController();
  const call = client.vm.boot(bootParams, {
    signal: abort.signal,
    onProgress: ({ state }) => {
      steps.push(state);
      abort.abort(new Error('enough'));
    },
  });
  await t.rejects(call, { code: 1001, detail: { reason: 'cancelled' }, cause: { message: 'enough' } });
  t.strictSame(steps, ['began', 'undoing'], 'what was done about it was told first');
  await t.rejects(client.vm.boot(bootParams, { signal: abort.signal }), { code: 1001 }, 'aborted before');
  t.equal(host.server.inFlight, 0);
});

void t.test('a call that takes too long is cancelled', async (t) => {
  const host = await startHost(t, { handlers: fakeHandlers({ 'vm.boot': slowBoot }) });
  await using client = await connect({ socket: host.path });
  await t.rejects(client.vm.boot(bootParams, { timeoutMs: 20 }), {
    code: 1006,
    detail: { reason: 'deadline-exceeded', milliseconds: 20 },
  });
  t.equal(host.server.inFlight, 0, 'and undone by then');
});

void t.test('where a cancel comes too late, the result counts', async (t) => {
  const boot = async (_: unknown, call: Call): Promise<{ vm: ReturnType<typeof fakeVm> }> => {
    call.progress({ operation: 'op-0123456789', vm: null, step: 'confirm', state: 'done' });
    await once(call.signal, 'abort');
    return { vm: fakeVm('late') };
  };
  const host = await startHost(t, { handlers: fakeHandlers({ 'vm.boot': boot }) });
  await using client = await connect({ socket: host.path });
  const abort = new AbortController();
  const call = client.vm.boot(bootParams, { signal: abort.signal, onProgress: () => abort.abort() });
  t.equal((await call).vm.name, 'late');
});

void t.test(
  'a daemon that does not answer a cancel leaves the outcome unknown, and says where to look',
  async (t) => {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const boot = async (_: unknown, call: Call): Promise<{ vm: ReturnType<typeof fakeVm> }> => {
      call.progress({ operation: 'op-0123456789', vm: 'vm-0123456789', step: 'vmm', state: 'began' });
      await ended;
      return { vm: fakeVm('stubborn') };
    };
    const host = await startHost(t, { handlers: fakeHandlers({ 'vm.boot': boot }) });
    await using client = await connect({ socket: host.path, cancelGraceMs: 20 });
    const abort = new AbortController();
    const call = client.vm.boot(bootParams, { signal: abort.signal, onProgress: () => abort.abort() });
    await t.rejects(call, {
      code: 1904,
      detail: {
        reason: 'outcome-unknown',
        operation: 'op-0123456789',
        vms: ['vm-0123456789'],
        remedy: /op-0123456789/,
      },
    });
    end();
  },
);

void t.test('a closed client refuses calls, and what was under way is abandoned', async (t) => {
  const host = await startHost(t, { handlers: fakeHandlers({ 'vm.boot': slowBoot }) });
  const client = await connect({ socket: host.path });
  const call = client.vm.boot({ ...bootParams, name: 'mine' });
  const lost = t.rejects(call, { code: 1904, detail: { vms: ['mine'] } });
  await client.system.health();
  await client.close();
  await lost;
  await t.rejects(client.system.health(), { code: 1905 });
  while (host.server.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  t.equal(host.server.connections, 0);
});
