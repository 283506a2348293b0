/**
 * The same scenario with everything changed that should not matter: names, ids, MACs, paths, numbers, the order of
 * independent steps. Whoever recognises a request by its text fails here.
 */
import { bodyText, isRequest, type RequestStep, type Scenario, type Step } from './scenario.js';

/** Repeatable random numbers in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Names {
  /** What stands for a word of the recording. */
  replace(text: string): string;
  /** Where an offset of the recorded body is in the new one, `$D` and the like expanded. */
  column(recorded: string, offset: number): number;
  readonly random: () => number;
  /** Of every machine that is given one: snapshots are shared between scenarios. */
  readonly size: { cpus: number; memory: number };
}

/** Lengths of what stood for the placeholders when it was recorded, and of what stands for them now. */
export interface Lengths {
  recorded: Record<string, number>;
  now: Record<string, number>;
}

const words =
  /\$(?:KERNEL|BASE|D)\b|(?<=\$(?:BASE|D)\/)(?!root\b|data\b)[a-z0-9]+(?:\.sock)?\b|\bfctap\d\b|\bfcmissing\b|\bfct\d+\b|\beth\d\b|\beth-1\b|\b06:00:ac:10:00:0\d\b|\bnot-a-mac\b|\bfc-rt-123456789012\b|\bnonsense\b/g;

/** One consistent renaming for all scenarios of a run. */
export function names(seed: number, lengths: Lengths): Names {
  const random = randomFrom(seed);
  const known = new Map<string, string>();
  const letters = (count: number, from: string): string =>
    Array.from({ length: count }, () => from.charAt(Math.floor(random() * from.length))).join('');
  const word = (min: number, max: number): string =>
    letters(1, 'bcdfghk') +
    letters(min - 1 + Math.floor(random() * (max - min + 1)), 'abcdefghijkmnpqrstuvwxyz0123456789');
  const invent = (old: string): string => {
    if (old.startsWith('$')) return old;
    if (/^fct|^fcm/.test(old)) return word(4, 15);
    if (/^eth\d$/.test(old)) return `${word(2, 9)}_${word(1, 9)}`;
    if (old === 'eth-1') return `${word(1, 5)}-${word(1, 5)}`;
    if (old.startsWith('06:'))
      return `02:${Array.from({ length: 5 }, () => letters(2, '0123456789abcdef')).join(':')}`;
    if (old === 'not-a-mac')
      return ['02:00:00:00:00', '02:00:00:00:00:0g', word(3, 20)][Math.floor(random() * 3)] ?? '';
    if (old.startsWith('fc-rt')) return word(16, 30);
    if (old.endsWith('.sock')) return `${word(2, 9)}.sock`;
    return word(3, 12);
  };
  const nameOf = (old: string): string => {
    let name = known.get(old);
    // A word that was not there before, nor is in use: two taps must not become one.
    while (name === undefined || ([...known.values()].includes(name) && known.get(old) !== name))
      name = invent(old);
    known.set(old, name);
    return name;
  };
  const oneOf = (...values: number[]): number => values[Math.floor(random() * values.length)] ?? 1;
  return {
    random,
    size: { cpus: oneOf(1, 2, 4), memory: oneOf(32, 64, 200) },
    replace: (text) => text.replace(words, nameOf),
    column: (recorded, offset) => {
      // `end` is where a word ends in the recorded text with its placeholders expanded.
      let expanded = 0;
      let moved = 0;
      for (const match of recorded.matchAll(words)) {
        const before = lengths.recorded[match[0]] ?? match[0].length;
        const end = match.index + expanded + before;
        if (end > offset) break;
        expanded += before - match[0].length;
        const now = nameOf(match[0]);
        moved += (lengths.now[now] ?? now.length) - before;
      }
      return offset + moved;
    },
  };
}

function renamed(step: Step, by: Names): Step {
  const fresh = JSON.parse(by.replace(JSON.stringify(step))) as Step;
  if ('sh' in fresh && fresh.sh.startsWith('ls ')) {
    // The files of the harness, a VMM's log and socket, keep their names.
    const lines = fresh.out
      .split('\n')
      .map((line) => (line.startsWith('a.') ? line : by.replace(`$D/${line}`).slice(3)));
    return { ...fresh, out: lines.sort().join('\n') };
  }
  if (!isRequest(step) || !isRequest(fresh)) return fresh;
  const text = bodyText(step) ?? '';
  const answer = JSON.stringify(fresh.answer).replace(
    /(line 1 column )(\d+)/,
    (_, head: string, column: string) => `${head}${by.column(text, Number(column))}`,
  );
  return { ...fresh, answer: JSON.parse(answer) as unknown };
}

/** Another size for each machine that is given one, wherever it shows afterwards. */
function resized(steps: Step[], by: Names): Step[] {
  const { cpus, memory } = by.size;
  const sized = new Set<string>();
  return steps.map((step) => {
    if (!isRequest(step)) return step;
    const plain = JSON.stringify(step.body) === '{"vcpu_count":1,"mem_size_mib":128}';
    if (step.path === '/machine-config' && plain) {
      sized.add(step.vm);
      return { ...step, body: { vcpu_count: cpus, mem_size_mib: memory } };
    }
    if (step.path === '/snapshot/load' && step.status === 204) sized.add(step.vm);
    if (!sized.has(step.vm)) return step;
    const answer = JSON.stringify(step.answer).replace(
      '"vcpu_count":1,"mem_size_mib":128',
      `"vcpu_count":${cpus},"mem_size_mib":${memory}`,
    );
    return { ...step, answer: JSON.parse(answer) as unknown };
  });
}

function shuffled<T>(items: T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

const configuring = new Set(['/boot-source', '/machine-config', '/vsock', '/entropy']);

/** What kind of run a step may be moved about in: questions and refusals change nothing, settings don't meet. */
function movable(step: Step, next: Step | undefined): string | undefined {
  if (!isRequest(step) || (next !== undefined && 'exit' in next)) return undefined;
  if (step.status === 200 || step.status === 400) return `${step.vm} asks`;
  if (step.method === 'PUT' && step.status === 204 && configuring.has(step.path))
    return `${step.vm} configures`;
  return undefined;
}

function reordered(steps: Step[], random: () => number): Step[] {
  const result: Step[] = [];
  let run: Step[] = [];
  let kind: string | undefined;
  const flush = (): void => {
    result.push(...shuffled(run, random));
    run = [];
  };
  steps.forEach((step, index) => {
    const own = movable(step, steps[index + 1]);
    if (own !== kind) flush();
    kind = own;
    if (own === undefined) result.push(step);
    else run.push(step);
  });
  flush();
  return result;
}

/** Questions in between change nothing. */
function questioned(steps: Step[], version: string, random: () => number): Step[] {
  // The two transcripts of main name it differently.
  const full = version.replace(/^1\.17-dev$/, '1.17.0-dev');
  return steps.flatMap((step, index) => {
    const next = steps[index + 1];
    if (!isRequest(step) || random() > 0.2 || (next !== undefined && 'exit' in next)) return [step];
    const question: RequestStep = {
      vm: step.vm,
      method: 'GET',
      path: '/version',
      status: 200,
      answer: { firecracker_version: full },
    };
    return [question, step];
  });
}

/** A scenario varied. */
export function vary(scenario: Scenario, by: Names): Scenario {
  const handed = !['wrong-types', 'odd-bodies', 'http', 'drives', 'overrides', 'after-boot'].includes(
    scenario.scenario,
  );
  const sized = handed ? resized(scenario.steps, by) : scenario.steps;
  const steps = reordered(
    sized.map((step) => renamed(step, by)),
    by.random,
  );
  return { ...scenario, steps: questioned(steps, scenario.version, by.random) };
}
