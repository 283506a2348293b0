import { effect, look } from '../../contract.js';
import {
  addElements,
  deleteElements,
  getElement,
  getElements,
  readElements,
  transaction,
  type Element,
  type SetChange,
  type SetName,
} from '../netlink/elements.js';
import type { Request } from '../netlink/message.js';
import { errno, failed } from './libc.js';
import { NetlinkSocket, protocol } from './netlink-socket.js';

/** Elements in one message: their list's length is a 16-bit number. */
const atOnce = 500;

function inPieces(changes: readonly SetChange[], coding: (change: SetChange) => Request): Request[] {
  return changes.flatMap(({ elements, ...name }) => {
    const pieces: Request[] = [];
    for (let at = 0; at < elements.length; at += atOnce)
      pieces.push(coding({ ...name, elements: elements.slice(at, at + atOnce) }));
    return pieces;
  });
}

/** The tables `bridge thaw` and `inet thaw` of the network namespace in which it was opened. */
export class Table {
  readonly #socket = new NetlinkSocket(protocol.netfilter);

  /** Does all in one transaction. Returns false where the table or one of its sets is gone. */
  change(what: string, requests: readonly Request[]): boolean {
    if (requests.length === 0) return true;
    for (const { code, words } of this.#socket.ask(transaction(requests))) {
      if (code === errno.noEntry) return false;
      if (code < 0) throw failed(words === '' ? what : `${what} (${words})`, code);
    }
    return true;
  }

  /** Whether each of the elements is there. */
  has(change: SetChange): boolean {
    return change.elements.every((element) => {
      const [reply] = this.#socket.ask([getElement({ ...change, elements: [element] })]);
      if (!reply || reply.code === errno.noEntry) return false;
      if (reply.code < 0) throw failed('looking at a rule', reply.code);
      return true;
    });
  }

  /** All elements of a set; none where it is gone. */
  elements(name: SetName): readonly Element[] {
    const { code, messages } = this.#socket.list(getElements(name));
    if (code === errno.noEntry) return [];
    if (code < 0) throw failed('looking at the rules', code);
    return messages.flatMap(readElements);
  }

  close(): void {
    this.#socket.close();
  }
}

interface Change {
  readonly table: Table;
  readonly changes: readonly SetChange[];
}

/** Takes out those elements that are still the ones that were looked at: of nobody else's nothing. */
export const removeOwn = effect(
  'elements.remove',
  ({ table, changes, comment }: Change & { comment: string }) => {
    const own = changes.map(({ elements, ...name }) => {
      const keys = new Set(elements.map(({ key }) => key.toString('hex')));
      const there = table.elements(name);
      return {
        ...name,
        elements: there.filter((one) => one.comment === comment && keys.has(one.key.toString('hex'))),
      };
    });
    return table.change('removing elements', inPieces(own, deleteElements));
  },
);

/** Adds elements, those that are there already included. Returns false where the table is gone. */
export const addRules = effect('filter.add', ({ table, changes }: Change) =>
  table.change('adding rules', inPieces(changes, addElements)),
);

/** Takes elements out, those that are not there included: each is added first, so that the removal can't fail. */
export const removeRules = effect('filter.remove', ({ table, changes }: Change) =>
  table.change('removing rules', [...inPieces(changes, addElements), ...inPieces(changes, deleteElements)]),
);

/** The sets that lack something of what is given. */
export const missingRules = look('filter.look', ({ table, changes }: Change) =>
  changes.filter((change) => !table.has(change)).map(({ set }) => set),
);

/** All elements of each set. */
export const lookAtRules = look(
  'filters.look',
  ({ table, sets }: { table: Table; sets: readonly SetName[] }): readonly SetChange[] =>
    sets.map((name) => ({ ...name, elements: table.elements(name) })),
);
