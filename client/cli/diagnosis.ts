import type { Diagnosis } from '../../daemon/api/system.js';
import { exit, type ExitCode } from './exit.js';
import type { Paint } from './terminal.js';
import { clean, pad } from './text.js';

const signs = { ok: ['green', '✓'], warning: ['yellow', '!'], problem: ['red', '✗'] } as const;

/** What a doctor found, a line each, and beneath it what to do. */
export function diagnosisLines(diagnoses: readonly Diagnosis[], paint: Paint): readonly string[] {
  const left = Math.max(0, ...diagnoses.map(({ check }) => check.length));
  return diagnoses.flatMap(({ check, level, found, remedy }) => {
    const [colour, sign] = signs[level];
    return [
      `${paint(colour, sign)} ${pad(clean(check), left)}  ${clean(found)}`,
      ...(remedy === null ? [] : [`  ${' '.repeat(left)}  → ${clean(remedy)}`]),
    ];
  });
}

/** Warnings alone are no failure. */
export const exitOf = (diagnoses: readonly Diagnosis[]): ExitCode =>
  diagnoses.some(({ level }) => level === 'problem') ? exit.failed : exit.ok;
