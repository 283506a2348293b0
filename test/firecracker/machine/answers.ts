/** Actions that are answered alike before and after boot. */
import { Fault } from '../errors.js';

export const notBeforeBoot = (): Fault =>
  new Fault('The requested operation is not supported before starting the microVM.');
export const notAfterBoot = (): Fault =>
  new Fault('The requested operation is not supported after starting the microVM.');

/** RFC 7396, as MMDS patches its data. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}
