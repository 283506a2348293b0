import t from 'tap';
import { errorRegistry } from '../../../daemon/api/errors/index.js';
import { commands } from '../../../client/cli/commands/index.js';
import { parse } from '../../../client/cli/parse.js';
import { exit, exitCodeOf, exitCodeOfMany, exitMeanings } from '../../../client/cli/exit.js';
import { ThawError } from '../../../daemon/api/thaw-error.js';
import { fault, startFake } from './fake-daemon.js';
import { vm } from './samples.js';
import { thaw } from './thaw.js';

const codes: readonly (readonly [reason: string, code: number, retryable: boolean, expected: number])[] = [
  ['vmm-refused', 2103, false, 1],
  ['invalid-params', -32602, false, 2],
  ['not-permitted', 1002, false, 4],
  ['path-not-allowed', 1101, false, 4],
  ['vm-unknown', 2001, false, 5],
  ['snapshot-unknown', 3001, false, 5],
  ['vm-busy', 2003, true, 7],
];

for (const [reason, code, retryable, expected] of codes) {
  void t.test(`the daemon’s ${reason} ends with exit code ${expected}`, async (t) => {
    const error = fault(code, reason, { retryable, operation: 'op-0123456789' });
    const fake = await startFake(t, { 'vm.get': () => ({ error }) });
    const forPeople = await thaw(['show', 'x', '--socket', fake.socket]);
    t.equal(forPeople.code, expected);
    t.equal(forPeople.stdout, '');
    t.equal(
      forPeople.stderr,
      `✗ message of ${reason}\n  → remedy of ${reason}\n  what was done: thaw timeline op-0123456789\n`,
    );
    const forPrograms = await thaw(['--json', 'show', 'x', '--socket', fake.socket]);
    t.equal(forPrograms.code, expected);
    t.equal(forPrograms.stdout, '');
    t.match(JSON.parse(forPrograms.stderr), { error: { code, data: { reason, retryable } } });
  });
}

void t.test('no daemon: exit code 3 and what to do', async (t) => {
  const { code, stderr } = await thaw(['ps', '--socket', '/nowhere/d.sock']);
  t.equal(code, exit.unreachable);
  t.match(stderr, /\/nowhere\/d\.sock.*\n {2}→ .*systemctl start thawd/);
});

void t.test('no daemon is the first thing that the doctor finds', async (t) => {
  const { code, stdout, stderr } = await thaw(['doctor', '--json', '--socket', '/nowhere/d.sock']);
  t.equal(code, exit.unreachable);
  t.equal(stderr, '');
  t.match(JSON.parse(stdout), { diagnoses: [{ check: 'daemon', level: 'problem', remedy: /systemctl/ }] });
});

void t.test('a connection that breaks during a change is not taken for success', async (t) => {
  const fake = await startFake(t, {
    'vm.stop': (_seen, peer) => {
      peer.hangUp();
      return undefined;
    },
  });
  const { code, stdout, stderr } = await thaw(['stop', 'web-1', '--socket', fake.socket]);
  t.equal(code, exit.unreachable);
  t.equal(stdout, '');
  t.match(stderr, /outcome is unknown/);
});

const failing = { ok: false, name: 'web-2', error: fault(3105, 'tap-busy', { retryable: true }) };

void t.test('some clones failed: the others are shown, the exit code says so', async (t) => {
  const clones = [{ ok: true, vm }, failing];
  const fake = await startFake(t, { 'snapshot.restore': () => ({ result: { clones } }) });
  const forPeople = await thaw(['restore', 'golden', '-n', '2', '--socket', fake.socket]);
  t.equal(forPeople.code, exit.someFailed);
  t.match(forPeople.stdout, /^✓ web-1 [^\n]*\n$/);
  t.match(forPeople.stderr, /^✗ web-2: message of tap-busy\n {2}→ remedy of tap-busy\n$/);
  const forPrograms = await thaw(['restore', 'golden', '-n', '2', '--json', '--socket', fake.socket]);
  t.equal(forPrograms.code, exit.someFailed);
  t.strictSame(JSON.parse(forPrograms.stdout), { clones });
});

void t.test('all clones failed for one reason: the exit code is that of the reason', async (t) => {
  const fake = await startFake(t, { 'snapshot.restore': () => ({ result: { clones: [failing, failing] } }) });
  const { code } = await thaw(['restore', 'golden', '-n', '2', '--socket', fake.socket]);
  t.equal(code, exit.retryable);
});

void t.test('one VM that can’t be stopped does not keep the others', async (t) => {
  const fake = await startFake(t, {
    'vm.stop': ({ params }) =>
      params['vm'] === 'b' ? { error: fault(2001, 'vm-unknown') } : { result: { vm: params['vm'] } },
  });
  const { code, stdout } = await thaw(['stop', 'a', 'b', 'c', '--json', '--socket', fake.socket]);
  t.equal(code, exit.someFailed);
  t.match(JSON.parse(stdout), { stopped: ['a', 'c'], failed: [{ vm: 'b', error: { code: 2001 } }] });
});

void t.test('what a check or the doctor finds is a failure; a warning is none', async (t) => {
  const finding = { what: 'tap th0', vm: 'web-1', problem: 'gone', remedy: 'restore again' };
  const diagnosis = { check: 'kvm', found: 'nothing', remedy: 'modprobe kvm' };
  let level = 'problem';
  const fake = await startFake(t, {
    'network.check': () => ({ result: { findings: [finding], pings: [] } }),
    'system.doctor': () => ({ result: { diagnoses: [{ ...diagnosis, level }] } }),
    'agent.check': () => ({ result: { vm: 'web-1', diagnoses: [{ ...diagnosis, level }] } }),
    'agent.update': () => ({
      result: {
        update: {
          parts: { clock: { is: 'failed', reason: 'EPERM' } },
          interfaces: {},
          hostname: null,
          machineId: null,
        },
      },
    }),
  });
  const run = async (...args: string[]) => (await thaw([...args, '--socket', fake.socket])).code;
  t.equal(await run('check'), exit.failed);
  t.equal(await run('doctor'), exit.failed);
  t.equal(await run('guest', 'check', 'web-1'), exit.failed);
  t.equal(await run('update', 'web-1'), exit.failed);
  level = 'warning';
  t.equal(await run('doctor'), exit.ok);
  t.equal(await run('guest', 'check', 'web-1'), exit.ok);
});

void t.test('a guest’s words can’t steer the terminal', async (t) => {
  const evil = '\u001b]0;owned\u0007\u001b[2J\u009b31m';
  const error = { ...fault(3203, 'update-failed'), message: `it said: ${evil}` };
  const fake = await startFake(t, {
    'vm.get': () => ({ error }),
    'vm.list': () => ({ result: { vms: [{ ...vm, name: `a${evil}` }] } }),
  });
  const shown = [
    await thaw(['show', 'x', '--socket', fake.socket]),
    await thaw(['ps', '--socket', fake.socket]),
  ].map(({ stdout, stderr }) => stdout + stderr);
  for (const text of shown) {
    t.match(text, 'owned');

    t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  }
});

const misspelt: readonly (readonly [args: string, near: RegExp])[] = [
  ['resotre x', /no command "resotre"; did you mean restore\?/],
  ['snapshot crate x', /no command "snapshot crate"; did you mean create\?/],
  ['restore x --cuont 3', /no option --cuont; did you mean --count\?/],
  ['restore x --strat none', /no option --strat; did you mean --strategy\?/],
  ['completion bsh', /no completion for bsh; did you mean bash\?/],
  ['frobnicate', /no command "frobnicate"\n/],
  ['restore', /needs SNAPSHOT/],
  ['restore a b', /one word too many: b/],
  ['restore a -n three', /--count three: not a whole number/],
  ['restore a -n 0', /from 1 to 1024/],
  ['restore a -n 1 --name b', /not both/],
  ['restore a --count 1 --count 2', /given twice/],
  ['restore a --strategy overide', /one of auto, .*; did you mean override\?\n.*→ See `thaw restore --help`/],
  ['restore a --without clok', /one of .*; did you mean clock\?/],
  ['restore a --nic adress=1', /"adress=1" is not one of network=…, address=…, mac=…, port=…, rx=…, /],
  ['boot --kernel k --nic id=eth0', /"id=eth0" is not one of network=…/],
  ['restore a --nic rx=fast', /--nic rx=fast: rx: not a rate in bits per second like 500kbit/],
  ['attach a --rx 10mbps', /--rx 10mbps: not a rate in bits/],
  ['attach a --tx 0kbit', /--tx 0kbit: not a rate/],
  ['attach a --tx 1mbit --tx-burst lots', /--tx-burst lots: not a number of bytes/],
  ['attach a --tx 8mbit --tx-burst 97k', /--tx-burst 97k: 100000 bytes at least at this rate/],
  ['attach a --rx 1mbit --tx-burst 1m', /--tx-burst 1m: tx, whose burst it is, is not given/],
  ['restore a --nic tx-ops=0', /tx-ops: not a whole number of packets/],
  ['restore a --nic port=80', /not of the form \[ADDRESS:\]HOST:GUEST/],
  ['attach a --port x:80', /--port x:80: not of the form/],
  ['restore a --name --ping', /--ping looks like an option/],
  ['boot', /no kernel/],
  ['boot --kernel k --drive /x', /ID=FILE/],
  ['boot --kernel k --label x', /key=value/],
  ['boot --config /nowhere.json', /can't be read: ENOENT/],
  ['ping a --timeout 5parsecs', /not a duration/],
  ['ps --json=yes', /takes no value/],
  ['ps --progress loud', /auto, plain, off/],
  ['stop', /--all/],
  ['rpc vm.get [1]', /not a JSON object/],
  ['events --since 5', /EPOCH:NUMBER/],
];

for (const [args, near] of misspelt) {
  void t.test(`thaw ${args}: refused before anything is sent`, async (t) => {
    const fake = await startFake(t, {});
    const { code, stderr, stdout } = await thaw([...args.split(' '), '--socket', fake.socket]);
    t.equal(code, exit.usage);
    t.equal(stdout, '');
    t.match(stderr, near);
    t.strictSame(fake.seen, []);
  });
}

void t.test('whoever reads the output may stop reading', async (t) => {
  const fake = await startFake(t, {
    'events.subscribe': ({ id }, peer) => {
      peer.send({ jsonrpc: '2.0', id, result: { epoch: 'e', seq: 0, resumed: false, vms: [] } });
      const event = { at: 0, type: 'vm.ready', vm: 'v', snapshot: null, operation: null };
      for (let seq = 1; seq <= 500; seq++) {
        peer.send({
          jsonrpc: '2.0',
          method: 'events.event',
          params: { ...event, seq, detail: 'x'.repeat(1000) },
        });
      }
      return undefined;
    },
  });
  const { code, stderr } = await thaw(['events', '--socket', fake.socket], {
    meanwhile: (child) => child.stopReading(),
  });
  t.equal(code, exit.pipeClosed);
  t.equal(stderr, '');
});

void t.test('every command that a remedy names exists', (t) => {
  const named = errorRegistry.flatMap(({ template }) =>
    [...`${template.message} ${template.remedy}`.matchAll(/`thaw ([^`]+)`/g)].map(([, line = '']) => line),
  );
  t.ok(named.length > 5, 'there are such');
  for (const line of named) {
    const words = line.split(' ');
    t.doesNotThrow(() => parse([...words, '--help'], commands), `thaw ${line}`);
    t.ok(parse([...words, '--help'], commands).command, `thaw ${line} is a command, not a group`);
  }
  t.end();
});

void t.test('each exit code has one meaning', (t) => {
  t.strictSame(
    exitMeanings.map(([code]) => code),
    Object.values(exit),
  );
  const error = (reason: string, retryable: boolean) =>
    new ThawError({ code: 1, message: '', detail: { reason, retryable, remedy: '' } });
  t.equal(exitCodeOf('no error at all'), exit.failed);
  t.equal(exitCodeOfMany([], 3), exit.ok);
  t.equal(exitCodeOfMany([error('tap-busy', true), error('vm-unknown', false)], 2), exit.failed);
  t.end();
});
