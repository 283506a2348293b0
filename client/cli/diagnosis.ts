import type { Diagnosis } from '../../daemon/api/system.js';
import { exit, type ExitCode } from './exit.js';
import type { Look } from './terminal.js';
import { beside, clean, pad } from './text.js';

const signs = { ok: ['green', '✓'], warning: ['yellow', '!'], problem: ['red', '✗'] } as const;

/** What a doctor found, a line each, and beneath it what to do. */
export function diagnosisLines(diagnoses: readonly Diagnosis[], { paint, width }: Look): readonly string[] {
  const widest = Math.max(0, ...diagnoses.map(({ check }) => check.length));
  const left = widest + 4;
  return diagnoses.flatMap(({ check, level, found, remedy }) => {
    const [colour, sign] = signs[level];
    const head = `${paint(colour, sign)} ${pad(clean(check), widest)}  `;
    const arrow = { head: `${' '.repeat(left)}→ `, left: left + 2 };
    return [
      ...beside({ head, left }, clean(found), width),
      ...(remedy === null ? [] : beside(arrow, clean(remedy), width)),
    ];
  });
}

/** Warnings alone are no failure. */
export const exitOf = (diagnoses: readonly Diagnosis[]): ExitCode =>
  diagnoses.some(({ level }) => level === 'problem') ? exit.failed : exit.ok;
