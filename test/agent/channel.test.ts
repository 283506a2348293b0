import { setTimeout as wait } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { AgentChannel, type AgentChannelOptions } from '../../daemon/agent/channel.js';
import { vmmDied } from '../../daemon/api/errors/vmm.js';
import type { ThawError } from '../../daemon/api/thaw-error.js';
import type { Mortal, ProcessExit } from '../../daemon/vmm/process.js';
import qemuGa from '../../plugins/agent/qemu-ga.js';
import type { AgentDialect, Context, UpdateWish } from '../../plugins/contract.js';
import { cx, failure, folder, stayAlive, until, upTo } from '../vmm/support.js';
import { FakeGuest, agentAnswers, exited, silence, updated, type Behaviour } from './fake-guest.js';

stayAlive(t);

const host = { cx, storeDir: '/nonexistent', runDir: '/nonexistent', log: () => undefined };
const dialect: AgentDialect = await qemuGa.start(host, qemuGa.config.parse({}));

const wish: UpdateWish = {
  rescan: true,
  parts: ['clock', 'network', 'hostname', 'machine-id', 'randomness', 'identity'],
  identity: {
    vm: 'vm-a',
    hostname: 'web',
    machineId: '0'.repeat(32),
    nics: [],
    dns: [],
    entropy: 'ab'.repeat(64),
    document: {},
  },
};

const vsock =
  (path: string): AgentChannelOptions['to'] =>
  () => ({ via: 'vsock', path, port: 1024 });

async function talk(
  t: Test,
  behaviour: Behaviour,
  more: Partial<AgentChannelOptions> = {},
): Promise<{ guest: FakeGuest; channel: AgentChannel }> {
  const guest = await FakeGuest.open(t, behaviour);
  // A busy machine must not make a second try of what should be one.
  const patience = { accept: 20_000, hello: 20_000, ...more.patience };
  const options = { vm: 'vm-a', to: vsock(guest.path), dialect, ...more, patience };
  const channel = new AgentChannel(options);
  t.teardown(() => channel.close());
  return { guest, channel };
}

const wellBehaved: Behaviour = (connection) => {
  connection.accept();
  agentAnswers(connection);
};

/** A process that ends when a test wants it. */
class Candle implements Mortal {
  readonly vm = 'vm-a';
  readonly exited: Promise<ProcessExit>;
  suspected = 0;
  #out: () => void = () => undefined;
  readonly #listeners = new Set<() => void>();

  constructor() {
    this.exited = new Promise((resolve) => {
      this.#out = () => resolve({ code: 1, signal: null });
    });
  }

  onExit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Who still waits for its end. */
  get listeners(): number {
    return this.#listeners.size;
  }

  blowOut(): void {
    this.#out();
    for (const listener of this.#listeners) listener();
  }

  suspect(): void {
    this.suspected += 1;
  }

  obituary(during: string): Promise<ThawError> {
    return Promise.resolve(vmmDied({ vm: this.vm, during, exit: 'exit code 1', log: '' }));
  }
}

t.test('one connection serves all calls, the first words sent along with the connect', async (t) => {
  let first = '';
  const { guest, channel } = await talk(t, (connection) => {
    first = connection.first;
    wellBehaved(connection);
  });
  t.strictSame(await channel.hello(cx), { version: '7.2.0' });
  await channel.ping(cx);
  const answer = await channel.update(wish, cx);
  t.strictSame(answer.interfaces, { '02:00:00:00:00:01': 'eth0' });
  t.equal(guest.connections, 1);
  t.ok(first.startsWith('CONNECT 1024\n'), 'in one write');
  t.match(first, 'guest-sync-delimited', 'without waiting for OK');
});

t.test('connected while the VM is paused: the answer is there right after the resume', async (t) => {
  let resume: () => void = () => undefined;
  const { guest, channel } = await talk(t, (connection) => {
    resume = () => wellBehaved(connection);
  });
  await channel.preconnect(cx);
  await channel.preconnect(cx);
  while (guest.asked === 0) await wait(1);
  const waiting = channel.ping(cx);
  resume();
  await waiting;
  t.equal(guest.connections, 1, 'and no second connection was needed');
});

t.test('a preconnect that comes to nothing is made up for by the next call', async (t) => {
  const { guest, channel } = await talk(t, ({ socket }) => socket.destroy());
  await channel.preconnect(cx);
  while (guest.asked === 0) await wait(1);
  guest.behave(wellBehaved);
  await channel.ping(cx);
  t.ok(guest.connections >= 2);

  const nowhere = new AgentChannel({ vm: 'vm-a', to: vsock(`${folder(t)}/none`), dialect });
  await t.resolves(nowhere.preconnect(cx));
  await nowhere.close();
});

t.test('a guest that is still booting is tried again until it answers', async (t) => {
  const { guest, channel } = await talk(
    t,
    (connection) => {
      // No listener yet, no driver yet, an agent that hangs, then all is well.
      if (connection.nth === 1) connection.socket.destroy();
      else if (connection.nth === 3) connection.accept();
      else if (connection.nth > 3) wellBehaved(connection);
    },
    { patience: { accept: 20, hello: 20 } },
  );
  await channel.ping(cx);
  t.equal(guest.connections, 4);
  t.equal(guest.open, 1, 'connections given up are closed');
});

t.test('who stays silent is told apart by what the last try showed', async (t) => {
  const cases: [Behaviour, string][] = [
    [({ socket }) => void socket.destroy(), 'nothing listens on vsock port 1024'],
    [() => undefined, 'did not answer a connect'],
    [(connection) => connection.accept(), 'accepted the connection and then said nothing'],
    [
      (connection) => {
        connection.accept();
        connection.socket.end();
      },
      'accepted the connection and then closed it',
    ],
    [
      (connection) => {
        connection.accept();
        agentAnswers(connection, { 'guest-ping': () => silence });
      },
      'answered the first words and then no more',
    ],
    [({ socket }) => void socket.write('HTTP/1.1 400 Bad Request\r\n'), 'does not belong to a Firecracker'],
  ];
  for (const [behaviour, why] of cases) {
    const { channel } = await talk(t, behaviour, { patience: { accept: 500, hello: 500 } });
    const got = await failure(channel.ping(upTo(250)));
    t.equal(got.reason, 'agent-silent', why);
    t.match(got.message, why);
  }
  const socketPath = `${folder(t)}/none`;
  const nobody = new AgentChannel({ vm: 'vm-a', to: vsock(socketPath), dialect });
  t.match((await failure(nobody.ping(upTo(100)))).message, `nobody listens at ${socketPath}`);
  await nobody.close();
});

t.test('a VM that dies while its agent is awaited is told at once, as dead', async (t) => {
  const process = new Candle();
  const { channel, guest } = await talk(t, (connection) => connection.accept(), { process });
  const waiting = failure(channel.update(wish, cx));
  while (guest.asked === 0) await wait(1);
  process.blowOut();
  t.equal((await waiting).reason, 'vmm-died');
  t.equal(process.listeners, 0, 'nobody waits for its end any more');
});

t.test('a VMM whose socket nobody serves is suspected dead', async (t) => {
  const process = new Candle();
  const socketPath = `${folder(t)}/none`;
  const channel = new AgentChannel({ vm: 'vm-a', to: vsock(socketPath), dialect, process });
  const waiting = failure(channel.ping(upTo(5_000)));
  while (process.suspected === 0) await wait(1);
  process.blowOut();
  t.equal((await waiting).reason, 'vmm-died');
  await channel.close();
});

t.test('listeners on a VM’s life don’t pile up with calls', async (t) => {
  const process = new Candle();
  const { channel } = await talk(t, wellBehaved, { process });
  for (let call = 0; call < 50; call += 1) await channel.ping(cx);
  t.equal(process.listeners, 0);
});

t.test('an agent that talks nonsense is not asked for ever', async (t) => {
  const cases: [string, Behaviour][] = [
    [
      'an answer that is none',
      (connection) => {
        connection.accept();
        agentAnswers(connection, {
          'guest-ping': () => {
            connection.socket.write('nonsense\n');
            return silence;
          },
        });
      },
    ],
    [
      'a line without an end',
      (connection) => {
        connection.accept();
        const flood = (): boolean => connection.socket.write(Buffer.alloc(1 << 20, 'x')) && flood();
        connection.socket.on('drain', flood);
        flood();
      },
    ],
  ];
  for (const [what, behaviour] of cases) {
    const { channel, guest } = await talk(t, behaviour);
    t.equal((await failure(channel.ping(upTo(20_000)))).reason, 'agent-garbled', what);
    t.equal(guest.connections, 3, 'three times in a row are enough');
  }
});

t.test('the agent’s own refusal is final, and the conversation goes on', async (t) => {
  const { channel, guest } = await talk(t, (connection) => {
    connection.accept();
    agentAnswers(connection, {
      'guest-info': () => ({
        version: '9',
        supported_commands: [
          { name: 'guest-exec', enabled: false },
          { name: 'guest-exec-status', enabled: true },
        ],
      }),
    });
  });
  const got = await failure(channel.update(wish, cx));
  t.equal(got.reason, 'agent-command-off');
  t.match(got.message, 'guest-exec');
  t.match(await channel.look(cx), { commandsOff: ['guest-exec'], facts: null }, 'nothing is to be seen');
  await channel.ping(cx);
  t.equal(guest.connections, 1);
});

t.test('an agent that leaves in the middle of an update is asked again', async (t) => {
  const { channel, guest } = await talk(t, (connection) => {
    connection.accept();
    const leave = (): unknown => {
      connection.socket.destroy();
      return silence;
    };
    agentAnswers(connection, connection.nth === 1 ? { 'guest-exec-status': leave } : {});
  });
  t.equal((await channel.update(wish, cx)).hostname, 'web');
  t.equal(guest.connections, 2);
});

t.test('a shell that gives no answer is a failed update with the shell’s words', async (t) => {
  const { channel } = await talk(t, (connection) => {
    connection.accept();
    const status = {
      exited: true,
      exitcode: 127,
      'err-data': Buffer.from('sh: not found\n').toString('base64'),
    };
    agentAnswers(connection, { 'guest-exec-status': () => status });
  });
  const got = await failure(channel.update(wish, cx));
  t.equal(got.reason, 'update-failed');
  t.match(got.message, 'sh: not found');
});

t.test('a clock that date may not set is set by the agent', async (t) => {
  const failed = JSON.stringify({
    ...(JSON.parse(updated) as object),
    parts: { clock: { is: 'failed', reason: 'not permitted' } },
  });
  let set: unknown;
  const { channel } = await talk(t, (connection) => {
    connection.accept();
    agentAnswers(connection, {
      'guest-get-time': () => 1_000_000_000,
      'guest-exec-status': () => exited(failed),
      'guest-set-time': (request) => {
        set = request.arguments?.['time'];
        return {};
      },
    });
  });
  t.strictSame((await channel.update(wish, cx)).parts['clock'], { is: 'done' });
  t.ok(Math.abs(Number(set) / 1e6 - Date.now()) < 10_000, 'to the host’s time, in nanoseconds');
});

t.test('hanging up gives the guest its moment, and the next call connects again', async (t) => {
  const { channel, guest } = await talk(t, wellBehaved, { patience: { hangUp: 40 } });
  await channel.disconnect(cx);
  t.equal(guest.connections, 0, 'who was never connected waits for nothing');
  await channel.ping(cx);
  const started = performance.now();
  await channel.disconnect(cx);
  t.ok(performance.now() - started >= 35);
  t.equal(guest.open, 0);
  await channel.ping(cx);
  t.equal(guest.connections, 2);
});

t.test('calls take turns; who is cancelled while waiting leaves the others alone', async (t) => {
  let inside = 0;
  const { channel, guest } = await talk(t, (connection) => {
    connection.accept();
    agentAnswers(connection, {
      'guest-ping': () => {
        t.equal((inside += 1), 1, 'one at a time');
        setTimeout(() => {
          inside -= 1;
          connection.answer({});
        }, 5);
        return silence;
      },
    });
  });
  const abort = new AbortController();
  const calls = [1, 2, 3, 4].map(() => channel.ping(cx));
  const cancelled = failure(channel.ping(until(abort.signal)));
  abort.abort(new TypeError('changed my mind'));
  t.equal((await cancelled).message, 'changed my mind', 'its own reason, not a timeout');
  await Promise.all(calls);
  t.equal(guest.connections, 1);
});

t.test('cancelled in the middle of an update: at once, and the connection is not used again', async (t) => {
  const { channel, guest } = await talk(t, (connection) => {
    connection.accept();
    agentAnswers(connection, connection.nth === 1 ? { 'guest-exec-status': () => silence } : {});
  });
  const abort = new AbortController();
  const updating = failure(channel.update(wish, until(abort.signal)));
  await wait(50);
  abort.abort(new TypeError('changed my mind'));
  t.equal((await updating).message, 'changed my mind');
  t.equal((await channel.update(wish, cx)).hostname, 'web');
  t.equal(guest.connections, 2);
});

t.test('closing ends what is under way', async (t) => {
  const { channel, guest } = await talk(t, () => undefined);
  const waiting = failure(channel.ping(cx));
  while (guest.asked === 0) await wait(1);
  await channel.close();
  t.equal((await waiting).reason, 'stopping');
  t.equal((await failure(channel.ping(cx))).reason, 'stopping', 'and what comes after');
});

t.test('every call shows in the timeline by its name', async (t) => {
  const names: string[] = [];
  const seen: Context = { ...cx, probe: { effect: (name) => void names.push(name) } };
  const { channel } = await talk(t, (connection) => {
    connection.accept();
    const gone = exited('{"gone":true}\n');
    agentAnswers(connection, { 'guest-exec-status': () => (names.length > 4 ? gone : exited(updated)) });
  });
  await channel.preconnect(seen);
  await channel.hello(seen);
  await channel.ping(seen);
  await channel.update(wish, seen);
  names.push('then');
  await channel.prepareDetach('02:00:00:00:00:01', seen);
  const expected = [
    'agent.connect',
    'agent.hello',
    'agent.ping',
    'agent.update',
    'then',
    'agent.prepare-detach',
  ];
  t.strictSame(names, expected);
});
