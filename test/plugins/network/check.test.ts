import t from 'tap';
import { attach, cx, differences, Net, sh } from './fixture.js';
import { ownNamespace } from './own-namespace.js';

ownNamespace();

const problems = async (net: Net) =>
  (await net.fabric.check(cx)).map(({ what, problem }) => `${what}: ${problem}`);

t.test('flushed rules are found, and made again with those of the living', async (t) => {
  const net = await Net.open(t);
  const grants = [net.grant(1), net.grant(2)];
  for (const grant of grants) await attach(net.fabric, grant);
  sh('nft flush ruleset');
  t.match(await problems(net), [/table bridge thaw: it is gone/, /table inet thaw: it is gone/]);
  t.match(await differences(net.fabric, grants[0]!), [{ problem: /missing in macs, addresses, open/ }]);
  t.strictSame(
    await net.fabric.mend(cx),
    grants.map(({ tap }) => `rules of ${tap}`),
  );
  t.strictSame(await net.fabric.check(cx), []);
  for (const grant of grants) t.strictSame(await differences(net.fabric, grant), []);
});

t.test('a VM that comes after a flush brings the tables back, for the others too', async (t) => {
  const net = await Net.open(t);
  const first = net.grant(1);
  await attach(net.fabric, first);
  sh('nft delete table bridge thaw');
  await attach(net.fabric, net.grant(2));
  t.strictSame(await differences(net.fabric, first), []);
  t.strictSame(await net.fabric.check(cx), []);
});

t.test('a single element that somebody took is found and put back', async (t) => {
  const net = await Net.open(t);
  const grant = net.grant(1);
  await attach(net.fabric, grant);
  sh('nft flush set bridge thaw addresses');
  t.match(await differences(net.fabric, grant), [{ problem: /missing in addresses of/ }]);
  t.strictSame(await net.fabric.mend(cx), [`rules of ${grant.tap}`]);
  t.strictSame(await differences(net.fabric, grant), []);
});

t.test('what somebody did to the bridge is found, and mended', async (t) => {
  const net = await Net.open(t);
  const cases: [string, RegExp][] = [
    ['ip addr flush dev thaw0', /lacks its address 10\.209\.0\.1\/16/],
    ['ip link set thaw0 down', /it is down/],
    ['ip link set thaw0 mtu 1300', /its MTU is 1300/],
    ['ip link set thaw0 address 02:00:00:00:00:77', /its MAC is 02:00:00:00:00:77/],
    ['ip link del thaw0', /it is gone/],
  ];
  for (const [change, problem] of cases) {
    sh(change);
    t.match((await problems(net)).join('\n'), problem, change);
    t.not((await net.fabric.mend(cx)).length, 0);
    t.strictSame(await net.fabric.check(cx), [], `${change}: mended`);
  }
});

t.test('forwarding that was turned off is found', async (t) => {
  const net = await Net.open(t);
  sh('echo 0 > /proc/sys/net/ipv4/ip_forward');
  t.match(await problems(net), [/net\.ipv4\.ip_forward: it is off/]);
  sh('echo 1 > /proc/sys/net/ipv4/ip_forward');
});

t.test(
  'another’s chain that drops forwarded packets is named, until it lets the bridge through',
  async (t) => {
    const net = await Net.open(t);
    const cases: { make: string; problem: RegExp; remedy: RegExp; mend: string }[] = [
      {
        make: 'table inet firewall { chain through { type filter hook forward priority 0; policy drop; }; }',
        problem: /the chain through of the table inet firewall drops forwarded packets/,
        remedy: /nft insert rule inet firewall through iifname "thaw0" accept/,
        mend: 'nft insert rule inet firewall through iifname "thaw0" accept',
      },
      {
        make: 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; chain DOCKER-USER { }; }',
        problem: /the chain FORWARD of the table ip filter/,
        remedy: /iptables -I DOCKER-USER -i thaw0 -j ACCEPT and iptables -I DOCKER-USER -o thaw0/,
        mend: 'nft add rule ip filter DOCKER-USER iifname "thaw0" counter accept',
      },
      {
        make: 'table bridge other { chain f { type filter hook forward priority 0; policy drop; }; }',
        problem: /the chain f of the table bridge other/,
        remedy: /nft insert rule bridge other f/,
        mend: 'nft insert rule bridge other f oifname "thaw0" accept',
      },
    ];
    for (const { make, problem, remedy, mend } of cases) {
      sh(`nft '${make}'`);
      const found = await net.fabric.check(cx);
      t.equal(found.length, 1);
      t.match(found[0], { what: 'network default', problem, remedy });
      sh(mend);
      t.strictSame(await net.fabric.check(cx), []);
      sh(`nft delete table ${make.split(' ').slice(1, 3).join(' ')}`);
    }
    sh("nft 'table inet calm { chain through { type filter hook forward priority 0; policy accept; }; }'");
    t.strictSame(await net.fabric.check(cx), [], 'a chain that accepts is no one’s business');
    sh('nft delete table inet calm');
  },
);

t.test('br_netfilter is named where it lets such a chain cut VMs off from each other', async (t) => {
  sh("nft 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }'");
  t.teardown(() => sh('nft delete table ip filter'));
  const net = await Net.open(t, { open: { bridge: 'thaw0', subnet: '10.209.0.0/16', isolate: false } });
  sh('echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables');
  t.match(await problems(net), [/FORWARD/, /bridge-nf-call-iptables: it is 1/]);
  sh('echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables');
  t.equal((await problems(net)).length, 1);
  await net.restart({ open: { bridge: 'thaw0', subnet: '10.209.0.0/16' } });
  sh('echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables');
  t.equal((await problems(net)).length, 1, 'VMs kept apart miss nothing by it');
});

t.test('strict reverse paths matter on an existing bridge', async (t) => {
  sh('ip link add br9 type bridge && ip link set br9 up && ip addr add 10.99.0.9/24 dev br9');
  t.teardown(() => sh('ip link del br9'));
  const net = await Net.open(t, { lan: { bridge: 'br9', subnet: '10.99.0.0/24', existing: true } });
  t.strictSame(await problems(net), []);
  sh('echo 1 > /proc/sys/net/ipv4/conf/br9/rp_filter');
  t.match(await problems(net), [/net\.ipv4\.conf\.br9\.rp_filter: it is strict/]);
  sh('echo 2 > /proc/sys/net/ipv4/conf/br9/rp_filter');
  t.strictSame(await problems(net), []);
});

t.test('a firewall on the host’s input matters where a network opens the host', async (t) => {
  sh("nft 'table inet firewall { chain incoming { type filter hook input priority 0; policy drop; }; }'");
  t.teardown(() => sh('nft delete table inet firewall'));
  const net = await Net.open(t);
  t.strictSame(await problems(net), []);
  await net.restart({ default: { bridge: 'thaw0', subnet: '10.209.0.0/16', hostAccess: ['udp/53'] } });
  t.match(await problems(net), [/drops what VMs send to the host by default/]);
});

t.test('a subnet that another link has taken since is named', async (t) => {
  const net = await Net.open(t);
  sh('ip link add br9 type bridge && ip addr add 10.209.4.1/24 dev br9');
  t.teardown(() => sh('ip link del br9'));
  t.match(await problems(net), [/overlaps that of br9 \(10\.209\.4\.1\/24\)/]);
});
