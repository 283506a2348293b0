import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { connect } from '../../client/index.js';
import { journalLine } from '../../daemon/log/logger.js';
import { atOnce, failureOf, machine, only, stopAll } from '../support/flow.js';
import { startHost } from '../support/host.js';
import { bin } from '../support/paths.js';

const secrets = ['a-token-of-ours', 'the user’s own secret', 'ssh-ed25519-of-somebody', 'label-of-somebody'];
const [token = '', userData = '', key = '', label = ''] = secrets;
const host = await startHost(t, {
  config: {
    log: { level: 'trace' },
    guest: { parts: { randomness: false } },
    plugins: { settings: { http: { token } } },
  },
  env: { ...atOnce, FIRECRACKER_STANDIN_AGENT: 'http', FIRECRACKER_STANDIN_AGENT_TOKEN: token },
});
interface Line {
  readonly level: number;
  readonly time?: number;
  readonly pid?: number;
  readonly msg: string;
  readonly operation?: string;
  readonly [key: string]: unknown;
}
const lines = (): Line[] => host.log.map((line) => JSON.parse(line) as Line);

t.test('each line about a request carries its id, its VM and its snapshot', async (t) => {
  await host.client.vm.boot({ name: 'source', config: machine(), agent: { dialect: 'http' } });
  const { snapshot } = await host.client.snapshot.create({ vm: 'source', name: 'base' });
  const wire = await host.wire();
  t.teardown(() => wire.close());
  const ask = async (id: string, method: string, params: object): Promise<void> => {
    wire.send({ jsonrpc: '2.0', id, method, params });
    await wire.next();
  };
  const told = { userData, labels: { key: label } };
  await ask('asked-first', 'snapshot.restore', { snapshot: 'base', names: ['a'], ...told });
  await ask('asked-second', 'snapshot.restore', {
    ...{ snapshot: 'base', names: ['b'], parts: { randomness: true } },
    ...told,
  });
  await ask('asked-third', 'vm.stop', { vm: 'a' });
  const of = (request: string) => lines().filter((line) => line['request'] === request);
  const tags = { operation: /^op-/, vm: /^vm-/, peer: { uid: 0 }, snapshot: snapshot.id };
  t.match(of('asked-first'), [
    { ...tags, name: 'a', method: 'snapshot.restore', outcome: 'committed', level: 30 },
  ]);
  t.match(of('asked-second'), [
    { ...tags, name: 'b', outcome: 'undone', reason: 'update-failed', level: 40 },
  ]);
  t.match(of('asked-third'), [{ ...tags, name: 'a', method: 'vm.stop', outcome: 'committed' }]);
});

t.test('no secret is in the log, however it goes', async (t) => {
  const { client } = host;
  const clone = only((await client.snapshot.restore({ snapshot: 'base', names: ['c'], userData })).clones);
  await client.agent.update({ vm: 'c' });
  await failureOf(client.agent.upgrade({ vm: 'c', file: '/etc/hostname', path: `/${key}` }));
  await failureOf(client.call('vm.boot', { name: 'd', userdata: userData, key } as never));
  const wire = await host.wire();
  t.teardown(() => wire.close());
  wire.send(`{"jsonrpc":"2.0","id":1,"method":"vm.boot","params":{"userData":"${userData}"`);
  await wire.next();
  if (clone.process.is === 'alive') await host.signal(clone.process.pid ?? 0, 'SIGKILL');
  const parts = { randomness: true };
  const { clones } = await client.snapshot.restore({ snapshot: 'base', names: ['e'], userData, parts });
  t.match(clones, [{ ok: false }]);
  await stopAll(host);
  await host.kill('SIGTERM');
  const whole = host.log.join('\n');
  t.ok(whole.includes('stopped'));
  for (const secret of secrets) {
    for (const form of [
      secret,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      encodeURIComponent(secret),
    ])
      t.notOk(whole.includes(form), secret);
  }
  t.notMatch(whole, /entropy/i);
});

/** A daemon by itself, its standard output as the script has it. */
async function run(script: string): Promise<{ code: unknown; output: string; health: unknown }> {
  const config = join(host.box.runDir, 'config.json');
  const [program, args] = host.box.inside(['sh', '-c', script, bin('thawd'), config]);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = text(child.stdout);
  let client = null;
  while (client === null && child.exitCode === null)
    client = await connect({ socket: host.socketPath }).catch(() => null);
  const health = await client?.system.health();
  const { pid } = (await client?.system.info()) ?? { pid: 0 };
  await client?.close();
  await host.signal(pid, 'SIGTERM');
  if (child.exitCode === null) await once(child, 'exit');
  return { code: child.exitCode, output: await output, health };
}

t.test('to the journal go lines with their priority, and neither time nor pid', async (t) => {
  const stream = 'exec 9>&1; JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/9)';
  const { output, code } = await run(`${stream} exec "$0" --config "$1"`);
  t.equal(code, 0);
  const said = output.trimEnd().split('\n');
  t.ok(said.length > 2);
  for (const line of said) {
    t.match(line, /^<[67]>\{"level":/);
    const { time, pid, msg } = JSON.parse(line.slice(3)) as Line;
    t.match({ time, msg }, { time: undefined, msg: /./ });
    t.ok(pid === undefined || msg === 'listening');
  }
  t.equal(journalLine('{"level":50,"msg":"x"}'), '<3>{"level":50,"msg":"x"}');
  t.equal(journalLine('{"level":40,"msg":"x"}'), '<4>{"level":40,"msg":"x"}');
  const other = await run('JOURNAL_STREAM=1:2 exec "$0" --config "$1"');
  t.match(other.output, /^\{"level":\d+,"time":\d+/, 'an output that is not the journal’s is JSON alone');
});

t.test('a log that takes no more ends nothing', async (t) => {
  const { code, health } = await run('exec "$0" --config "$1" > /dev/full');
  t.match(health, { status: 'ok' });
  t.equal(code, 0);
  t.strictSame(await host.leftovers(), []);
});
