import fc from 'fast-check';
import t from 'tap';
import { quote } from '../../../plugins/agent/qemu-ga/quote.js';
import { detachScript, updateScript, type Script } from '../../../plugins/agent/qemu-ga/update-script.js';
import type { UpdatePart } from '../../../daemon/api/shapes/update.js';
import type { GuestNic, UpdateWish } from '../../../plugins/contract.js';
import { answerIn, inGuest, lacking, link, pciNic, shells } from './shells.js';

const standard: readonly UpdatePart[] = [
  'clock',
  'network',
  'hostname',
  'machine-id',
  'randomness',
  'identity',
  'scripts',
];
const mac1 = '02:00:00:00:00:01';
const mac2 = '02:00:00:00:00:02';
const nic1: GuestNic = {
  mac: mac1,
  addresses: ['10.9.0.5/16', 'fd00:0::5/64'],
  gateway: '10.9.0.1',
  mtu: 1400,
};
const nic2: GuestNic = { mac: mac2, addresses: ['10.8.0.5/24'], gateway: '10.8.0.1', mtu: 1500 };

const who = (over: Partial<UpdateWish['identity']> = {}): UpdateWish['identity'] => ({
  vm: 'vm-a',
  hostname: 'web-1',
  machineId: 'a'.repeat(32),
  nics: [nic1],
  dns: ['10.9.0.1', 'FD00::0:1'],
  entropy: '00ff'.repeat(32),
  document: { vm: 'vm-a', labels: { a: `it's "q" $(id) \`id\` \\ é` } },
  ...over,
});

const script = (
  over: Partial<UpdateWish['identity']> = {},
  more: { clock?: number; nicWait?: number; programs?: number; parts?: readonly UpdatePart[] } = {},
): Script =>
  updateScript(
    { identity: who(over), rescan: true, parts: more.parts ?? standard },
    {
      nicWait: more.nicWait ?? 300,
      programs: more.programs ?? 5_000,
      clock: more.clock ?? null,
      reseeder: '',
    },
  );

const vmgenid = 'mkdir -p "$R/sys/bus/acpi/drivers/vmgenid/VMGENCTR:00"\n';

for (const shell of shells) {
  const skip = lacking(shell) ?? false;

  t.test(
    `${shell}: a guest takes on its identity, and the second time there is nothing to do`,
    { skip },
    (t) => {
      const setUp = `${link('n1', mac1)}${link('n2', mac2)}${vmgenid}
      printf '127.0.0.1 localhost\\n127.0.1.1 source old\\n10.0.0.1 db\\n' > "$R/etc/hosts"
      ln -s ../run/stub "$R/etc/resolv.conf"; mkdir -p "$R/var/lib/dbus" || :
      echo ${'0'.repeat(32)} > "$R/etc/machine-id"\n`;
      const six2 = { addresses: [...nic2.addresses, 'fd01::5/64'], gateway6: 'fd01::1' };
      const wish = script({
        nics: [
          { ...nic1, gateway6: 'FD00::0:1' },
          { ...nic2, ...six2 },
        ],
      });
      const look = [
        'cat /etc/hosts',
        'cat /etc/hostname /proc/sys/kernel/hostname',
        'cat /etc/resolv.conf; [ ! -L /etc/resolv.conf ] && echo plain',
        'cat /run/thaw/identity.json',
        'ip -o addr show dev n1; ip -o addr show dev n2; ip link show n1',
        'ip route',
        'ip -6 route show default; cat /proc/sys/net/ipv6/conf/n1/addr_gen_mode',
      ];
      const [first, ...rest] = inGuest(shell, setUp, [wish, ...look, wish]);
      const answer = answerIn(first);
      t.strictSame(answer.parts, {
        clock: { is: 'unchanged' },
        network: { is: 'done' },
        hostname: { is: 'done' },
        'machine-id': { is: 'done' },
        randomness: { is: 'done' },
        identity: { is: 'done' },
        scripts: { is: 'unchanged' },
      });
      t.strictSame(answer.interfaces, { [mac1]: 'n1', [mac2]: 'n2' });
      t.equal(answer.hostname, 'web-1');
      t.equal(answer.machineId, 'a'.repeat(32));
      const [hosts, name, resolver, identity, addresses, routes, routes6, second] = rest;
      t.equal(
        hosts,
        '127.0.0.1 localhost\n127.0.1.1 web-1\n10.0.0.1 db\n',
        'its line replaced, the others kept',
      );
      t.equal(name, 'web-1\nweb-1\n');
      t.equal(resolver, 'nameserver 10.9.0.1\nnameserver fd00::1\nplain\n');
      t.strictSame(JSON.parse(identity ?? ''), who().document, 'whatever its text holds');
      for (const shown of ['10.9.0.5/16', 'fd00::5/64', '10.8.0.5/24', 'mtu 1400', 'UP'])
        t.match(addresses, shown);
      t.match(routes, 'default via 10.9.0.1 dev n1');
      t.match(routes, /default via 10.8.0.1 dev n2 +metric 100/, 'the second gateway stands behind');
      t.match(routes6, /default via fd00::1 dev n1 .*metric 1024/, 'each family has its own gateway');
      t.match(
        routes6,
        /default via fd01::1 dev n2 .*metric 10000/,
        'and there, too, the second stands behind',
      );
      t.match(routes6, /^0$/m, 'its link-local address will be the one that the host lets pass');
      const again = answerIn(second);
      for (const part of ['clock', 'network', 'hostname', 'machine-id', 'identity']) {
        t.strictSame(again.parts[part], { is: 'unchanged' }, part);
      }
      t.end();
    },
  );

  t.test(`${shell}: an address that is no longer its own goes`, { skip }, (t) => {
    const moved = script({ nics: [{ ...nic1, addresses: ['10.9.0.6/16'], gateway: '10.9.0.2' }] });
    const said = inGuest(shell, link('n1', mac1), [
      script(),
      moved,
      'ip -o addr show dev n1; ip route',
      moved,
    ]);
    t.strictSame(answerIn(said[1]).parts['network'], { is: 'done' });
    t.match(said[2], '10.9.0.6/16');
    t.match(said[2], 'default via 10.9.0.2');
    t.notMatch(said[2], '10.9.0.5');
    t.strictSame(answerIn(said[3]).parts['network'], { is: 'unchanged' });
    t.end();
  });

  t.test(
    `${shell}: a NIC from a snapshot gets another MAC, and keeps nothing of its source`,
    { skip },
    (t) => {
      const was = ['02:00:00:00:00:a1', '02:00:00:00:00:a2'];
      const setUp = was
        .map(
          (mac, n) => `${link(`n${n}`, mac)}ip link set n${n} up; ip addr add 10.9.7.${n + 1}/24 dev n${n}\n`,
        )
        .join('');
      const nics = [nic1, nic2].map((nic, n) => ({ ...nic, formerMac: was[n]! }));
      const wish = updateScript(
        { identity: who({ nics }), rescan: false, parts: ['network'] },
        { nicWait: 300, programs: 0, clock: null, reseeder: '' },
      );
      const look = 'ip -o link; ip -o addr; ip route';
      const [first, seen, second, again] = inGuest(
        shell,
        `${setUp}ip route add default via 10.9.7.254 dev n0\n`,
        [wish, look, wish, look],
      );
      t.strictSame(answerIn(first).parts, { network: { is: 'done' } });
      t.strictSame(answerIn(first).interfaces, { [mac1]: 'n0', [mac2]: 'n1' });
      for (const gone of [...was, '10.9.7.']) t.notMatch(seen, gone);
      for (const shown of [mac1, mac2, '10.9.0.5/16', 'default via 10.9.0.1 dev n0']) t.match(seen, shown);
      t.strictSame(answerIn(second).parts, { network: { is: 'unchanged' } });
      t.equal(again, seen);
      t.end();
    },
  );

  t.test(`${shell}: a NIC that comes late, after the rescan, is waited for`, { skip }, (t) => {
    // Who is behind the bus answers a moment after it is asked.
    const late = `: > "$R/sys/bus/pci/rescan"
      (until [ -s "$R/sys/bus/pci/rescan" ]; do sleep 0.02; done; sleep 0.2; ${link('n1', mac1)}) &\n`;
    const wish = script({}, { nicWait: 20_000, parts: ['network'] });
    const answer = answerIn(inGuest(shell, late, [wish])[0]);
    t.strictSame(answer.parts, { network: { is: 'done' } }, 'only the network was asked for');
    t.end();
  });

  t.test(`${shell}: a NIC that never appears: why, by what the guest shows`, { skip }, (t) => {
    const drivers = 'mkdir -p "$R/sys/bus/pci/drivers/virtio-pci"\n';
    const cases: [string, string][] = [
      ['rmdir "$R/sys/bus/pci/devices" "$R/sys/bus/pci"\n', 'nothing on the bus: the kernel has no PCI'],
      ['', 'nothing on the bus: no NIC appeared'],
      [pciNic(), 'no driver: the PCI device 0000:00:02.0 is there, but the kernel has no virtio_pci'],
      [pciNic() + drivers, 'probe failed: virtio-pci refused 0000:00:02.0'],
      [
        pciNic(['driver', 'virtio1']),
        'no driver: the PCI device 0000:00:02.0 is there, but the kernel has no virtio_net',
      ],
      [
        `${pciNic(['driver', 'virtio1'])}mkdir -p "$R/sys/bus/virtio/drivers/virtio_net"\n`,
        'probe failed: virtio_net refused 0000:00:02.0',
      ],
      [pciNic(['driver', 'virtio1/net/eth0']), `not among its 1 virtio NICs: none has the MAC ${mac1}`],
    ];
    for (const [prepare, why] of cases) {
      const part = answerIn(inGuest(shell, prepare, [script({}, { nicWait: 50 })])[0]).parts['network'];
      t.equal(part?.is, 'failed', why);
      t.equal(part?.reason?.slice(0, why.length), why);
    }
    t.end();
  });

  t.test(`${shell}: what can’t be done is told, and does not stop the rest`, { skip }, (t) => {
    const readOnly = `${link('n1', mac1)}mount -t tmpfs -o ro tmpfs "$R/etc"; mount -o remount,ro "$R/run"\n`;
    const { parts, hostname } = answerIn(
      inGuest(shell, readOnly, [script({}, { clock: 1_800_000_000_600 })])[0],
    );
    t.match(parts['network'], { is: 'failed', reason: /resolv.conf: Read-only/i });
    t.match(parts['hostname'], { is: 'failed', reason: /hostname: Read-only/i });
    t.equal(hostname, 'web-1', 'the kernel has taken the name');
    t.match(parts['machine-id'], { is: 'failed', reason: /Read-only/i });
    t.match(parts['identity'], { is: 'failed', reason: /Read-only/i });
    t.match(parts['clock'], { is: 'failed', reason: /permitted/ }, 'no right to set the clock');
    const expected = shell === 'busybox' ? 'unsupported' : 'failed';
    t.equal(parts['randomness']?.is, expected, 'written to /dev/urandom alone is not done');
    t.end();
  });

  t.test(`${shell}: before an unplug the link goes down and the device is removed`, { skip }, (t) => {
    const device = `${pciNic(['virtio1/net/n1'])}: > "$R/sys/bus/pci/devices/0000:00:02.0/remove"\n`;
    const said = inGuest(shell, `${link('n1', mac1)}ip link set n1 up\n${device}`, [
      detachScript(mac1),
      'ip link show n1; cat /sys/bus/pci/devices/0000:00:02.0/remove',
      detachScript(mac2),
    ]);
    t.strictSame(JSON.parse(said[0] ?? ''), { gone: true });
    t.notMatch(said[1], /[<,]UP[,>]/);
    t.match(said[1], /\n1\n$/);
    t.strictSame(JSON.parse(said[2] ?? ''), { gone: true }, 'one that is not there is gone');
    const stuck = `${link('n1', mac1)}${pciNic(['virtio1/net/n1', 'remove'])}`;
    const got = JSON.parse(inGuest(shell, stuck, [detachScript(mac1)])[0] ?? '') as {
      gone: boolean;
      why: string;
    };
    t.equal(got.gone, false);
    t.match(got.why, 'remove');
    t.end();
  });

  t.test(`${shell}: no name, label or address can become a command`, { skip }, (t) => {
    const nasty = fc.string({
      unit: fc.constantFrom(...Array.from('\'"`$(){};&|<>\\\n\t #*?~!=-aé')),
      maxLength: 20,
    });
    const words = fc.sample(nasty, { numRuns: 40, seed: 7 });
    // Each as an argument of printf, all in one start of the shell.
    const text = words.map((word) => `printf '%s\\036' ${quote(word)}`).join('\n');
    const [said] = inGuest(shell, '', [{ text: `{ ${text}\n} | tr '\\036' '\\037'`, input: '' }]);
    t.strictSame(said?.split('\x1f').slice(0, -1), words);

    const hostname = `a'; touch /run/broken; '$(touch /run/broken)\`touch /run/broken\``;
    const acts = [
      script({ hostname, machineId: hostname, document: { hostname } }),
      'ls /run/broken; cat /etc/hostname',
    ];
    const [answer, after] = inGuest(shell, link('n1', mac1), acts);
    t.equal(answerIn(answer).machineId, hostname, 'and the answer is still JSON');
    t.match(after, hostname);
    t.notMatch(after, /^\/run\/broken$/m);
    t.end();
  });
}

for (const shell of ['dash', 'bash'] as const) {
  t.test(`${shell}: a NIC that udev renames in the middle is set up all the same`, (t) => {
    const ip =
      '#!/bin/sh\n[ -e /run/moved ] || { : > /run/moved; /bin/ip link set n1 name moved; }\nexec /bin/ip "$@"';
    const renames = `mount -t tmpfs tmpfs "$R/usr/local/sbin"; printf '%s' ${quote(ip)} > "$R/usr/local/sbin/ip"
      chmod 755 "$R/usr/local/sbin/ip"\n`;
    const wish = script({}, { parts: ['network'] });
    const [said, seen] = inGuest(shell, `${link('n1', mac1)}${renames}`, [wish, '/bin/ip -o addr']);
    t.strictSame(answerIn(said).parts, { network: { is: 'done' } });
    t.strictSame(answerIn(said).interfaces, { [mac1]: 'moved' });
    t.match(seen, /moved +inet 10\.9\.0\.5\/16/);
    t.end();
  });
}

t.test('what is not quoted is checked', (t) => {
  const bad: Partial<GuestNic>[] = [
    { mac: '02:00:00:00:00:01; reboot' },
    { mac: '$(reboot)' },
    { addresses: ['10.0.0.1/8; reboot'] },
    { addresses: ['10.0.0.1'] },
    { addresses: ['fe80::1%eth0/64'] },
    { gateway: '10.0.0.1 dev lo' },
    { mtu: 1.5 },
  ];
  for (const over of bad) t.throws(() => script({ nics: [{ ...nic1, ...over }] }), JSON.stringify(over));
  t.throws(() => script({ dns: ['8.8.8.8\nsearch evil'] }));
  t.throws(() => detachScript("'; reboot '"));
  t.notMatch(script({ entropy: "'; reboot" }).input, 'reboot', 'entropy is hexadecimal');
  t.end();
});

t.test('secrets and user data stand on standard input, not in the guest’s process list', (t) => {
  const wish = script({ entropy: 'c0ffee'.repeat(20), document: { token: 'hush' } });
  t.notMatch(wish.text, /c0ffee|hush/);
  t.equal(
    wish.input,
    `${'c0ffee'.repeat(20)}\n{"token":"hush"}\nTHAW_TOKEN='hush' THAW_IDENTITY='/run/thaw/identity.json'\n`,
  );
  t.ok(wish.text.length < 65_536, 'far below the 128 kB of one argument');
  t.end();
});
