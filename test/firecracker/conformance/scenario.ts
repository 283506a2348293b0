/** The transcripts: one scenario a line, each a list of steps (facts/firecracker-measured.md, first paragraph). */
import fs from 'node:fs';
import { join } from 'node:path';
import { projectDir } from '../../support/paths.js';

export interface RequestStep {
  vm: string;
  method: string;
  path: string;
  body?: unknown;
  raw?: string;
  status: number;
  answer: unknown;
}
export type Step =
  | { spawn: string; args: string[] }
  | { kill: string }
  | { sh: string; rc: number; out: string }
  | { exit: { code: number | null; signal: string | null } | null }
  | { wire: string; send: string; reply: string }
  | RequestStep;

export interface Scenario {
  scenario: string;
  version: string;
  about: string;
  steps: Step[];
}

export const isRequest = (step: Step): step is RequestStep => 'method' in step;

const fixtures = join(projectDir, 'test/firecracker/fixtures');

/** All scenarios of a version, in their order: what was handed to us, then what was recorded here with the same binaries. */
export function scenarios(version: string): Scenario[] {
  return [`${version}.jsonl`, `${version}-more.jsonl`]
    .filter((name) => fs.existsSync(join(fixtures, name)))
    .flatMap((name) =>
      fs
        .readFileSync(join(fixtures, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Scenario),
    );
}

/** The body as it went over the wire. */
export function bodyText(step: RequestStep): string | undefined {
  if (step.raw !== undefined) return step.raw;
  return step.body === undefined ? undefined : JSON.stringify(step.body);
}
