import type { Vm } from '../api/shapes/vm.js';
import type { EventHub } from '../events/hub.js';
import type { Call, Handlers, Peer } from './call.js';

export interface EventSources {
  readonly hub: EventHub;
  /** All VMs as they are now; what it answers includes every event emitted so far. */
  readonly vms: () => Vm[];
}

/**
 * `events.subscribe`. The state and its number are taken in one turn, and what follows is read from the hub by number,
 * so nothing is lost or told twice between them. Subscribing again on the same connection replaces the subscription.
 */
export function eventHandlers({ hub, vms }: EventSources): Pick<Handlers, 'events.subscribe'> {
  const stops = new WeakMap<Peer, () => void>();
  return {
    'events.subscribe': ({ since, epoch }, call) => {
      const resumed = since !== undefined && epoch === hub.epoch && hub.since(since) !== null;
      const seq = hub.seq;
      stops.get(call.peer)?.();
      stops.set(call.peer, follow(hub, resumed ? since : seq, call));
      return { epoch: hub.epoch, seq, resumed, vms: vms() };
    },
  };
}

/**
 * Sends every event after number `sent`, once the call is answered and as fast as they are read. The hub keeps what a
 * slow reader has not read yet; what it no longer keeps by then is reported as dropped.
 * @returns how to stop
 */
function follow(hub: EventHub, sent: number, call: Call): () => void {
  let answered = false;
  const send = (): void => {
    answered = true;
    while (sent < hub.seq) {
      const events = hub.since(sent);
      if (events === null) {
        if (!call.notify('events.dropped', { from: sent + 1, to: hub.seq })) return;
        sent = hub.seq;
        return;
      }
      for (const event of events) {
        if (!call.notify('events.event', event)) return;
        sent = event.seq;
      }
    }
  };
  const stops = [
    hub.listen((event) => {
      if (!answered) return;
      // The usual case: all before it is sent, and there is nothing to look up.
      if (event.seq !== sent + 1) send();
      else if (call.notify('events.event', event)) sent = event.seq;
    }),
    call.onWritable(send),
  ];
  const stop = (): void => {
    for (const each of stops) each();
    forget();
  };
  const forget = call.onClose(stop);
  return stop;
}
