import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { Box } from '../support/box.js';
import { bin } from '../support/paths.js';

/** What thawd says when it does not start on a host that `prepare` has made; `by` runs it. */
async function refusal(
  t: { teardown(callback: () => Promise<void>): void },
  { prepare = ':', by = [], networks }: { prepare?: string; by?: readonly string[]; networks: object },
): Promise<{ said: string; links: string; rules: string }> {
  const box = await Box.open();
  t.teardown(() => box.close());
  await box.exec('sh', '-ec', prepare);
  const config = join(box.runDir, 'config.json');
  const runDir = join(box.runDir, 'run');
  await writeFile(
    config,
    JSON.stringify({
      runDir,
      storeDir: box.storeDir,
      socket: { group: 'root' },
      slots: { size: 0 },
      networks,
    }),
  );
  const command = [...by, process.execPath, bin('thawd'), '--config', config];
  const script = '"$@" 2>&1 && echo STARTED || true';
  const said = await box.exec('timeout', '20', 'sh', '-c', script, 'thawd', ...command);
  const links = await box.exec('ip', '-o', 'link', 'show');
  const rules = await box.exec('sh', '-c', 'nft list ruleset 2>/dev/null || true');
  return { said, links, rules };
}

const networks = { default: { bridge: 'thaw0', subnet: '10.88.0.0/24', subnet6: 'fd00:88::/64' } };

t.test('a bridge in another’s hands is left alone, and named', async (t) => {
  const prepare =
    'ip link add thaw0 type bridge; ip link set thaw0 alias "mine"; ip addr add 10.1.1.1/24 dev thaw0';
  const { said, links } = await refusal(t, { prepare, networks });
  t.match(said, /thaw0 is not thaw's.*mine/);
  t.match(said, /→/, 'with what to do');
  t.match(links, /thaw0.*alias mine|thaw0[^]*mine/, 'it is as it was');
});

t.test('an existing bridge that is not there is named', async (t) => {
  const { said, links } = await refusal(t, {
    networks: { default: { ...networks.default, existing: true } },
  });
  t.match(said, /thaw0.*there is none/);
  t.notMatch(links, 'thaw0');
});

t.test('a subnet that the host is in by another link is refused, of either family', async (t) => {
  const link = 'ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up';
  const four = await refusal(t, { prepare: `${link}; ip addr add 10.88.0.7/24 dev up0`, networks });
  t.match(four.said, /overlaps that of the link up0/);
  const six = await refusal(t, { prepare: `${link}; ip addr add fd00:88::7/64 dev up0 nodad`, networks });
  t.match(six.said, /overlaps that of the link up0 \(fd00:88::7\/64\)/);
  t.notMatch(six.links, 'thaw0', 'before anything is made');
});

t.test('networks that can’t be are refused with the reason', async (t) => {
  const cases: [object, RegExp][] = [
    [{ subnet6: 'fd00:88::/48' }, /\/64/],
    [{ subnet6: 'fe80::/64' }, /\/64/],
    [{ subnet6: 'fd00:88::/64', gateway6: 'fd00:99::1' }, /gateway.*fd00:99::1/],
    [{ subnet6: 'fd00:88::/64', mtu: 1000 }, /1280/],
    [{ gateway6: 'fd00:88::1' }, /no subnet6/],
  ];
  for (const [more, why] of cases) {
    const one = { default: { bridge: 'thaw0', subnet: '10.88.0.0/24', ...more } };
    const { said, links } = await refusal(t, { networks: one });
    t.match(said, why, JSON.stringify(more));
    t.notMatch(links, 'thaw0');
  }
  const twice = {
    default: networks.default,
    other: { ...networks.default, bridge: 'thaw1', subnet: '10.89.0.0/24' },
  };
  t.match((await refusal(t, { networks: twice })).said, /fd00:88::\/64 is that of default too/);
});

t.test('nft missing is named with the package that has it', async (t) => {
  const by = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /usr/sbin; exec "$@"', 'sh'];
  const { said } = await refusal(t, { by, networks });
  t.match(said, /nft.*\n.*nftables/, 'and how to get it');
  t.notMatch(said, 'STARTED');
});

t.test('without CAP_NET_ADMIN the daemon says so, and makes nothing', async (t) => {
  const by = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin', '--'];
  const { said, links, rules } = await refusal(t, { by, networks });
  t.match(said, /CAP_NET_ADMIN/);
  t.match(said, /→/, 'with what to do');
  t.notMatch(links, 'thaw0');
  t.equal(rules, '');
});
