import t from 'tap';
import { atOnce, failureOf, machine, only, stopAll, whyNot } from '../support/flow.js';
import { startHost } from '../support/host.js';

const token = 'a-token-of-ours';
const env = { ...atOnce, FIRECRACKER_STANDIN_AGENT: 'http', FIRECRACKER_STANDIN_AGENT_TOKEN: token };

t.test('a guest with an HTTP agent: snapshot, clone, a NIC that answers', async (t) => {
  const guest = { parts: { randomness: false } };
  const host = await startHost(t, { config: { guest, plugins: { settings: { http: { token } } } }, env });
  const { client } = host;
  await client.vm.boot({ name: 'source', config: machine(), agent: { dialect: 'http' } });
  t.match(await client.agent.ping({ vm: 'source' }), { agent: { dialect: 'http', version: 'http-1.0' } });
  const { diagnoses } = await client.agent.check({ vm: 'source' });
  const shown = diagnoses.map(({ check, level }) => `${check} ${level}`);
  t.strictSame(shown, ['agent ok', 'agent port warning', 'guest warning'], 'it shows no more of its guest');
  await client.snapshot.create({ vm: 'source', name: 'base' });
  const clone = only((await client.snapshot.restore({ snapshot: 'base', names: ['web'] })).clones);
  t.equal(clone.word, 'ready');
  t.match(clone.attachments, [{ state: { is: 'confirmed' }, guestInterface: 'eth0' }]);
  t.ok(await host.ping(clone.attachments[0]?.addresses[0]?.split('/')[0] ?? ''));
  const { update } = await client.agent.update({ vm: 'web' });
  t.equal(update.hostname, 'web');
  t.match(update.parts, { hostname: { is: 'done' }, scripts: { is: 'unsupported' } });
  t.notOk('randomness' in update.parts, 'it is switched off');

  const [failed] = (
    await client.snapshot.restore({ snapshot: 'base', names: ['seeded'], parts: { randomness: true } })
  ).clones;
  t.match(whyNot([failed!]), { data: { reason: 'update-failed', part: 'randomness' } }, 'nothing on hope');
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('an agent’s token that thawd does not have is said', async (t) => {
  const host = await startHost(t, { env });
  const boot = host.client.vm.boot({ name: 'source', config: machine(), agent: { dialect: 'http' } });
  const got = await failureOf(boot);
  t.equal(got.reason, 'agent-http-refused');
  t.match(got.detail.remedy, 'plugins.settings.http.token');
  t.strictSame(await host.leftovers(), []);
});
