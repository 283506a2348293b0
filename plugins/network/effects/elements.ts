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
} from '../netlink/elements.js';
import type { Request } from '../netlink/message.js';
import { errno, failed } from './libc.js';
import { NetlinkSocket, protocol } from './netlink-socket.js';

/** Elements in one message: their list's length is a 16-bit number. */
const atOnce = 500;

function inPieces(changes: readonly SetChange[], coding: (change: SetChange) => Request): Request[] {
  return changes.flatMap(({ set, elements }) => {
    const pieces: Request[] = [];
    for (let at = 0; at < elements.length; at += atOnce)
      pieces.push(coding({ set, elements: elements.slice(at, at + atOnce) }));
    return pieces;
  });
}

/** The table `bridge thaw` of the network namespace in which it was opened. */
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
      const [reply] = this.#socket.ask([getElement({ set: change.set, elements: [element] })]);
      if (!reply || reply.code === errno.noEntry) return false;
      if (reply.code < 0) throw failed('looking at a rule', reply.code);
      return true;
    });
  }

  /** All elements of a set; none where it is gone. */
  elements(set: string): readonly Element[] {
    const { code, messages } = this.#socket.list(getElements(set));
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

/** All elements of each set, by the set's name. */
export const lookAtRules = look(
  'filters.look',
  ({ table, sets }: { table: Table; sets: readonly string[] }) =>
    new Map(sets.map((set) => [set, table.elements(set)])),
);
