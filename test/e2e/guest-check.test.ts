import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { atOnce, failureOf, machine, stopAll } from '../support/flow.js';
import { startHost } from '../support/host.js';

const host = await startHost(t, { env: { ...atOnce } });
const { client } = host;

/** What is not well with a guest, by the names of the checks. */
async function found(vm: string, timeout = 10_000): Promise<Record<string, string>> {
  const { diagnoses } = await client.agent.check({ vm, timeout });
  const bad = diagnoses.filter(({ level }) => level !== 'ok');
  return Object.fromEntries(bad.map(({ check, found }) => [check, found]));
}

/** Puts a file into a guest. */
async function put(vm: string, path: string, text: string): Promise<void> {
  const file = join(host.runDir, 'file');
  await writeFile(file, text);
  await client.agent.upgrade({ vm, file, path, mode: '644' });
  await rm(file);
}

await client.vm.boot({ name: 'source', config: machine() });

t.test('what a running guest lacks is found, and nothing in it is changed', async (t) => {
  const before = await found('source');
  t.match(before['agent port'], /1024/);
  t.notOk('programs' in before, 'it has what thaw uses');
  t.notOk('restore.d' in before);
  await put('source', '/etc/thaw/restore.d/10-app', '#!/bin/sh\n');
  await put('source', '/etc/network/interfaces', 'auto eth0\n');
  const after = await found('source');
  t.match(after['restore.d'], '10-app');
  t.match(after['eth0'], '/etc/network/interfaces');
  t.equal((await client.vm.get({ vm: 'source' })).vm.word, 'ready');
});

t.test('a guest that does not answer is a finding, not a failure', async (t) => {
  await client.vm.pause({ vm: 'source' });
  t.match(await found('source'), { agent: /is paused/ });
  await client.vm.resume({ vm: 'source' });
  t.match(await found('source', 300), { agent: /did not answer within/ }, 'silent after a bare pause');
  await client.vm.boot({ name: 'mute', config: machine(), agent: null });
  t.match(await found('mute'), { agent: /without an agent/ });
  t.match(await failureOf(client.agent.check({ vm: 'nobody' })), { reason: 'vm-unknown' });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
