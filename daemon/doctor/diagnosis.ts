import type { Diagnosis } from '../api/system.js';

/** All is well with `check`. */
export const ok = (check: string, found: string): Diagnosis => ({ check, level: 'ok', found, remedy: null });

/** Something works less well, or will fail under circumstances that `found` names. */
export const warning = (check: string, found: string, remedy: string): Diagnosis => ({
  check,
  level: 'warning',
  found,
  remedy,
});

/** thaw can't do its work, or part of it, until this is mended. */
export const problem = (check: string, found: string, remedy: string): Diagnosis => ({
  check,
  level: 'problem',
  found,
  remedy,
});
