import { clean, cut, wrap } from './text.js';

interface Room {
  readonly width: number;
  readonly unicode: boolean;
  readonly effects: boolean;
}

/** Whether something read from outside is an object with keys. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function partWords(parts: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(parts).map(([part, outcome]) => {
    if (!isRecord(outcome)) return part;
    const reason = typeof outcome['reason'] === 'string' ? `: ${outcome['reason']}` : '';
    return `${part} ${String(outcome['is'])}${reason}`;
  });
}

/**
 * What a step answered, as lines under it: the outcome of every part of a guest's update always, anything else as
 * JSON where details are wanted.
 */
export function outcomeLines(detail: unknown, room: Room): readonly string[] {
  const separator = room.unicode ? ' · ' : ', ';
  const mark = room.unicode ? '…' : '~';
  const parts = isRecord(detail) ? detail['parts'] : undefined;
  const indent = '    ';
  const width = room.width - indent.length;
  if (width < 1) return [];
  if (isRecord(parts)) {
    return wrap(clean(partWords(parts).join(separator)), width).map(
      (line) => indent + cut(line, width, mark),
    );
  }
  const says = isRecord(detail) ? Object.keys(detail).length > 0 : detail !== undefined && detail !== null;
  if (!room.effects || !says) return [];
  return [indent + cut(clean(JSON.stringify(detail)), width, mark)];
}
