import { z } from 'zod';
import { VmRecord } from './vm-record.js';

/** The version that this daemon writes. An older one gets its migration here when there is an older one. */
const current = 1;

const envelope = z.looseObject({ version: z.int() });

export type ReadRecord =
  { readonly ok: true; readonly record: VmRecord } | { readonly ok: false; readonly why: string };

/** A record from its text; what can't be used comes back with the reason. */
export function readRecord(text: string): ReadRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, why: 'it is torn: not JSON' };
  }
  const versioned = envelope.safeParse(value);
  if (!versioned.success) return { ok: false, why: 'it has no version' };
  const { version } = versioned.data;
  if (version > current)
    return { ok: false, why: `it has version ${version}, this thawd knows up to ${current}` };
  const record = VmRecord.safeParse(value);
  if (record.success) return { ok: true, record: record.data };
  const issue = record.error.issues[0];
  return { ok: false, why: `${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? 'does not fit'}` };
}
