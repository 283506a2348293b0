import t from 'tap';
import {
  again,
  atOnce,
  eventually,
  failureOf,
  hostWithBase,
  machine,
  only,
  stopAll,
} from '../support/flow.js';
import { startHost } from '../support/host.js';

for (const [version, silenced] of [
  ['1.16.1', true],
  ['1.17-dev', false],
] as const) {
  t.test(
    `on ${version} a pause ${silenced ? 'costs the agent, and is warned of' : 'costs nothing'}`,
    async (t) => {
      const host = await startHost(t, { env: { ...atOnce, FIRECRACKER_STANDIN_VERSION: version } });
      const { client } = host;
      await client.vm.boot({ name: 'source', config: machine() });
      await client.snapshot.create({ vm: 'source', name: 'base' });
      t.match(
        await client.agent.ping({ vm: 'source' }),
        { agent: { dialect: 'qemu-ga' } },
        'a snapshot costs nothing',
      );
      only((await client.snapshot.restore({ snapshot: 'base', names: ['clone'] })).clones);

      const paused = await client.vm.pause({ vm: 'clone' });
      t.match(paused.vm, { word: 'paused', power: { is: 'paused' } });
      t.match(paused.warnings, silenced ? [/1\.16\.1.*agent hang.*1\.17/] : []);
      await host.restart();
      t.match((await host.client.vm.get({ vm: 'clone' })).vm, { word: 'paused' }, 'the next daemon sees it');
      const { vm: resumed } = await host.client.vm.resume({ vm: 'clone' });
      if (silenced) {
        const readiness = { is: 'degraded', reason: 'agent-unreachable', remedy: /fresh clone|1\.17/ };
        t.match(resumed, { word: 'degraded', power: { is: 'running' }, readiness });
        t.match(await failureOf(host.client.agent.ping({ vm: 'clone', timeout: 300 })), {
          reason: 'agent-silent',
        });
      } else {
        t.match(resumed, { word: 'ready', readiness: { is: 'ready' } });
        await host.client.agent.ping({ vm: 'clone' });
      }

      // With a snapshot between pause and resume the agent lives on either.
      await host.client.vm.pause({ vm: 'source' });
      await host.client.snapshot.create({ vm: 'source', name: 'while-paused' });
      t.equal((await host.client.vm.get({ vm: 'source' })).vm.power.is, 'paused', 'it is left as it was');
      t.match((await host.client.vm.resume({ vm: 'source' })).vm, { word: 'ready' });
      t.equal(only((await host.client.snapshot.restore({ snapshot: 'while-paused' })).clones).word, 'ready');
      await stopAll(host);
      t.strictSame(await host.leftovers(), []);
    },
  );
}

t.test(
  'who gives up a resume that has happened is not left with a VM that is said to be ready',
  async (t) => {
    const config = { health: { intervalSeconds: 0, agentIntervalSeconds: 0 } };
    const { host } = await hostWithBase(t, { config });
    only((await host.client.snapshot.restore({ snapshot: 'base', names: ['clone'] })).clones);
    await host.client.vm.pause({ vm: 'clone' });
    await again(host, { at: 'vmm.resume', when: 'after', delay: 60_000 });
    const gaveUp = new AbortController();
    const resuming = failureOf(host.client.vm.resume({ vm: 'clone' }, { signal: gaveUp.signal }));
    await eventually('the resume', async () => {
      const config = await host.client.vm.get({ vm: 'clone' });
      return config.vm.operation?.step === 'vm.resume' || undefined;
    });
    // The request itself takes no time here.
    await new Promise((resolve) => setTimeout(resolve, 500));
    gaveUp.abort();
    await resuming;
    const { vm } = await eventually('its end', async () => {
      const found = await host.client.vm.get({ vm: 'clone' });
      return found.vm.operation === null ? found : undefined;
    });
    t.match(vm, { word: 'degraded', readiness: { reason: 'agent-unreachable' } });
    await stopAll(host);
    t.strictSame(await host.leftovers(), []);
  },
);
