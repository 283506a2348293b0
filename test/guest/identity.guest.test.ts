import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Outside, outside } from '../e2e/outside.js';
import { only, stopAll } from '../support/flow.js';
import { inGuests, linuxHost } from '../support/linux-guest.js';

const net = {
  bridge: 'thaw0',
  subnet: '10.209.0.0/24',
  subnet6: 'fd00:209::/64',
  mtu: 1420,
  dns: ['192.0.2.53'],
  isolate: false,
};
const host = await linuxHost(t, { config: { networks: { default: net } } });
const beyond = await Outside.open(host);
const distinct = (values: readonly unknown[]): number => new Set(values).size;

/** Serves a megabyte beyond the host, to whoever connects. */
const megabyte = Buffer.alloc(1 << 20, 'thaw ');
const server = `require('net').createServer((one) => one.end(Buffer.alloc(1 << 20, 'thaw '))).listen(8080)`;
const startServer = `'${process.execPath}' -e "${server}" >/dev/null 2>&1 & echo $!`;

t.test('three clones at once: each is itself, and reaches whom it shall', async (t) => {
  // By then the clock of the snapshot is behind.
  await sleep(1_500);
  const names = ['alpha', 'beta', 'gamma'];
  const { clones } = await host.client.snapshot.restore({
    snapshot: 'base',
    names,
    ping: true,
    userData: 'for you',
  });
  const vms = clones.map((clone) => only([clone]));
  t.strictSame(
    vms.map(({ word }) => word),
    ['ready', 'ready', 'ready'],
  );
  t.equal(distinct(vms.map(({ attachments: [nic] }) => nic?.addresses[0])), 3);

  /** What the updates took, in milliseconds: a clock is as late as its guest was with being told. */
  let took = 0;
  await t.test('every part of the update is the guest’s own answer', async (t) => {
    for (const vm of names) {
      const { timelines } = await host.client.vm.timeline({ vm });
      const update = timelines[0]?.spans.find(({ kind, name }) => kind === 'step' && name === 'update');
      took = Math.max(took, (update?.end ?? NaN) - (update?.start ?? NaN));
      const done = { is: 'done' };
      t.match(update?.detail, {
        parts: {
          clock: done,
          network: done,
          hostname: done,
          'machine-id': done,
          randomness: done,
          identity: done,
        },
      });
    }
  });

  await t.test('names, numbers, clock, network, as the guest’s kernel and files have them', async (t) => {
    const asked = Date.now();
    const said = await inGuests(
      host,
      vms,
      `date +%s; hostname; cat /etc/machine-id; cat /sys/class/net/eth0/address; cat /sys/class/net/eth0/mtu
       ip -o -4 addr show dev eth0; ip -o -6 addr show dev eth0 scope global; ip route | grep ^default; cat /etc/resolv.conf; cat /run/thaw/identity.json; echo
       head -c 16 /dev/urandom | od -An -tx1`,
    );
    for (const [index, text] of said.entries()) {
      const vm = vms[index];
      const [nic] = vm?.attachments ?? [];
      const [date, hostname, id, mac, mtu, four, six, route, resolver, identity] = text.split('\n');
      const off = Number(date) * 1000 - asked;
      // A second at most, and it told whole ones only.
      t.ok(off > -2_000 - took && off < Date.now() - asked + 1_000, `its clock is ${off} ms off`);
      t.strictSame([hostname, mac, mtu], [vm?.name, nic?.mac, '1420']);
      t.match(id, /^[0-9a-f]{32}$/);
      t.not(id, '0123456789abcdef0123456789abcdef', 'not the source’s any more');
      t.match(four, ` ${nic?.addresses[0] ?? '-'} `);
      t.match(six, ` ${nic?.addresses[1] ?? '-'} `);
      t.match(route, 'default via 10.209.0.1 dev eth0');
      t.equal(resolver, 'nameserver 192.0.2.53');
      t.match(JSON.parse(identity ?? ''), { vm: vm?.id, name: vm?.name, userData: 'for you' });
    }
    const lines = said.map((text) => text.split('\n'));
    t.equal(distinct(lines.map(([, , id]) => id)), 3, 'machine-ids');
    t.equal(distinct(lines.map((all) => all.at(-1))), 3, 'random numbers');
  });

  await t.test(
    'ping from the host, to the host, from guest to guest, and a download through NAT',
    async (t) => {
      const { pings } = await host.client.network.check({ ping: true });
      t.equal(pings.filter(({ milliseconds }) => milliseconds !== null).length, 6, 'IPv4 and IPv6');
      const addresses = vms.map(({ attachments: [nic] }) => nic?.addresses[0]?.split('/')[0] ?? '');
      const serving = (await beyond.exec('sh', '-c', startServer)).trim();
      const said = await inGuests(
        host,
        vms,
        `for A in 10.209.0.1 ${addresses.join(' ')}; do ping -c 1 -W 5 $A >/dev/null && echo yes || echo no; done
       N=0; until nc ${outside.four} 8080 > /tmp/got; do N=$((N + 1)); [ $N -lt 50 ] || exit 1; sleep 0.1; done
       sha256sum < /tmp/got`,
      );
      const sum = createHash('sha256').update(megabyte).digest('hex');
      for (const text of said) t.equal(text, `yes\nyes\nyes\nyes\n${sum}  -`);
      await beyond.exec('kill', serving);
    },
  );

  t.strictSame((await host.client.network.check({})).findings, []);
  await stopAll(host);
  await beyond.close();
  t.strictSame(await host.leftovers(), []);
});

t.test('what is switched off is not touched, and stays the source’s', async (t) => {
  const parts = { clock: false, hostname: false, 'machine-id': false, identity: false };
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base', names: ['stranger'], parts });
  const asked = Date.now();
  const [said = ''] = await inGuests(
    host,
    [only(clones)],
    'date +%s; hostname; cat /etc/machine-id; ls /run/thaw/identity.json 2>/dev/null; true',
  );
  const [date, ...rest] = said.split('\n');
  t.ok(Number(date) * 1000 < asked - 1_400, 'its clock is behind');
  t.strictSame(rest, ['source', '0123456789abcdef0123456789abcdef']);
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});

t.test('an update that is asked for again finds nothing to do', async (t) => {
  const { clones } = await host.client.snapshot.restore({ snapshot: 'base', names: ['again'] });
  only(clones);
  const { update } = await host.client.agent.update({ vm: 'again' });
  t.match(update.parts, {
    network: { is: 'unchanged' },
    hostname: { is: 'unchanged' },
    'machine-id': { is: 'unchanged' },
    randomness: { is: 'done' },
  });
  await stopAll(host);
  t.strictSame(await host.leftovers(), []);
});
