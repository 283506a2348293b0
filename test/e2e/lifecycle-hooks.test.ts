// A plugin of the kind `lifecycle`, loaded from a path: what it is told, in which order, and what it can't do.
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { pluginFile, rootsFolder } from '../daemon/plugins/support.js';
import {
  eventually,
  failureOf,
  hostWithBase,
  machine,
  only,
  outcomes,
  pidOf,
  stopAll,
  whyNot,
} from '../support/flow.js';

const dir = await rootsFolder(t);
const diary = join(dir, 'diary');
appendFileSync(diary, '');

/** Notes all that it is told; what a VM's labels say, it does: `throw` and `hang` at the moment that they name. */
const fields = (name: string, order: number): string => `
  kind: 'lifecycle', name: '${name}',
  async start() {
    const { appendFileSync, existsSync } = await import('node:fs');
    const note = (line) => appendFileSync('${diary}', '${name} ' + line + '\\n');
    const moments = ['vm.preparing', 'vm.loaded', 'vm.attached', 'vm.ready', 'vm.degraded', 'vm.failed', 'vm.stopped',
      'vm.removed', 'vm.adopted', 'snapshot.creating', 'snapshot.created', 'snapshot.failed', 'snapshot.deleted'];
    const told = (moment) => async ({ at, operation, vm, snapshot, detail }, { signal }) => {
      const { name, labels } = vm ?? snapshot;
      const what = vm ? vm.word + (existsSync(vm.dir) ? ' there' : '') : snapshot.source.name;
      note([moment, name, what, detail.tap ?? detail.reason ?? ''].join(' ').trim());
      if (!(at > 0)) note('no time');
      if (moment !== 'vm.degraded' && !operation?.startsWith('op-')) note('no operation');
      if ('${name}' !== 'late') return;
      if (labels.throw === moment) throw new Error('not ' + name);
      if (labels.hang === moment) {
        await new Promise((resolve) => setTimeout(resolve, 400));
        if (moment === 'vm.preparing') note('woke ' + signal.aborted);
        throw new Error('too late');
      }
    };
    return {
      order: ${order},
      deadline: 200,
      hooks: Object.fromEntries(moments.map((moment) => [moment, told(moment)])),
      synchronize: ({ vms, snapshots }) =>
        note('synchronize ' + vms.map(({ name }) => name).join() + ' ' + snapshots.map(({ name }) => name).join()),
      close: async () => note('close'),
    };
  }`;
// The one that is named first is called last.
const paths = [
  await pluginFile(dir, 'late.mjs', fields('late', 60)),
  await pluginFile(dir, 'early.mjs', fields('early', 7)),
];
const { host, vmms } = await hostWithBase(t, { config: { plugins: { paths } } });

/** What was noted since the last time, by one of them or both. */
function noted(by?: 'early' | 'late'): string[] {
  const lines = readFileSync(diary, 'utf8').trimEnd().split('\n');
  writeFileSync(diary, '');
  return lines.flatMap((line) => {
    const [who, ...rest] = line.split(' ');
    return by === undefined ? [line] : who === by ? [rest.join(' ')] : [];
  });
}
const restore = (name: string, labels: Record<string, string> = {}) =>
  host.client.snapshot.restore({ snapshot: 'base', names: [name], labels });
const warnings = (): string[] =>
  host.log.filter((line) => line.includes('the plugin late failed')).map((line) => line);

const both = (...lines: string[]): string[] => lines.flatMap((line) => [`early ${line}`, `late ${line}`]);

t.test('both have heard of what was before, in order', (t) => {
  t.strictSame(noted(), [
    ...['early synchronize', 'late synchronize'].map((line) => `${line}  `),
    ...both('vm.preparing source starting', 'vm.ready source ready there'),
    ...both('snapshot.creating base source', 'snapshot.created base source'),
    ...both('vm.stopped source stopping there', 'vm.removed source stopping'),
  ]);
  t.end();
});

t.test(
  'a restore and a stop, each moment before the answer, and nothing freed before all have heard',
  async (t) => {
    const clone = only((await restore('a')).clones);
    const tap = clone.attachments[0]?.tap;
    t.strictSame(
      noted(),
      both(
        'vm.preparing a restoring',
        'vm.loaded a restoring there',
        `vm.attached a restoring there ${tap}`,
        'vm.ready a ready there',
      ),
    );
    const more = await host.client.network.attach({ vm: 'a' });
    t.strictSame(noted('late'), [`vm.attached a ready there ${more.attachment.tap}`]);
    await host.client.vm.stop({ vm: 'a' });
    t.strictSame(noted(), both('vm.stopped a stopping there', 'vm.removed a stopping'));
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('one that does not want a VM refuses it with its reason, and nothing of it is left', async (t) => {
  const why = whyNot((await restore('a', { throw: 'vm.preparing' })).clones);
  t.match(why, {
    message: /The plugin late does not allow a: not a/,
    data: { reason: 'vetoed', retryable: false },
  });
  t.match(why.data.operation, /^op-/);
  const noNics = ['vm.preparing a restoring', 'vm.failed a restoring vetoed', 'vm.removed a stopping'];
  t.strictSame(noted('early'), noNics);
  const boot = { name: 'b', config: machine(), labels: { throw: 'vm.preparing' } };
  t.match((await failureOf(host.client.vm.boot(boot))).reason, 'vetoed');
  t.strictSame(await host.leftovers(), []);
  noted();
});

t.test(
  'one that does not say whether it wants a VM is named, and asked again by who tries again',
  async (t) => {
    const why = whyNot((await restore('a', { hang: 'vm.preparing' })).clones);
    t.match(why, {
      message: /The plugin late did not say within 200 ms whether it allows a/,
      data: { reason: 'hook-late', retryable: true },
    });
    await eventually('its late word', () => noted('late').includes('woke true') || undefined);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('at any other moment one that throws or is late is named, and the change goes on', async (t) => {
  for (const moment of ['vm.loaded', 'vm.attached', 'vm.ready', 'vm.stopped', 'vm.removed'])
    for (const label of ['throw', 'hang']) {
      const before = warnings().length;
      t.strictSame(
        outcomes((await restore('a', { [label]: moment })).clones),
        ['ready'],
        `${label} at ${moment}`,
      );
      await host.client.vm.stop({ vm: 'a' });
      const [line = '', ...more] = warnings().slice(before);
      t.match(JSON.parse(line), { plugin: 'late', what: moment }, `${label} at ${moment} is logged`);
      t.match(line, label === 'throw' ? /not a/ : /vm\.\w+ of the plugin late took longer than 200 ms/);
      t.strictSame(more, []);
    }
  t.strictSame(await host.leftovers(), []);
  noted();
});

t.test('who gives up waits for no plugin', async (t) => {
  const [gaveUp, before] = [new AbortController(), warnings().length];
  const order = { snapshot: 'base', names: ['a'], labels: { hang: 'vm.loaded' } };
  const restoring = host.client.snapshot.restore(order, { signal: gaveUp.signal });
  await eventually('the hook', () => readFileSync(diary, 'utf8').includes('late vm.loaded') || undefined);
  gaveUp.abort();
  t.match(whyNot((await restoring).clones).data.reason, 'cancelled');
  t.match(noted('early').at(-1), /^vm\.removed a/);
  t.equal(warnings().length, before, 'and no plugin is blamed');
  t.strictSame(await host.leftovers(), []);
});

t.test('a restore that fails: failed, then removed; never stopped', async (t) => {
  vmms.fail({ at: 'attach', do: 'fail', message: 'no' });
  await restore('a');
  t.strictSame(noted('late'), [
    'vm.preparing a restoring',
    'vm.loaded a restoring there',
    'vm.failed a restoring there vmm-refused',
    'vm.removed a stopping',
  ]);
  vmms.fail();
});

t.test(
  'a VM that dies is told of with the reason; one that is kept is removed when it is stopped',
  async (t) => {
    const clone = only((await restore('a')).clones);
    noted();
    await host.signal(pidOf(clone), 'SIGKILL');
    await eventually('its end', () =>
      host.client.vm.get({ vm: 'a' }).then(
        () => undefined,
        () => true,
      ),
    );
    t.strictSame(noted('early'), ['vm.stopped a stopping there vmm-died', 'vm.removed a stopping']);
    vmms.fail({ at: 'attach', do: 'fail', message: 'no' });
    const keep = { snapshot: 'base', names: ['b'], keepOnFailure: true };
    await host.client.snapshot.restore(keep);
    vmms.fail();
    t.match(noted('early').at(-1), /^vm\.failed b/);
    await host.client.vm.stop({ vm: 'b' });
    t.strictSame(noted('early'), ['vm.removed b stopping']);
    t.strictSame(await host.leftovers(), []);
  },
);

t.test('one whose agent is gone is told of, and a snapshot from its beginning to its end', async (t) => {
  await host.client.vm.boot({ name: 's', config: machine() });
  noted();
  await host.client.snapshot.create({ vm: 's', name: 'new' });
  await failureOf(host.client.snapshot.create({ vm: 's', name: 'new' }));
  await host.client.snapshot.delete({ snapshot: 'new' });
  t.strictSame(noted('late'), [
    'snapshot.creating new s',
    'snapshot.created new s',
    'snapshot.deleted new s',
  ]);
  await host.client.vm.pause({ vm: 's' });
  await host.client.vm.resume({ vm: 's' });
  t.strictSame(await eventually('its word', () => nonEmpty(noted('late'))), [
    'vm.degraded s degraded there agent-unreachable',
  ]);
  await stopAll(host);
  noted();
});

const nonEmpty = (lines: string[]): string[] | undefined => (lines.length > 0 ? lines : undefined);

t.test('the next daemon tells what went while there was none, then what is there', async (t) => {
  await restore('lives');
  const dies = only((await restore('dies')).clones);
  await host.kill('SIGKILL');
  await host.signal(pidOf(dies), 'SIGKILL');
  noted();
  await host.start();
  t.strictSame(
    noted('early').filter((line) => !line.startsWith('close')),
    ['vm.stopped dies stopping there', 'vm.removed dies stopping', 'synchronize lives base'],
  );
  await host.kill('SIGTERM');
  t.strictSame(noted(), ['early close', 'late close']);
  await host.start();
  t.strictSame(noted('late'), ['synchronize lives base']);
  await stopAll(host);
  t.strictSame(noted('late'), ['vm.stopped lives stopping there', 'vm.removed lives stopping']);
  t.strictSame(await host.leftovers(), []);
  rmSync(diary);
});
