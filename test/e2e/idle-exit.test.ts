import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, linkSync, renameSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { connect, type ThawClient } from '../../client/index.js';
import { hostWithBase, only } from '../support/flow.js';
import { bin } from '../support/paths.js';

const { host } = await hostWithBase(t, { config: { slots: { size: 1 } } });
await host.kill('SIGTERM');
const config = join(host.box.runDir, 'config.json');
const first = JSON.parse(await readFile(config, 'utf8')) as { socket: object };
await writeFile(config, JSON.stringify({ ...first, socket: { ...first.socket, idleExitSeconds: 1 } }));

// What systemd does: keeps the socket while daemons come and go, and starts one for each line that it reads.
const path = join(host.box.runDir, 'handed.sock');
const bound = createServer();
bound.listen(path);
await once(bound, 'listening');
chmodSync(path, 0o660);
const { fd } = Reflect.get(bound, '_handle') as { fd: number };
const daemon = 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=api exec "$0" --config "$1" < /dev/null';
const script = `while read -r line; do sh -c '${daemon}' "$0" "$1"; echo "exited $?"; done`;
const [program, args] = host.box.inside(['sh', '-c', script, bin('thawd'), config]);
const keeper = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit', fd] });
// Closing would remove the file, and until then it is we who are called.
linkSync(path, `${path}.kept`);
bound.close();
renameSync(`${path}.kept`, path);
const said = createInterface(keeper.stdout ?? process.stdin)[Symbol.asyncIterator]();

/** What is said next that has `word` in it. */
async function heard(word: string): Promise<string> {
  for (;;) {
    const { done, value } = (await said.next()) as IteratorResult<string, undefined>;
    if (done === true) throw new TypeError(`it has ended without ${word}`);
    if (value.includes(word)) return value;
  }
}

async function activate(): Promise<void> {
  keeper.stdin?.write('\n');
  await heard('"listening"');
}

const ended = (): Promise<string> => heard('exited');

async function during<T>(fn: (client: ThawClient) => Promise<T>): Promise<T> {
  await using client = await connect({ socket: path });
  return await fn(client);
}

t.test('an idle daemon ends; VMs, events and who calls meanwhile are there for the next', async (t) => {
  await activate();
  const { seq, epoch, vm } = await during(async (client) => {
    const items = client.events();
    const state = (await items.next()).value;
    if (state?.kind !== 'state') throw new TypeError('no state came first');
    const clone = only((await client.snapshot.restore({ snapshot: 'base', names: ['kept'] })).clones);
    await items.return();
    return { seq: state.seq, epoch: state.epoch, vm: clone };
  });
  t.equal(await ended(), 'exited 0');
  const pid = vm.process.is === 'alive' ? vm.process.pid : null;
  // It waits in the queue of the socket, as systemd sees it.
  const early = connect({ socket: path });
  const waiting = (await early).vm.get({ vm: 'kept' });
  await activate();
  t.match(await waiting, { vm: { id: vm.id, word: 'ready', process: { is: 'alive', pid } } });
  await (await early).close();
  await during(async (client) => {
    const items = client.events({ since: { epoch, seq } });
    t.match((await items.next()).value, { kind: 'event', event: { seq: seq + 1, type: 'vm.preparing' } });
    await items.return();
    await client.vm.extend({ vm: 'kept', ttl: 2_500 });
  });
  const before = performance.now();
  t.equal(await ended(), 'exited 0');
  t.ok(performance.now() - before > 2_000, 'a VM that is to end in time keeps it until then');
  await activate();
  t.strictSame(await during((client) => client.vm.list()), { vms: [] });
  t.equal(await ended(), 'exited 0');
  keeper.stdin?.end();
  await once(keeper, 'exit');
  rmSync(path);
  t.strictSame(await host.leftovers(), [], 'slots are given up');
});

t.test('without a socket of systemd’s it stays, and says so', async (t) => {
  await host.start();
  t.ok(host.log.some((line) => line.includes('no idle exit')));
});
