import t from 'tap';
import { exit } from '../../../client/cli/exit.js';
import { type Answers, fault, type Peer, startFake } from './fake-daemon.js';
import { vm } from './samples.js';
import { thaw } from './thaw.js';

/** A daemon that works on a restore until it is told to stop, and then answers as `onCancel` says. */
function working(onCancel: (peer: Peer, id: number) => void): Answers {
  let pending = 0;
  return {
    'snapshot.restore': ({ id = 0 }) => {
      pending = id;
      return undefined;
    },
    '$/cancelRequest': (_seen, peer) => {
      onCancel(peer, pending);
      return undefined;
    },
  };
}

const cancelled = fault(1001, 'cancelled', { retryable: true });

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  void t.test(`${signal} cancels the request and waits until the daemon has undone it`, async (t) => {
    const fake = await startFake(
      t,
      working((peer, id) => peer.send({ jsonrpc: '2.0', id, error: cancelled })),
    );
    const { code, stdout, stderr } = await thaw(['restore', 'golden', '--socket', fake.socket], {
      meanwhile: async (child) => {
        await fake.saw('snapshot.restore');
        child.kill(signal);
      },
    });
    t.equal(code, exit.interrupted);
    t.equal(stdout, '');
    t.match(stderr, /the daemon undoes what it has begun/);
    t.strictSame(
      fake.seen.map(({ method }) => method),
      ['snapshot.restore', '$/cancelRequest'],
    );
    t.strictSame(fake.seen[1]?.params, { id: fake.seen[0]?.id }, 'the request itself is named');
  });
}

void t.test('too late to cancel: what was made is shown, and it is a success', async (t) => {
  const fake = await startFake(
    t,
    working((peer, id) => peer.send({ jsonrpc: '2.0', id, result: { clones: [{ ok: true, vm }] } })),
  );
  const { code, stdout } = await thaw(['restore', 'golden', '--socket', fake.socket], {
    meanwhile: async (child) => {
      await fake.saw('snapshot.restore');
      child.kill('SIGINT');
    },
  });
  t.equal(code, exit.ok);
  t.match(stdout, /✓ web-1/);
});

void t.test('clones that were ready before Ctrl-C stay; the others are undone, in one line', async (t) => {
  const undone = { ok: false, name: 'web-2', error: cancelled };
  const clones = [{ ok: true, vm }, undone, { ...undone, name: 'web-3' }];
  const fake = await startFake(
    t,
    working((peer, id) => peer.send({ jsonrpc: '2.0', id, result: { clones } })),
  );
  const { code, stdout, stderr } = await thaw(['restore', 'golden', '-n', '3', '--socket', fake.socket], {
    meanwhile: async (child) => {
      await fake.saw('snapshot.restore');
      child.kill('SIGINT');
    },
  });
  t.equal(code, exit.interrupted);
  t.match(stdout, /^✓ web-1 [^\n]*\n$/);
  t.match(stderr, /\n! 2 of 3 clones were cancelled and undone\n$/);
});

void t.test('a second Ctrl-C leaves at once, whatever the daemon does', async (t) => {
  const fake = await startFake(
    t,
    working(() => undefined),
  );
  const { code } = await thaw(['restore', 'golden', '--socket', fake.socket], {
    meanwhile: async (child) => {
      await fake.saw('snapshot.restore');
      child.kill('SIGINT');
      await fake.saw('$/cancelRequest');
      child.kill('SIGINT');
    },
  });
  t.equal(code, exit.interrupted);
});

void t.test('events end quietly with Ctrl-C, each a line of JSON before that', async (t) => {
  const event = { at: 0, type: 'vm.ready', vm: vm.id, snapshot: null, operation: null };
  let began = 0;
  const fake = await startFake(t, {
    'events.subscribe': ({ id }, peer) => {
      began += 1;
      peer.send({ jsonrpc: '2.0', id, result: { epoch: 'e1', seq: 7, resumed: false, vms: [vm] } });
      peer.send({ jsonrpc: '2.0', method: 'events.event', params: { ...event, seq: 8 } });
      return undefined;
    },
  });
  const run = (...more: string[]) =>
    thaw(['events', ...more, '--socket', fake.socket], {
      meanwhile: async (child) => {
        await child.printed(2);
        child.kill('SIGINT');
      },
    });
  const forPrograms = await run('--json', '--since', 'e1:3');
  t.equal(forPrograms.code, exit.ok);
  t.equal(forPrograms.stderr, '');
  t.strictSame(
    forPrograms.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { kind: 'state', epoch: 'e1', seq: 7, vms: [vm] },
      { kind: 'event', epoch: 'e1', event: { ...event, seq: 8 } },
    ],
  );
  t.strictSame(fake.seen[0]?.params, { since: 3, epoch: 'e1' });
  t.equal(began, 1);
});
