import { z } from 'zod';
import { ThawEvent } from '../api/events.js';

/** Where a daemon's events have ended, for the next one to go on: numbers, and the last of what was told. */
const Past = z.strictObject({
  version: z.literal(1),
  epoch: z.string().min(1).max(64),
  seq: z.int().min(0),
  events: z.array(ThawEvent),
});
export type Past = z.infer<typeof Past>;

/** Reads what {@link pastText} wrote; null for anything else: subscribers then begin anew. */
export function readPast(text: string): Past | null {
  try {
    const { data } = Past.safeParse(JSON.parse(text));
    const numbered = data?.events.every(({ seq }, n) => seq === data.seq - data.events.length + 1 + n);
    return data && numbered === true ? data : null;
  } catch {
    return null;
  }
}

export const pastText = (past: Omit<Past, 'version'>): string => JSON.stringify({ version: 1, ...past });
