import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { VmRecord } from './vm-record.js';

/** The version that this daemon writes: 1 had no checksum. */
const current = 2;

const envelope = z.looseObject({ version: z.int().min(1) });

export type ReadRecord =
  { readonly ok: true; readonly record: VmRecord } | { readonly ok: false; readonly why: string };

/**
 * The text of a record. By its checksum one that was torn or changed is known: what it names is removed one day, and a
 * wrong letter in a path would remove what is another VM's.
 */
export function recordText(record: VmRecord): string {
  const text = JSON.stringify(record);
  return `{"version":${current},"crc32":${crc32(text)},${text.slice(1)}`;
}

/** A record from its text, an older one as this version has it; what can't be used comes back with the reason. */
export function readRecord(text: string): ReadRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, why: 'it is torn: not JSON' };
  }
  const versioned = envelope.safeParse(value);
  if (!versioned.success) return { ok: false, why: 'it has no version' };
  const { version, crc32: sum, ...fields } = versioned.data;
  if (version > current)
    return { ok: false, why: `it has version ${version}, this thawd knows up to ${current}` };
  if (version > 1 && sum !== crc32(JSON.stringify(fields)))
    return { ok: false, why: 'it was torn or changed: its checksum is another' };
  const record = VmRecord.safeParse(fields);
  if (record.success) return { ok: true, record: record.data };
  const issue = record.error.issues[0];
  return { ok: false, why: `${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? 'does not fit'}` };
}
