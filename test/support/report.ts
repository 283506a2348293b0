/** What can be told of one failed assertion, as node-tap's parser gives it. */
export interface Failure {
  readonly fullname?: string;
  readonly name?: string;
  readonly diag?: unknown;
}

/** What is left out of a report: it repeats the source or says what everybody knows. */
const dull = new Set([
  'source',
  'tapCaught',
  'test',
  'jobId',
  'externalID',
  'stdio',
  'cwd',
  'command',
  'args',
]);

/** One failure as people read it. */
export function describe(file: string, failure: Failure): string {
  const diag = typeof failure.diag === 'object' && failure.diag !== null ? Object.entries(failure.diag) : [];
  const lines = diag
    .filter(([key]) => !dull.has(key))
    .map(([key, value]) => `    ${key}: ${indent(key === 'at' ? place(value) : textOf(value))}`);
  return [`  not ok ${failure.fullname ?? `${file} > ${failure.name ?? '?'}`}`, ...lines].join('\n');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function place(at: unknown): string {
  if (typeof at !== 'object' || at === null || !('fileName' in at) || !('lineNumber' in at))
    return textOf(at);
  return `${textOf(at.fileName)}:${textOf(at.lineNumber)}`;
}

function indent(text: string): string {
  const lines = text.trimEnd().split('\n');
  return lines.length === 1 ? text.trimEnd() : ['', ...lines].join('\n      ');
}
