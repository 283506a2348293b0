import 'reflect-metadata';
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe';
import type { Log } from '../log/logger.js';

interface Opened {
  readonly name: string;
  readonly close: () => Promise<void> | void;
}

/**
 * What is open, in the order in which it was opened; closed in reverse, one after the other, each awaited. Parts are
 * found by token in a container of its own, which nobody outside of the composition sees.
 */
export class Lifetime {
  readonly #container: DependencyContainer = container.createChildContainer();
  readonly #opened: Opened[] = [];

  /** Opens a part; `close` ends it when its turn comes. */
  async open<T>(
    name: string,
    make: () => T | Promise<T>,
    close: (part: T) => Promise<void> | void,
  ): Promise<T> {
    const part = await make();
    this.#opened.push({ name, close: () => close(part) });
    return part;
  }

  /** Lets parts that were opened earlier find this one, when they are called. */
  share<T>(token: Token<T>, part: T): T {
    this.#container.register(token, { useValue: part });
    return part;
  }

  /** A part that is shared by now. */
  get<T>(token: Token<T>): T {
    return this.#container.resolve(token);
  }

  /** Closes everything, last opened first. One that fails is logged, and the next has its turn. */
  async close(log: Log): Promise<void> {
    for (let part = this.#opened.pop(); part; part = this.#opened.pop()) {
      try {
        await part.close();
      } catch (error) {
        log.error({ part: part.name, err: error }, 'a part was not closed in order');
      }
    }
    this.#container.clearInstances();
  }
}

/** The name under which a part is found, with its type. */
export type Token<T> = InjectionToken<T> & symbol;

export function token<T>(name: string): Token<T> {
  return Symbol(name);
}

/** Closes a part that needs no waiting for. */
export const closed = (part: { close(): unknown }): void => void part.close();
