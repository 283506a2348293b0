import { invalidRequest, parseError } from '../api/errors/standard.js';
import type { ThawError } from '../api/thaw-error.js';
import { deeperThan } from './codec.js';
import type { Limits } from './limits.js';
import { nearest } from '../api/nearest.js';

export type RequestId = string | number | null;

/** A request whose envelope is right; without an id it is a notification. */
export interface Request {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: object;
  readonly id?: RequestId;
}

/** What can't be asked of any method, and whom to tell. */
export class Refusal {
  readonly id: RequestId;
  readonly error: ThawError;

  constructor(error: ThawError, id: RequestId = null) {
    this.error = error;
    this.id = id;
  }
}

const members = ['jsonrpc', 'method', 'params', 'id'];
type Bounds = Pick<Limits, 'depth' | 'batch' | 'idLength'>;

/** Reads one line: a request, an array of them for a batch, or why it is neither. */
export function readLine(line: string, limits: Bounds): Request | Refusal | (Request | Refusal)[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return new Refusal(parseError(error instanceof Error ? error.message : String(error)));
  }
  // Each level takes two characters at least: short lines need no look.
  if (line.length > 2 * limits.depth && deeperThan(value, limits.depth)) {
    return new Refusal(invalidRequest(`nested deeper than ${limits.depth}`));
  }
  if (!Array.isArray(value)) return readRequest(value, limits);
  if (value.length === 0) return new Refusal(invalidRequest('an empty batch'));
  if (value.length > limits.batch) {
    return new Refusal(invalidRequest(`a batch of ${value.length}, more than ${limits.batch}`));
  }
  return value.map((entry: unknown) => readRequest(entry, limits));
}

function readRequest(value: unknown, limits: Bounds): Request | Refusal {
  if (!isRecord(value)) return new Refusal(invalidRequest('not an object'));
  const { id, params } = value;
  const whom = isId(id, limits) ? (id ?? null) : null;
  const refuse = (what: string): Refusal => new Refusal(invalidRequest(what), whom);
  // Before anything else: a misspelt member may be why another is missing.
  for (const key in value) {
    if (!members.includes(key))
      return refuse(`unknown member \`${key.slice(0, 64)}\`${nearest(key, members)}`);
  }
  if (value['jsonrpc'] !== '2.0') return refuse('`jsonrpc` must be "2.0"');
  if (!isId(id, limits)) {
    return refuse(
      `\`id\` must be a string of at most ${limits.idLength} characters or a whole number below 2^53`,
    );
  }
  if (typeof value['method'] !== 'string') return refuse('`method` must be a string');
  if (value['method'].length > limits.idLength) {
    return refuse(`\`method\` is longer than ${limits.idLength} characters`);
  }
  if (params !== undefined && (typeof params !== 'object' || params === null)) {
    return refuse('`params` must be an object');
  }
  return value as unknown as Request;
}

/** Numbers that JSON gives back as they came; null is allowed by the standard, and answered with null. */
function isId(id: unknown, limits: Bounds): id is RequestId | undefined {
  if (typeof id === 'string') return id.length <= limits.idLength;
  return id === undefined || id === null || Number.isSafeInteger(id);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
