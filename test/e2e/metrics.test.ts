import { readFile, stat, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import t from 'tap';
import { eventually, failureOf, hostWithBase, only, outcomes, stopAll } from '../support/flow.js';
import { projectDir } from '../support/paths.js';

const { host, vmms } = await hostWithBase(t, { config: { slots: { size: 1 } } });
const config = join(host.box.runDir, 'config.json');
const first = JSON.parse(await readFile(config, 'utf8')) as Readonly<Record<string, unknown>>;
const socketPath = join(host.runDir, 'metrics.sock');
const seen = host.box.seen(socketPath);
await writeFile(config, JSON.stringify({ ...first, metrics: { socket: socketPath } }));
await host.restart();

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(path: string, method = 'GET'): Promise<Answer> {
  const asked = request({ socketPath: seen, path, method, agent: false });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

/** The value of a series, by its name and labels as they stand there; 0 where it is not there. */
const valueOf = (body: string, series: string): number => {
  const line = body.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
};

t.test(
  'what happened and what is can be read, in seconds and bytes, by kinds and never by name',
  async (t) => {
    await eventually('a slot', async () =>
      (await host.client.system.health()).slots === 1 ? true : undefined,
    );
    const { clones } = await host.client.snapshot.restore({ snapshot: 'base', names: ['secret-name'] });
    const vm = only(clones);
    vmms.fail({ at: 'load', do: 'fail', message: 'no' });
    // The slot that waits was started well.
    const failed = await host.client.snapshot.restore({ snapshot: 'base', count: 2 });
    t.ok(outcomes(failed.clones).includes('vmm-refused'));
    vmms.fail();
    await failureOf(host.client.snapshot.restore({ snapshot: 'no-such' }));
    await failureOf(host.client.call('secret.method' as 'vm.list', {}));
    await host.client.system.reconcile();
    const { status, headers, body } = await ask('/metrics');
    t.equal(status, 200);
    t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
    const ready = outcomes(failed.clones).filter((each) => each === 'ready').length;
    for (const [series, value] of [
      ['thaw_restores_total{strategy="hot-attach",outcome="ready",reason=""}', 1 + ready],
      ['thaw_restores_total{strategy="hot-attach",outcome="failed",reason="vmm-refused"}', 2 - ready],
      ['thaw_restores_total{strategy="hot-attach",outcome="failed",reason="snapshot-unknown"}', 1],
      ['thaw_step_duration_seconds_count{step="load",phase="run",outcome="done"}', 1 + ready],
      ['thaw_step_duration_seconds_count{step="load",phase="run",outcome="failed"}', 2 - ready],
      ['thaw_operations_total{method="snapshot.restore",outcome="undone",reason="vmm-refused"}', 2 - ready],
      ['thaw_rpc_requests_total{method="snapshot.restore",outcome="ok"}', 2],
      ['thaw_rpc_requests_total{method="snapshot.restore",outcome="snapshot-unknown"}', 1],
      ['thaw_rpc_requests_total{method="invalid",outcome="method-not-found"}', 1],
      ['thaw_rpc_request_duration_seconds_count{method="system.reconcile"}', 1],
      ['thaw_rpc_connections', 1],
      ['thaw_rpc_requests_in_flight', 0],
      ['thaw_vms{state="ready"}', 1 + ready],
      ['thaw_vms{state="failed"}', 0],
      ['thaw_snapshots', 1],
      ['thaw_slots_size', 1],
      ['thaw_slot_requests_total{result="hit"}', 1],
      ['thaw_reconcile_runs_total{outcome="done"}', 1],
    ] as const)
      t.ok(
        valueOf(body, series) >= value && (value > 0 || body.includes(`\n${series} 0\n`)),
        `${series} ${value}`,
      );
    t.ok(valueOf(body, 'thaw_leases{network="default"}') >= 1 + ready);
    t.ok(valueOf(body, 'thaw_leases_capacity{network="default"}') > 60_000);
    const [sum, count] = ['sum', 'count'].map((part) =>
      valueOf(body, `thaw_operation_duration_seconds_${part}{method="snapshot.restore",outcome="committed"}`),
    );
    t.ok((sum ?? 0) > 0 && (sum ?? 0) < 60 * (count ?? 0), 'seconds, not milliseconds');
    for (const name of ['secret', vm.id, vm.attachments[0]?.tap ?? 'th', 'snap-'])
      t.notOk(body.includes(name), `nobody's name is a label: ${name}`);
    await stopAll(host);
  },
);

t.test('every metric of the dashboard exists', async (t) => {
  const { body } = await ask('/metrics');
  const known = new Set<string>();
  for (const [, name = '', type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    known.add(name);
    if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) known.add(`${name}_${part}`);
  }
  const dashboard = await readFile(join(projectDir, 'systemd/grafana-dashboard.json'), 'utf8');
  const asked = new Set<string>();
  for (const [, expression = ''] of dashboard.matchAll(/"expr": "((?:[^"\\]|\\.)*)"/g))
    for (const [name] of expression.matchAll(/\b(?:thaw|nodejs|process)_[a-z0-9_]+/g)) asked.add(name);
  t.ok(asked.size > 20);
  t.strictSame(
    [...asked].filter((name) => !known.has(name)),
    [],
  );
  const shown = [...known].filter((name) => name.startsWith('thaw_') && !/_(?:bucket|sum|count)$/.test(name));
  const missing = shown.filter((name) => name !== 'thaw_build_info' && !dashboard.includes(name));
  t.strictSame(missing, [], 'and none of ours is left out');
});

t.test('only GET of /metrics is answered, within bounds, and bad requests end nothing', async (t) => {
  t.match(await ask('/'), { status: 404, body: /only \/metrics/ });
  t.match(await ask('/metrics/../etc/passwd'), { status: 404 });
  t.match(await ask('/metrics', 'POST'), { status: 405, headers: { allow: 'GET' } });
  t.match(await ask('/metrics', 'DELETE'), { status: 405 });
  const raw = async (bytes: string): Promise<string> => {
    const socket = connect(seen);
    socket.end(bytes);
    return text(socket);
  };
  t.match(
    await raw(`GET /metrics HTTP/1.1\r\nHost: x\r\nLong: ${'x'.repeat(9_000)}\r\n\r\n`),
    /^HTTP\/1.1 431/,
  );
  t.match(await raw('{"jsonrpc":"2.0","id":1,"method":"vm.list"}\n'), /^HTTP\/1.1 400/);
  t.match(await ask('/metrics'), { status: 200 });
  const found = await stat(seen);
  t.equal(found.mode & 0o777, 0o660, 'and who may read is as with the other socket');
});

t.test('on a port it is open to this host alone; socket and port together are refused', async (t) => {
  await host.kill('SIGTERM');
  t.notOk(await stat(seen).catch(() => null), 'the socket goes with the daemon');
  await writeFile(config, JSON.stringify({ ...first, metrics: { port: 9464 } }));
  await host.start();
  const get = `fetch('http://127.0.0.1:9464/metrics').then((r) => r.text()).then((t) => console.log(t.length))`;
  t.ok(Number(await host.exec(process.execPath, '-e', get)) > 1_000);
  t.match(await host.exec('ss', '-Hltn', 'sport = :9464'), /127\.0\.0\.1:9464/);
  await writeFile(config, JSON.stringify({ ...first, metrics: { port: 9464, socket: socketPath } }));
  t.match(await failureOf(host.client.system.reload()), {
    detail: { reason: 'config-invalid', problems: /metrics: give a socket or a port/ },
  });
  await stopAll(host);
  await host.kill('SIGTERM');
  t.strictSame(await host.leftovers(), []);
});
