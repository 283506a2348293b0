import t from 'tap';
import { EventHub } from '../../daemon/events/hub.js';
import { eventHandlers } from '../../daemon/methods/events.js';
import { fakeHandlers, fakeVm } from './support/handlers.js';
import { startHost, Wire } from './support/host.js';

const vms = () => [fakeVm('a')];

void t.test('the state comes first, then every event once, also those in the same turn', async (t) => {
  const hub = new EventHub('e1');
  const { 'events.subscribe': subscribe } = eventHandlers({ hub, vms });
  const { path } = await startHost(t, {
    handlers: fakeHandlers({
      'events.subscribe': (params, call) => {
        hub.emit({ type: 'vm.preparing' });
        const answer = subscribe(params, call);
        // After the state was taken and before the answer is on its way.
        hub.emit({ type: 'vm.loaded', vm: 'a' });
        return answer;
      },
    }),
  });
  const wire = await Wire.open(t, path);
  wire.request(1, 'events.subscribe');
  t.match(await wire.next(), {
    id: 1,
    result: { epoch: 'e1', seq: 1, resumed: false, vms: [{ name: 'a' }] },
  });
  t.match(await wire.next(), { method: 'events.event', params: { seq: 2, type: 'vm.loaded', vm: 'a' } });
  hub.emit({ type: 'vm.ready' });
  t.match(await wire.next(), { method: 'events.event', params: { seq: 3, type: 'vm.ready' } });
});

void t.test('in a batch, events follow the whole batch’s answer', async (t) => {
  const hub = new EventHub('e1');
  const { path } = await startHost(t, {
    handlers: fakeHandlers({
      ...eventHandlers({ hub, vms }),
      'vm.list': () => {
        hub.emit({ type: 'vm.changed' });
        return { vms: [] };
      },
    }),
  });
  const wire = await Wire.open(t, path);
  wire.send([
    { jsonrpc: '2.0', id: 1, method: 'events.subscribe' },
    { jsonrpc: '2.0', id: 2, method: 'vm.list' },
  ]);
  t.match(await wire.next(), [{ id: 1, result: { seq: 0 } }, { id: 2 }]);
  t.match(await wire.next(), { params: { seq: 1 } });
});

void t.test('a subscriber goes on where it was, or is told that it can’t', async (t) => {
  const hub = new EventHub('e1', 4);
  const { path } = await startHost(t, { handlers: fakeHandlers(eventHandlers({ hub, vms })) });
  for (let i = 0; i < 20; i++) hub.emit({ type: 'vm.changed' });
  const ask = async (params: object): Promise<[unknown, Wire]> => {
    const wire = await Wire.open(t, path);
    wire.request(1, 'events.subscribe', params);
    return [(await wire.next())?.result, wire];
  };
  const [resumed, wire] = await ask({ since: 17, epoch: 'e1' });
  t.match(resumed, { resumed: true, seq: 20 });
  for (const seq of [18, 19, 20]) t.match(await wire.next(), { params: { seq } });
  for (const params of [
    { since: 3, epoch: 'e1' },
    { since: 21, epoch: 'e1' },
    { since: 18, epoch: 'e0' },
    { since: 18 },
  ]) {
    const [answer, other] = await ask(params);
    t.match(answer, { resumed: false, seq: 20, vms: [{}] }, JSON.stringify(params));
    other.socket.destroy();
  }
});

void t.test('subscribing again on a connection replaces the subscription', async (t) => {
  const hub = new EventHub('e1');
  const { path } = await startHost(t, { handlers: fakeHandlers(eventHandlers({ hub, vms })) });
  const wire = await Wire.open(t, path);
  for (let id = 0; id < 3; id++) {
    wire.request(id, 'events.subscribe');
    t.match(await wire.next(), { id });
  }
  hub.emit({ type: 'vm.changed' });
  hub.emit({ type: 'vm.changed' });
  t.match(await wire.next(), { params: { seq: 1 } });
  t.match(await wire.next(), { params: { seq: 2 } });
});

void t.test('a slow subscriber misses nothing that is still kept, and is told what is not', async (t) => {
  const hub = new EventHub('e1', 1_000);
  const { path } = await startHost(t, {
    handlers: fakeHandlers(eventHandlers({ hub, vms })),
    limits: { queueBytes: 1 },
  });
  const wire = await Wire.open(t, path);
  wire.request(1, 'events.subscribe');
  t.match(await wire.next(), { id: 1, result: { seq: 0 } });
  wire.socket.pause();
  const detail = 'x'.repeat(500);
  const emit = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      hub.emit({ type: 'vm.changed', detail });
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await emit(900);
  wire.socket.resume();
  for (let seq = 1; seq <= 900; seq++) {
    const event = await wire.next();
    if (event?.params?.['seq'] !== seq) t.match(event, { params: { seq } });
  }
  t.pass('900 events, all there');
  wire.socket.pause();
  await emit(20_000);
  wire.socket.resume();
  let next = 901;
  for (;;) {
    const message = await wire.next();
    if (message?.method === 'events.dropped') {
      t.equal(message.params?.['from'], next, 'from the first one missed');
      t.equal(message.params?.['to'], 20_900);
      break;
    }
    if (message?.params?.['seq'] !== next) t.match(message, { params: { seq: next } });
    next++;
  }
  hub.emit({ type: 'vm.ready' });
  t.match(await wire.next(), { method: 'events.event', params: { seq: 20_901 } });
});

void t.test('a subscriber that ended its side is still told, and forgotten once it is gone', async (t) => {
  const hub = new EventHub('e1');
  const { path, server } = await startHost(t, { handlers: fakeHandlers(eventHandlers({ hub, vms })) });
  const wire = await Wire.open(t, path);
  wire.request(1, 'events.subscribe');
  wire.socket.end();
  t.match(await wire.next(), { id: 1 });
  hub.emit({ type: 'vm.ready' });
  t.match(await wire.next(), { params: { seq: 1 } });
  wire.socket.destroy();
  while (server.connections > 0) {
    hub.emit({ type: 'vm.changed' });
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(server.connections, 0);
});
