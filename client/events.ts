import type { ResultOf } from '../daemon/api/index.js';
import type { Dropped, ThawEvent } from '../daemon/api/events.js';
import type { ThawError } from '../daemon/api/thaw-error.js';
import { persistently } from './backoff.js';
import { Connection, type Message } from './connection.js';
import { fromWire } from './pending.js';
import type { ReconnectOptions } from './types.js';

/** Where to go on: the numbers of one epoch mean nothing in another. */
export interface EventPosition {
  readonly epoch: string;
  readonly seq: number;
}

/** What the iterator yields. A state includes all events up to `seq`; the events after it follow without a gap. */
export type EventItem =
  | {
      readonly kind: 'state';
      readonly epoch: string;
      readonly seq: number;
      readonly vms: ResultOf<'events.subscribe'>['vms'];
    }
  | { readonly kind: 'event'; readonly epoch: string; readonly event: ThawEvent }
  /** Read too slowly; a fresh state follows. */
  | ({ readonly kind: 'dropped' } & Dropped);

export interface EventOptions {
  /** Go on after this event where the daemon still knows what came then; otherwise a state comes first. */
  readonly since?: EventPosition | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Items read ahead of the consumer before the daemon is made to wait. */
const readAhead = 512;

/** One subscription with a connection of its own: a slow consumer holds up nothing but itself. */
export class EventStream {
  readonly #socket: string;
  readonly #reconnect: ReconnectOptions | false;
  readonly #stop = new AbortController();
  #connection: Connection | null = null;
  #items: EventItem[] = [];
  #position: EventPosition | null;
  #request = 0;
  /** Events before the answer belong to a subscription that has been replaced. */
  #answered = false;
  #failure: { readonly error: unknown } | null = null;
  #wake: () => void = () => undefined;

  constructor(socket: string, reconnect: ReconnectOptions | false, since: EventPosition | undefined) {
    this.#socket = socket;
    this.#reconnect = reconnect;
    this.#position = since ?? null;
  }

  /** Ends the iteration, and with `error` makes it throw. */
  stop(failure?: { readonly error: unknown }): void {
    this.#failure ??= failure ?? null;
    this.#stop.abort(failure?.error);
    void this.#connection?.close();
    this.#wake();
  }

  async *items(): AsyncGenerator<EventItem, void, void> {
    try {
      await this.#connect(true);
      while (!this.#stop.signal.aborted) {
        const item = this.#items.shift();
        if (item !== undefined) {
          if (this.#items.length < readAhead / 2) this.#connection?.resume();
          yield item;
        } else if (this.#connection === null) {
          await this.#connect(false);
        } else {
          await new Promise<void>((resolve) => (this.#wake = resolve));
        }
      }
      if (this.#failure) throw this.#failure.error;
    } finally {
      this.#stop.abort();
      await this.#connection?.close();
    }
  }

  /** @throws ThawError where there is no daemon; after the first time not before it has been tried for a while */
  async #connect(first: boolean): Promise<void> {
    const attempt = (): Promise<Connection> =>
      Connection.open(this.#socket, {
        onMessage: (message) => this.#take(message),
        onLost: (cause) => this.#lost(cause),
      });
    const once = first || this.#reconnect === false;
    try {
      this.#connection = await (once ? attempt() : persistently(attempt, this.#reconnect, this.#stop.signal));
    } catch (error) {
      // Stopped meanwhile: the loop sees to it.
      if (this.#stop.signal.aborted) return;
      throw error;
    }
    this.#subscribe();
  }

  #subscribe(): void {
    this.#answered = false;
    const params = this.#position ? { since: this.#position.seq, epoch: this.#position.epoch } : {};
    const id = ++this.#request;
    this.#connection?.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'events.subscribe', params }));
  }

  #take(message: Message): void {
    const { id, method, error } = message;
    if (id === null || id === this.#request) {
      if (error) this.#refused(fromWire(error));
      else this.#begin(message.result as ResultOf<'events.subscribe'>);
    } else if (!this.#answered) {
      return;
    } else if (method === 'events.event' && this.#position) {
      const event = message.params as ThawEvent;
      this.#position = { epoch: this.#position.epoch, seq: event.seq };
      this.#push({ kind: 'event', epoch: this.#position.epoch, event });
    } else if (method === 'events.dropped') {
      this.#push({ kind: 'dropped', ...(message.params as Dropped) });
      this.#position = null;
      this.#subscribe();
    }
  }

  /** A daemon that is stopping closes the connection next, and there will be another. */
  #refused(error: ThawError): void {
    if (this.#reconnect === false || !error.detail.retryable) this.stop({ error });
  }

  #begin({ epoch, seq, resumed, vms }: ResultOf<'events.subscribe'>): void {
    this.#answered = true;
    if (resumed && this.#position) return;
    this.#position = { epoch, seq };
    this.#push({ kind: 'state', epoch, seq, vms });
  }

  #push(item: EventItem): void {
    this.#items.push(item);
    if (this.#items.length > readAhead) this.#connection?.pause();
    this.#wake();
  }

  #lost(cause: unknown): void {
    this.#connection = null;
    if (this.#reconnect === false) this.stop({ error: cause });
    else this.#wake();
  }
}
