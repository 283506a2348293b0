import t from 'tap';
import { Cgroups } from '../../daemon/vmm/cgroups.js';

const cx = { signal: new AbortController().signal, probe: { effect: () => undefined } };

t.test('a VMM that is a unit of systemd’s is not taken out of its cgroup', async (t) => {
  const cgroups = new Cgroups({ parent: '/sys/fs/cgroup/thaw', limits: {}, slice: 'thaw-vms.slice' });
  t.equal(await cgroups.confinement(undefined, cx), null);
  await t.rejects(cgroups.confinement({ pids: 10 }, cx), {
    reason: 'cgroups-unavailable',
    message: /thaw-vms\.slice/,
  });
  await t.rejects(cgroups.standard({ memoryMib: 512 }, cx), { reason: 'cgroups-unavailable', code: 1112 });
});
