import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import type { Context, Step } from '../../../plugins/contract.js';
import { tapGroup } from '../../../plugins/network/names.js';
import { TapStep } from '../../../plugins/network/steps.js';
import { attach, cx, detach, differences, kindOf, leftovers, Net, recorded, sh } from './fixture.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    if (error instanceof ThawError) return error.reason;
    return error instanceof Error ? error.message : String(error);
  }
}

const tapStep = (net: Net, n: number): Step => net.fabric.stepsFor(net.grant(n))[1]!;
const nameOf = (step: Step): string => TapStep.parse(step).name;
const linkExists = (name: string) => leftovers().includes(`link ${name}`);

t.test('a tap is as its step says, ready for one process to open', async (t) => {
  const net = await Net.open(t, {
    default: { bridge: 'thaw0', subnet: '10.209.0.0/16', mtu: 1200 },
    open: { bridge: 'thaw1', subnet: '10.89.0.0/16', isolate: false, mtu: 9000 },
  });
  for (const network of ['default', 'open']) {
    const grant = net.grant(network.length, network);
    await attach(net.fabric, grant);
    t.strictSame(await differences(net.fabric, grant), []);
    await net.fabric.verifyTap(grant.tap, grant.vm, cx);
    // Again, with an MTU at which the kernel takes IPv6 away.
    await attach(net.fabric, grant);
    t.strictSame(await differences(net.fabric, grant), []);
    const [link] = JSON.parse(sh(`ip -json -details link show ${grant.tap}`)) as [Record<string, unknown>];
    t.match(link, {
      ifalias: `thaw:${grant.vm}`,
      mtu: grant.mtu,
      master: grant.bridge,
      linkinfo: {
        info_kind: 'tun',
        info_data: { type: 'tap', pi: false, vnet_hdr: true, persist: true },
        info_slave_data: { isolated: network === 'default' },
      },
    });
    t.ok((link['flags'] as string[]).includes('UP'));
    t.notMatch(sh(`ip -6 addr show dev ${grant.tap}`), /inet6/);
    net.open(grant.tap);
    t.equal(await failure(net.fabric.verifyTap(grant.tap, grant.vm, cx)), 'tap-busy', 'somebody has it now');
    t.strictSame(await differences(net.fabric, grant), [], 'which is what it is for');
  }
});

t.test(
  'undo leaves nothing, whether nothing, half or all of it was done, and can be said twice',
  async (t) => {
    const net = await Net.open(t);
    const before = leftovers();
    for (let done = 0; done <= 3; done += 1) {
      const grant = net.grant(100 + done);
      for (const step of net.fabric.stepsFor(grant).slice(0, done))
        await kindOf(net.fabric, step).run(step, cx);
      await detach(net.fabric, grant);
      await detach(net.fabric, grant);
      t.strictSame(leftovers(), before, `after ${done} of 3 steps`);
    }
    t.equal(net.fabric.networks()[0]?.leases, 0);
  },
);

t.test('run twice is as run once', async (t) => {
  const net = await Net.open(t);
  const grant = net.grant(1);
  await attach(net.fabric, grant);
  await attach(net.fabric, grant);
  t.strictSame(await differences(net.fabric, grant), []);
});

t.test(
  'a tap that another process has open is busy, for the maker and for whoever would open it',
  async (t) => {
    const net = await Net.open(t);
    const grant = net.grant(2);
    const step = net.fabric.stepsFor(grant)[1]!;
    await kindOf(net.fabric, step).run(step, cx);
    net.open(grant.tap);
    t.equal(await failure(kindOf(net.fabric, step).run(step, cx)), 'tap-busy');
    t.equal(await failure(net.fabric.verifyTap(grant.tap, grant.vm, cx)), 'tap-busy');
    t.ok(linkExists(grant.tap), 'it stays');
  },
);

t.test('a link of the same name that is not ours is neither used nor removed', async (t) => {
  const net = await Net.open(t);
  const cases: [string, (name: string) => string][] = [
    ['a tap without an alias', (name) => `ip tuntap add ${name} mode tap`],
    [
      'another VM’s tap',
      (name) => `ip tuntap add ${name} mode tap && ip link set ${name} alias thaw:vm-zzzzzzzzzz`,
    ],
    [
      'an alias almost like ours',
      (name) => `ip tuntap add ${name} mode tap && ip link set ${name} alias thaw:vm-`,
    ],
    ['a bridge', (name) => `ip link add ${name} type bridge`],
  ];
  for (const [n, [what, make]] of cases.entries()) {
    const step = tapStep(net, 10 + n);
    const name = nameOf(step);
    sh(make(name));
    const before = sh(`ip -d link show ${name}`);
    t.equal(await failure(kindOf(net.fabric, step).run(step, cx)), 'link-foreign', what);
    await kindOf(net.fabric, step).undo(recorded(step), cx);
    t.equal(sh(`ip -d link show ${name}`), before, `${what} is untouched`);
    t.match(await kindOf(net.fabric, step).check(step, cx), [{ problem: /its alias is/ }]);
    sh(`ip link del ${name}`);
  }
  const multi = net.grant(20);
  sh(`ip tuntap add ${multi.tap} mode tap multi_queue && ip link set ${multi.tap} alias thaw:${multi.vm}`);
  const step = net.fabric.stepsFor(multi)[1]!;
  t.equal(await failure(kindOf(net.fabric, step).run(step, cx)), 'link-foreign', 'a tap with several queues');
});

t.test('a tap that cannot be set up is taken back at once', async (t) => {
  const net = await Net.open(t);
  const step = tapStep(net, 30);
  t.equal(await failure(kindOf(net.fabric, step).run({ ...step, bridge: 'nowhere' }, cx)), 'tap-not-ready');
  t.notOk(linkExists(nameOf(step)), 'without its bridge');
  // Made, marked and kept before the kernel refuses the MTU.
  t.equal(await failure(kindOf(net.fabric, step).run({ ...step, mtu: 70_000 }, cx)), 'system-call-failed');
  t.notOk(linkExists(nameOf(step)), 'after a refused MTU');
});

t.test('a fault before or after an effect leaves what undo can take back', async (t) => {
  const net = await Net.open(t);
  const grant = net.grant(31);
  for (const step of net.fabric.stepsFor(grant).slice(1)) {
    for (const when of ['before', 'after']) {
      const faulty: Context = {
        ...cx,
        probe: {
          ...cx.probe,
          edge: (_name, edge) => {
            if (edge === when) throw new Error('fault');
          },
        },
      };
      t.equal(await failure(kindOf(net.fabric, step).run(step, faulty)), 'fault');
      await kindOf(net.fabric, step).undo(recorded(step), cx);
      t.not((await kindOf(net.fabric, step).check(step, cx)).length, 0, `${step.kind}, ${when}: it is gone`);
    }
  }
});

t.test('a daemon that dies between the making of a tap and its keeping leaves nothing', async (t) => {
  await Net.open(t);
  const before = leftovers();
  const script = fileURLToPath(new URL('./die-with-tap.js', import.meta.url));
  const { signal, stdout } = spawnSync(process.execPath, [script, 'th00000000990'], { encoding: 'utf8' });
  t.equal(signal, 'SIGKILL');
  t.match(stdout, /"alias":"thaw:vm-0000000099"/, 'it was there, with its mark');
  t.strictSame(leftovers(), before);
});

t.test('a change by somebody else is found, and refuses whoever would open the tap', async (t) => {
  const net = await Net.open(t);
  const grant = net.grant(40);
  await attach(net.fabric, grant);
  const { tap } = grant;
  const cases: [string, string, RegExp][] = [
    [`ip link set ${tap} down`, `ip link set ${tap} up`, /it is down/],
    [
      `ip link set ${tap} nomaster`,
      `ip link set ${tap} master thaw0 && ip link set ${tap} type bridge_slave isolated on`,
      /not in thaw0/,
    ],
    [`ip link set ${tap} mtu 1400`, `ip link set ${tap} mtu 1500`, /its MTU is 1400/],
    [`ip link set ${tap} group 0`, `ip link set ${tap} group ${tapGroup}`, /interface group/],
    [
      `ip link set ${tap} type bridge_slave isolated off`,
      `ip link set ${tap} type bridge_slave isolated on`,
      /reach its neighbours/,
    ],
  ];
  for (const [change, back, problem] of cases) {
    sh(change);
    t.ok(
      (await differences(net.fabric, grant)).some((one) => problem.test(one.problem)),
      change,
    );
    t.equal(await failure(net.fabric.verifyTap(tap, grant.vm, cx)), 'tap-not-ready');
    sh(back);
    t.strictSame(await differences(net.fabric, grant), [], back);
  }
  t.equal(await failure(net.fabric.verifyTap(tap, 'vm-zzzzzzzzzz', cx)), 'tap-not-ready', 'another VM');
  sh(`ip link del ${tap}`);
  t.match(await differences(net.fabric, grant), [{ problem: 'it is gone' }]);
  t.equal(await failure(net.fabric.verifyTap(tap, grant.vm, cx)), 'tap-not-ready');
});

t.test('256 at once are made and taken back side by side', async (t) => {
  const net = await Net.open(t);
  const before = leftovers();
  const grants = Array.from({ length: 256 }, (_, n) => net.grant(1000 + n));
  await Promise.all(grants.map((grant) => attach(net.fabric, grant)));
  const found = await Promise.all(grants.map((grant) => differences(net.fabric, grant)));
  t.strictSame(found.flat(), []);
  await Promise.all(grants.map((grant) => detach(net.fabric, grant)));
  t.strictSame(leftovers(), before);
});
