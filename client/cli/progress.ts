import type { ProgressParams } from '../../daemon/api/rpc.js';
import type { Paint } from './terminal.js';
import { clean, cut, pad } from './text.js';
import { milliseconds } from './units.js';

export type Report = Omit<ProgressParams, 'token'>;

/** What is known of one VM under way. */
interface Lane {
  readonly step: string;
  readonly state: ProgressParams['state'];
  readonly since: number;
}

/** One line for each VM, with the step it is at. Pure: times are given. */
export class ProgressBoard {
  readonly #lanes = new Map<string, Lane>();
  readonly #began: number;

  /** @param began when the request was sent, in milliseconds of any clock */
  constructor(began: number) {
    this.#began = began;
  }

  /** Takes one report; returns the key of its line. */
  take(report: Report, now: number): string {
    const key = report.vm ?? report.operation;
    const before = this.#lanes.get(key);
    // "done" leaves the step standing until the next one begins.
    const since = report.state === 'began' || before === undefined ? now : before.since;
    this.#lanes.set(key, { step: report.step, state: report.state, since });
    return key;
  }

  /** The lines to show now: those that fit, the rest counted. */
  lines(now: number, room: { width: number; rows: number; paint: Paint }): readonly string[] {
    const keys = [...this.#lanes.keys()];
    if (keys.length === 0) return [cut(`waiting ${milliseconds(now - this.#began)}`, room.width)];
    const most = Math.max(1, room.rows - 2);
    const shown = keys.length > most ? keys.slice(-(most - 1 || 1)) : keys;
    const label = Math.max(...shown.map((key) => clean(key).length));
    const lines = shown.flatMap((key) => {
      const lane = this.#lanes.get(key);
      return lane === undefined ? [] : [this.#line({ key: pad(clean(key), label), lane, now }, room)];
    });
    const hidden = keys.length - shown.length;
    return hidden === 0 ? lines : [cut(`… and ${hidden} more`, room.width), ...lines];
  }

  #line(of: { key: string; lane: Lane; now: number }, room: { width: number; paint: Paint }): string {
    const { key, lane, now } = of;
    const text = cut(
      `${key}  ${stepWords(lane.step, lane.state)}  ${milliseconds(now - lane.since)}`,
      room.width,
    );
    const colour = lane.state === 'failed' ? 'red' : lane.state === 'undoing' ? 'yellow' : 'dim';
    return room.paint(colour, text);
  }
}

/** A step and how it stands, in words. */
export function stepWords(step: string, state: ProgressParams['state']): string {
  const word = clean(step);
  switch (state) {
    case 'began':
      return word;
    case 'done':
      return `${word} done`;
    case 'failed':
      return `${word} failed`;
    case 'undoing':
      return `undoing ${word}`;
  }
}
