import t from 'tap';
import { updateScript, type Script } from '../../../plugins/agent/qemu-ga/update-script.js';
import type { UpdatePart } from '../../../daemon/api/shapes/update.js';
import { answerIn, inGuest, lacking, shells } from './shells.js';

const userData = `two\nlines with it's "quotes" $(id) \\ é`;

/** An update of these parts only. */
function update(
  parts: readonly UpdatePart[],
  { vm = 'vm-a', programs = 5_000 }: { vm?: string; programs?: number } = {},
): Script {
  const document = {
    vm,
    machineId: 'a'.repeat(32),
    networks: ['front', 'back'],
    labels: { a: 'b' },
    userData,
  };
  const identity = {
    vm,
    hostname: vm,
    machineId: 'a'.repeat(32),
    nics: [],
    dns: [],
    entropy: '0f'.repeat(64),
  };
  return updateScript(
    { identity: { ...identity, document }, rescan: false, parts },
    { nicWait: 10, programs, clock: null, reseeder: '' },
  );
}

/** Puts a program into the guest's restore.d. */
const program = (name: string, body: string, mode = '755'): string =>
  `mkdir -p "$R/etc/thaw/restore.d"; cat > "$R/etc/thaw/restore.d/${name}" <<'END'
#!/bin/sh
${body}
END
chmod ${mode} "$R/etc/thaw/restore.d/${name}"\n`;

const later = (name: string): string => `sleep 1.1; touch /etc/thaw/restore.d/${name}`;

for (const shell of shells) {
  const skip = lacking(shell) ?? false;

  t.test(`${shell}: restore.d: in order, with the identity, once for each`, { skip }, (t) => {
    const prepare =
      program('20-second', 'echo second >> /run/order') +
      program(
        '10-first',
        'echo first >> /run/order; env | grep ^THAW_ > /run/env; printf %s "$THAW_USER_DATA" > /run/user',
      ) +
      program('15-data', 'echo never >> /run/order', '644') +
      program('15-old~', 'echo never >> /run/order');
    const parts = ['identity', 'scripts'] as const;
    const said = inGuest(shell, prepare, [
      update(parts),
      'cat /run/order',
      'cat /run/env',
      'cat /run/user; stat -c %a /run/thaw/identity.json',
      update(parts),
      update(parts, { vm: 'vm-b' }),
      'cat /run/order',
      later('20-second'),
      update(parts, { vm: 'vm-b' }),
      'cat /run/order',
    ]);
    t.strictSame(answerIn(said[0]).parts, { identity: { is: 'done' }, scripts: { is: 'done' } });
    t.equal(said[1], 'first\nsecond\n');
    for (const line of [
      'VM=vm-a',
      `MACHINE_ID=${'a'.repeat(32)}`,
      'NETWORKS=front back',
      'LABELS={"a":"b"}',
      'IDENTITY=/run/thaw/identity.json',
    ])
      t.match(said[2], `THAW_${line}\n`);
    t.equal(said[3], `${userData}600\n`, 'whatever its text holds, and only root reads it');
    t.strictSame(answerIn(said[4]).parts, { identity: { is: 'unchanged' }, scripts: { is: 'unchanged' } });
    t.strictSame(answerIn(said[5]).parts['scripts'], { is: 'done' }, 'a clone of the clone is somebody else');
    t.equal(said[6], 'first\nsecond\n'.repeat(2));
    t.strictSame(answerIn(said[8]).parts['scripts'], { is: 'done' }, 'a program was changed');
    t.equal(said[9], 'first\nsecond\n'.repeat(3));
    t.end();
  });

  t.test(
    `${shell}: restore.d: one that fails is told, the others run, and it is tried again`,
    { skip },
    (t) => {
      const prepare =
        program('10-bad', 'echo "no licence for $THAW_VM" >&2; exit 3') +
        program('20-good', 'echo good >> /run/order');
      const said = inGuest(shell, prepare, [
        update(['scripts']),
        "printf '#!/bin/sh\\nexit 0\\n' > /etc/thaw/restore.d/10-bad",
        update(['scripts']),
        'cat /run/order',
      ]);
      t.strictSame(answerIn(said[0]).parts['scripts'], {
        is: 'failed',
        reason: '10-bad: exit status 3, it said: no licence for vm-a (/run/thaw/restore.log)',
      });
      t.strictSame(answerIn(said[2]).parts['scripts'], { is: 'done' });
      t.equal(said[3], 'good\ngood\n');
      t.end();
    },
  );

  t.test(`${shell}: restore.d: one that hangs is ended with all it started, and told`, { skip }, (t) => {
    const prepare =
      program('10-hangs', '(sleep 2; echo hung >> /run/daemon) &\nsleep 4321') +
      program('20-late', 'exit 0') +
      program('05-daemon', '(sleep 0.2; echo lives > /run/daemon) &\nexit 0');
    const started = performance.now();
    const said = inGuest(shell, prepare, [
      update(['scripts'], { programs: 1_000 }),
      'sleep 1.5; cat /run/daemon',
    ]);
    t.ok(performance.now() - started < 30_000, 'nobody waits for the processes that it left');
    t.match(answerIn(said[0]).parts['scripts'], {
      is: 'failed',
      reason: /^10-hangs: killed: it took too long; 20-late: not run/,
    });
    t.equal(said[1], 'lives\n', 'what another started in good order goes on');
    t.end();
  });

  t.test(`${shell}: SSH host keys: new ones once for each VM, and only after a reseeding`, { skip }, (t) => {
    const keygen = `mkdir -p "$R/run/bin" "$R/etc/ssh" "$R/sys/bus/acpi/drivers/vmgenid/VMGENCTR:00"
      cat > "$R/run/bin/ssh-keygen" <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" != -f ] || F=$2; [ "$1" != -t ] || T=$2; shift; done
echo "$T $$" > "$F"; echo "$T $$ public" > "$F.pub"
END
      chmod 755 "$R/run/bin/ssh-keygen"; echo old > "$R/etc/ssh/ssh_host_ed25519_key"; echo root:x:0:0:root:/root:/bin/sh > "$R/etc/passwd"; export PATH=$PATH:/run/bin\n`;
    const both = ['randomness', 'ssh-host-keys'] as const;
    const look = 'ls -A /etc/ssh; cat /etc/ssh/ssh_host_ed25519_key';
    const said = inGuest(shell, keygen, [
      update(['ssh-host-keys']),
      update(both),
      look,
      update(both),
      look,
      update(both, { vm: 'vm-b' }),
      look,
    ]);
    const part = (index: number) => answerIn(said[index]).parts['ssh-host-keys'];
    t.match(part(0), { is: 'failed', reason: /not reseeded/ });
    t.strictSame(part(1), { is: 'done' });
    t.match(
      said[2],
      '.thaw-host-keys\nssh_host_ed25519_key\nssh_host_ed25519_key.pub\n',
      'of the type that was there',
    );
    t.notMatch(said[2], /^old$/m);
    t.strictSame(part(3), { is: 'unchanged' });
    t.equal(said[4], said[2]);
    t.strictSame(part(5), { is: 'done' });
    t.not(said[6], said[4]);
    const without = inGuest(shell, '', [update(both)]);
    t.match(answerIn(without[0]).parts['ssh-host-keys'], { is: 'unsupported', reason: /no OpenSSH/ });
    t.end();
  });
}

t.test('what is switched off is not even mentioned to the guest', (t) => {
  const wish = update(['hostname']);
  t.notMatch(wish.text, /restore\.d|ssh_host|0f0f/);
  t.match(wish.text.split('exec 3<&0')[1], /^ <\/dev\/null\nset_hostname 'vm-a' 'vm-a'\n\nM=/);
  t.notMatch(wish.input, 'THAW_', 'nor is what only that part needs');
  t.end();
});
