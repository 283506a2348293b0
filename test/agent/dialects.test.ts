import { once } from 'node:events';
import { createServer as httpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import t, { type Test } from 'tap';
import { AgentChannel, type AgentChannelOptions } from '../../daemon/agent/channel.js';
import http from '../../plugins/agent/http.js';
import qemuGa from '../../plugins/agent/qemu-ga.js';
import type { UpdateWish } from '../../plugins/contract.js';
import { cx, failure, folder, stayAlive, upTo } from '../vmm/support.js';
import { Agent } from '../firecracker/guest/agent/agent.js';
import { Faults } from '../firecracker/faults.js';

// Agents that are reached in other ways than through a VMM's vsock, and that speak HTTP.
stayAlive(t);

const host = { cx, storeDir: '/nonexistent', runDir: '/nonexistent', log: () => undefined };
const token = 'a-token-of-ours';
const spoken = await http.start(host, http.config.parse({ token }));

const mac = '02:00:00:00:00:01';
const wish: UpdateWish = {
  rescan: true,
  parts: ['clock', 'network', 'hostname', 'randomness'],
  identity: {
    vm: 'vm-a',
    hostname: 'web',
    machineId: '0'.repeat(32),
    nics: [{ mac, addresses: ['10.0.0.2/24'], gateway: '10.0.0.1', mtu: 1400 }],
    dns: ['10.0.0.1'],
    entropy: 'ab'.repeat(64),
    document: { snapshot: 'snap-a', generation: 1, labels: { a: 'b' }, userData: 'mine' },
  },
};

function channel(t: Test, to: ReturnType<AgentChannelOptions['to']>, dialect = spoken): AgentChannel {
  const patience = { accept: 10_000, hello: 10_000 };
  const made = new AgentChannel({ vm: 'vm-a', to: () => to, dialect, patience });
  t.teardown(() => made.close());
  return made;
}

type Answer = (request: IncomingMessage & { body: string }, response: ServerResponse) => void;

/** A server at a Unix socket, and the channel to it. */
async function served(t: Test, answer: Answer): Promise<AgentChannel> {
  const path = `${folder(t)}/agent.sock`;
  const server = httpServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(Object.assign(request, { body }), response));
  });
  await listening(t, server.listen(path));
  t.teardown(() => server.closeAllConnections());
  return channel(t, { via: 'unix', path });
}

async function listening(t: Test, server: Server): Promise<void> {
  await once(server, 'listening');
  t.teardown(() => void server.close());
}

const agree: Answer = (request, response) => {
  if (request.url === '/health') response.end('{"version":"3.1"}');
  else response.end();
};

t.test('qemu-ga at a Unix socket, as QEMU has it: no handshake before the first words', async (t) => {
  const path = `${folder(t)}/qga.sock`;
  const faults = new Faults();
  const agent = new Agent({
    enter: (work) => work(),
    faults,
    running: () => Promise.resolve(),
    shutdown: () => undefined,
  });
  const server = createServer((socket) => {
    const take = agent.serve({ write: (bytes) => void socket.write(bytes), end: () => void socket.end() });
    socket.on('data', take);
  });
  await listening(t, server.listen(path));
  const dialect = await qemuGa.start(host, qemuGa.config.parse({}));
  const talk = channel(t, { via: 'unix', path }, dialect);
  t.match((await talk.hello(cx)).version, /^7/);
  await talk.disconnect(cx);
  await talk.ping(cx);
  const nobody = channel(t, { via: 'unix', path: `${path}-none` }, dialect);
  t.match((await failure(nobody.ping(upTo(200)))).message, `nobody listens at ${path}-none`);
});

t.test('http: what the guest is told, and that a plain yes vouches for no randomness', async (t) => {
  const asked: [string, string | undefined, unknown][] = [];
  const talk = await served(t, (request, response) => {
    const { method = '', url = '', headers, body } = request;
    asked.push([`${method} ${url}`, headers.authorization, body === '' ? null : JSON.parse(body)]);
    agree(request, response);
  });
  t.strictSame(await talk.hello(cx), { version: '3.1' });
  const answer = await talk.update(wish, cx);
  t.strictSame(answer, {
    parts: {
      clock: { is: 'done' },
      network: { is: 'done' },
      hostname: { is: 'done' },
      randomness: {
        is: 'unsupported',
        reason: 'the agent’s answer to PUT /config has no parts["randomness"]',
      },
    },
    interfaces: {},
    hostname: null,
    machineId: null,
  });
  await talk.prepareDetach(mac, cx);
  t.strictSame(
    asked.map(([what]) => what),
    ['GET /health', 'PUT /config', 'PUT /detach'],
  );
  for (const [what, authorization] of asked) t.equal(authorization, `Bearer ${token}`, what);
  t.match(asked[1]?.[2], {
    vm_id: 'vm-a',
    hostname: 'web',
    machine_id: '0'.repeat(32),
    parts: wish.parts,
    rescan: true,
    interfaces: [{ mac, former_mac: null, addresses: ['10.0.0.2/24'], gateway: '10.0.0.1', mtu: 1400 }],
    dns: ['10.0.0.1'],
    entropy: 'ab'.repeat(64),
    user_data: 'mine',
    labels: { a: 'b' },
  });
  t.strictSame(asked[2]?.[2], { vm_id: 'vm-a', mac });
});

t.test('http: each part that the agent names is its own word', async (t) => {
  const said = {
    parts: {
      network: { is: 'failed', reason: 'no such NIC' },
      randomness: { is: 'done' },
      more: { is: 'done' },
    },
    interfaces: { [mac]: 'eth0' },
    hostname: 'web',
    machine_id: null,
  };
  const talk = await served(t, (request, response) =>
    request.url === '/config' ? response.end(JSON.stringify(said)) : response.end(),
  );
  t.strictSame(await talk.hello(cx), { version: null }, 'a version is told by whoever wants to');
  const { parts, interfaces } = await talk.update({ ...wish, parts: ['network', 'randomness'] }, cx);
  t.strictSame(parts, { network: said.parts.network, randomness: { is: 'done' } });
  t.strictSame(interfaces, { [mac]: 'eth0' });
});

t.test('http: an agent that closes after every answer is asked over new connections', async (t) => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\n{"version":"py"}'));
  });
  await listening(t, server.listen(0, '127.0.0.1'));
  const { port } = server.address() as AddressInfo;
  const talk = channel(t, { via: 'tcp', address: '127.0.0.1', port });
  t.strictSame(await talk.hello(cx), { version: 'py' });
  await talk.ping(cx);
  await talk.ping(cx);
  t.ok(connections >= 3);
});

t.test('http: refusals are told with what to do, and nobody is asked again for nothing', async (t) => {
  const cases: [number, string, RegExp][] = [
    [401, 'agent-http-refused', /status 401/],
    [404, 'agent-http-refused', /status 404/],
    [503, 'agent-silent', /status 503/],
  ];
  for (const [status, reason, message] of cases) {
    let asked = 0;
    const talk = await served(t, (_request, response) => {
      asked += 1;
      response.writeHead(status).end('no');
    });
    const got = await failure(talk.ping(upTo(400)));
    t.equal(got.reason, reason);
    t.match(got.message, message);
    if (status < 500) t.equal(asked, 1, `${status} is final`);
    else t.ok(asked > 1, 'a server in trouble may get over it');
  }
});

t.test('http: what is no HTTP, or another shape, is said', async (t) => {
  const path = `${folder(t)}/other.sock`;
  await listening(
    t,
    createServer(
      (socket) => void socket.on('error', () => undefined).write('220 mail.example.org ESMTP\r\n'),
    ).listen(path),
  );
  t.equal((await failure(channel(t, { via: 'unix', path }).ping(upTo(10_000)))).reason, 'agent-garbled');
  const talk = await served(t, (request, response) =>
    response.end(request.url === '/config' ? '{"parts": 7}' : ''),
  );
  const got = await failure(talk.update(wish, upTo(10_000)));
  t.equal(got.reason, 'agent-garbled');
  t.match(got.message, 'PUT /config');
});
