/** The guest: what it is, what a snapshot keeps of it, and that it can't reach the host. */
import fs from 'node:fs';
import os from 'node:os';
import t from 'tap';
import { eventually, folder, host, ownNetwork, Vm } from './lab.js';

ownNetwork();
const fast = { FIRECRACKER_STANDIN_TIMING: '{"create":5}' };

t.test('a guest cannot reach the host', async (t) => {
  const vm = await Vm.start(t, folder(t), { env: fast });
  await vm.boot();
  const agent = await vm.agent();
  const before = { name: os.hostname(), id: read('/etc/machine-id'), pci: devices() };

  await t.test('its name and machine-id', async (t) => {
    t.equal(
      (await agent.sh('hostname stolen; hostname; cat /proc/sys/kernel/hostname')).out,
      'stolen\nstolen',
    );
    await agent.sh('echo 0123 > /etc/machine-id; echo stolen > /etc/hostname');
    t.equal((await agent.sh('cat /etc/machine-id')).out, '0123');
    t.equal(os.hostname(), before.name);
    t.equal(read('/etc/machine-id'), before.id);
  });

  await t.test('its clock', async (t) => {
    t.equal((await agent.sh('date -u -s @86400 > /dev/null; date -u +%F')).out, '1970-01-02');
    t.ok(Math.abs(((await agent.do('guest-get-time')) as number) / 1e9 - 86400) < 30, 'the agent agrees');
    await agent.do('guest-set-time', { time: 1_000_000_000_000_000_000 });
    t.match((await agent.sh('date -u +%Y-%m-%dT%H')).out, '2001-09-09T01');
    t.match((await agent.sh('date -u 0203040512')).out, /Feb +3 04:05/, 'the POSIX form');
    t.ok(Date.now() > Date.parse('2020-01-01'), 'the host goes on');
    for (const attempt of [
      `python3 -c 'import time; time.clock_settime(time.CLOCK_REALTIME, 0)'`,
      `perl -e 'require "syscall.ph"; exit(syscall(&SYS_clock_settime, 0, pack("qq", 0, 0)) == 0 ? 0 : 1)'`,
      `/dev/.guest/date -s @0`,
    ]) {
      t.not((await agent.sh(attempt)).code, 0, attempt.slice(0, 30));
    }
  });

  await t.test('its PCI bus and the rest of sysfs', async (t) => {
    t.equal((await agent.sh('echo 1 > /sys/bus/pci/rescan')).code, 0);
    t.match((await agent.sh('ls /sys/bus')).out, 'pci\nvirtio');
    t.match((await agent.sh('ls /sys/bus/pci/devices')).out, '0000:00:00.0\n0000:00:01.0');
    t.not((await agent.sh('echo 1 > /sys/kernel/mm/ksm/run')).code, 0);
    t.not((await agent.sh('echo mem > /sys/power/state')).code, 0);
    t.same(devices(), before.pci);
  });

  await t.test('its kernel', async (t) => {
    for (const attempt of [
      'echo c > /proc/sysrq-trigger',
      'echo 1 > /proc/sys/vm/drop_caches',
      'echo x > /proc/sys/kernel/core_pattern',
      'dmesg',
      'cat /dev/kmsg',
      'cat /proc/kmsg',
      'mount -t tmpfs x /mnt',
      'mount -o remount,rw /proc',
      'mknod /tmp/disk b 254 0',
      'cat /proc/1/root/etc/hostname',
      'chroot /proc/1/root true',
      'unshare -m true',
      'nsenter -t 1 -m true',
      `perl -e 'exit(kill(9, ${process.pid}) ? 0 : 1)'`,
    ]) {
      t.not(
        (await agent.sh(`timeout 5 ${/[|>]/.test(attempt) ? `sh -c '${attempt}'` : attempt}`)).code,
        0,
        attempt,
      );
    }
    t.equal(
      (await agent.sh('echo 1 > /proc/sys/net/ipv4/ip_forward; cat /proc/sys/net/ipv4/ip_forward')).out,
      '1',
    );
    t.equal(read('/proc/sys/net/ipv4/ip_forward'), '0', 'but its own network');
  });

  await t.test('its files', async (t) => {
    const mark = `standin-mark-${process.pid}`;
    await agent.sh(`for d in / /etc /usr/bin /root /var /tmp /run /home /opt; do echo x > $d/${mark}; done`);
    t.equal((await agent.sh(`cat /usr/bin/${mark} /tmp/${mark}`)).out, 'x\nx');
    for (const place of ['/', '/etc', '/usr/bin', '/root', '/var', '/tmp', '/run', '/home', '/opt']) {
      t.notOk(fs.existsSync(`${place}/${mark}`), place);
    }
    await agent.sh('rm -f /etc/passwd');
    t.ok(fs.existsSync('/etc/passwd'));
  });

  await t.test('its network', async (t) => {
    t.same((await agent.sh('ls /sys/class/net')).out, 'lo');
    await agent.sh('ip link add stolen type dummy');
    t.notMatch(host('ip -o link'), 'stolen');
  });
});

t.test('a reseed stays in the guest', async (t) => {
  const [store, env] = [folder(t), fast];
  const source = await Vm.start(t, folder(t), { env });
  await source.boot();
  const first = await source.agent();
  const draw = 'head -c 16 /dev/urandom | od -An -tx1';
  const one = (await first.sh(draw)).out;
  t.not((await first.sh(draw)).out, one, 'a stream, not a file');
  await first.close();
  await source.snapshot(store);
  await source.kill();

  const agents = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const clone = await Vm.start(t, folder(t), { env });
      await clone.load(store, { resume_vm: true });
      return clone.agent();
    }),
  );
  const [left, right, written, reseeded] = agents;
  if (!left || !right || !written || !reseeded) throw new Error('no clones');
  t.equal((await left.sh(draw)).out, (await right.sh(draw)).out, 'clones draw the same');
  await written.sh('echo seed > /dev/urandom');
  const ioctls =
    'import fcntl, struct; f = open("/dev/random", "wb"); ' +
    'fcntl.ioctl(f, 0x40085203, struct.pack("ii4s", 32, 4, b"seed")); fcntl.ioctl(f, 0x5207)';
  t.equal((await reseeded.sh(`python3 -c '${ioctls}'`)).code, 0);
  const all = await Promise.all([right, written, reseeded].map(async (agent) => (await agent.sh(draw)).out));
  t.equal(new Set(all).size, 3, 'reseeded ones differ');
});

t.test('a snapshot keeps what the guest knows', async (t) => {
  const [store, env] = [folder(t), fast];
  const source = await Vm.start(t, folder(t), { env });
  host('ip tuntap add old0 mode tap && ip tuntap add new0 mode tap');
  await source.boot([
    ['/network-interfaces/net1', { iface_id: 'net1', host_dev_name: 'old0', guest_mac: '06:00:00:00:00:01' }],
  ]);
  const agent = await source.agent();
  await agent.sh(`hostname kept; mkdir -p /srv/deep; echo text > /srv/deep/file; chmod 600 /srv/deep/file; ln -s deep /srv/link
    rm -f /etc/debian_version; rm -rf /usr/share/doc; mkdir /usr/share/doc; echo t > /tmp/t; echo r > /run/r
    ip addr add 10.1.2.3/24 dev eth0; ip link set eth0 mtu 1300 up; ip route add default via 10.1.2.1; ip -6 addr add fd00::5/64 dev eth0 nodad
    date -u -s @1000000 > /dev/null`);
  await agent.close();
  await source.snapshot(store);
  await source.kill();

  const clone = await Vm.start(t, folder(t), { env });
  await clone.load(store, {
    resume_vm: true,
    network_overrides: [{ iface_id: 'net1', host_dev_name: 'new0' }],
  });
  const inside = await clone.agent();
  t.equal(
    (
      await inside.sh(
        'hostname; cat /srv/link/file /tmp/t /run/r; stat -c %a /srv/deep/file; ls /usr/share/doc; ls /etc/debian_version 2>&1 | tail -c 26',
      )
    ).out,
    'kept\ntext\nt\nr\n600\nNo such file or directory',
  );
  t.match((await inside.sh('ip -br addr show eth0')).out, /10\.1\.2\.3\/24.*fd00::5\/64/);
  t.match((await inside.sh('ip link show eth0')).out, /mtu 1300.*06:00:00:00:00:01/s);
  t.match((await inside.sh('ip route')).out, 'default via 10.1.2.1 dev eth0');
  const clock = Number((await inside.sh('date -u +%s')).out);
  t.ok(clock >= 1_000_000 && clock < 1_000_060, 'the clock resumes where it stopped');
  host('ip addr add 10.1.2.1/24 dev new0 && ip link set new0 up');
  t.equal((await inside.sh('ping -c 1 -W 2 10.1.2.1 > /dev/null')).code, 0);
  t.match(host('ping -c 1 -W 2 10.1.2.3'), '1 received');
});

t.test('drives are files of the guest', async (t) => {
  const [store, env] = [folder(t), fast];
  const [a, b] = [folder(t), folder(t)];
  for (const path of [a, b]) {
    fs.writeFileSync(`${path}/root.img`, `root of ${path.slice(-6)}\n`);
    fs.writeFileSync(`${path}/data.img`, 'data\n');
  }
  const source = await Vm.start(t, a, { env });
  await source.boot([
    [
      '/drives/data',
      { drive_id: 'data', is_root_device: false, is_read_only: true, path_on_host: 'data.img' },
    ],
    ['/drives/root', { drive_id: 'root', is_root_device: true, path_on_host: 'root.img' }],
  ]);
  const agent = await source.agent();
  t.equal((await agent.sh('cat /dev/vda /dev/vdb')).out, `root of ${a.slice(-6)}\ndata`);
  await agent.sh('echo written > /dev/vda; echo spoiled > /dev/vdb');
  t.equal(read(`${a}/root.img`), 'written');
  t.equal(read(`${a}/data.img`), 'data', 'read-only');
  await agent.close();
  await source.snapshot(store);

  const clone = await Vm.start(t, b, { env });
  await clone.load(store, { resume_vm: true });
  t.equal(
    (await (await clone.agent()).sh('cat /dev/vda /dev/vdb')).out,
    `root of ${b.slice(-6)}\ndata`,
    'found by their relative paths',
  );
});

t.test('a killed VMM leaves nothing', async (t) => {
  const vm = await Vm.start(t, folder(t), { env: fast });
  host('ip tuntap add kept0 mode tap');
  await vm.boot([
    ['/network-interfaces/a', { iface_id: 'a', host_dev_name: 'kept0' }],
    ['/network-interfaces/b', { iface_id: 'b', host_dev_name: 'gone0' }],
  ]);
  const agent = await vm.agent();
  await agent.sh(
    '(setsid sleep 1000 & setsid sh -c "trap : TERM; while :; do sleep 1; done" &) > /dev/null 2>&1',
  );
  const inside = guestProcesses(vm.child.pid);
  t.ok(inside.length >= 3, 'a process tree');
  await vm.kill();
  await eventually(() => (inside.some(lives) ? undefined : true), 'the end of the guest');
  t.match(host('ip -o link'), 'kept0');
  t.notMatch(host('ip -o link'), 'gone0');
  t.notMatch(read('/proc/self/mountinfo'), 'fuse');
});

/** Whether a process does more than wait for the host's init to notice its end. */
function lives(pid: string): boolean {
  return /^State:\t[^ZX]/m.test(read(`/proc/${pid}/status`));
}

/** Everything in the PID namespace of a VMM's guest. */
function guestProcesses(vmm: number | undefined): string[] {
  const own = fs.readlinkSync('/proc/self/ns/pid');
  const all = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const namespace = (pid: string): string | undefined => {
    try {
      return fs.readlinkSync(`/proc/${pid}/ns/pid`);
    } catch {
      return undefined;
    }
  };
  const children = all.filter((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(vmm);
    } catch {
      return false;
    }
  });
  const spaces = new Set(children.map(namespace).filter((one) => one !== own));
  return all.filter((pid) => spaces.has(namespace(pid)));
}

function devices(): string[] {
  return fs.existsSync('/sys/bus/pci/devices') ? fs.readdirSync('/sys/bus/pci/devices') : [];
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
