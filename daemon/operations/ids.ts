import { randomBytes } from 'node:crypto';
import { OperationId, SnapshotId, VmId } from '../api/shapes/ids.js';

const alphabet = '0123456789abcdefghijklmnopqrstuv';

/** Ten characters, 50 random bits: at a million ids the chance that any two are equal is below 1 in 2,000. */
function word(): string {
  let out = '';
  for (const byte of randomBytes(10)) out += alphabet[byte & 31] ?? '';
  return out;
}

export const newVmId = (): VmId => VmId.parse(`vm-${word()}`);
export const newSnapshotId = (): SnapshotId => SnapshotId.parse(`snap-${word()}`);
export const newOperationId = (): OperationId => OperationId.parse(`op-${word()}`);

/** 32 hexadecimal digits, as systemd makes a machine-id: a version 4 UUID without hyphens. */
export function newMachineId(): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex');
}
