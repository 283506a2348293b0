import type { ErrorInfo } from '../../daemon/api/define.js';
import { errorRegistry } from '../../daemon/api/errors/index.js';
import * as standard from '../../daemon/api/errors/standard.js';
import { methods } from '../../daemon/api/index.js';
import { clientErrors } from '../../client/errors.js';
import type { Explanation } from '../../client/explanation.js';

type Known = Pick<ErrorInfo, 'code' | 'reason' | 'retryable' | 'template'>;

/** What belongs together, by the first code of each range. */
const chapters: readonly (readonly [number, string])[] = [
  [-32700, 'JSON-RPC: requests that reach no method'],
  [1000, 'The conversation with the daemon'],
  [1100, 'The host and its files'],
  [1900, 'Met by the client alone'],
  [2000, 'VMs'],
  [2100, 'The VMM and its API'],
  [3000, 'Snapshots'],
  [3100, 'Networks and NICs'],
  [3150, 'Network namespaces and CNI'],
  [3200, 'The agent in the guest'],
  [3300, 'Clones of containers'],
];

/** Everything that a call can end in, in the order of codes. */
function everyError(): readonly Explanation[] {
  const client = Object.values(clientErrors).filter(({ code }) => code >= 1900 && code < 2000);
  const known: readonly Known[] = [...Object.values(standard), ...errorRegistry, ...client];
  const from = ({ code }: Known): readonly string[] =>
    Object.values(methods)
      .filter(({ errors }) => errors.some((error) => error.code === code))
      .map(({ name }) => name);
  return known
    .map((error) => {
      const { code, reason, retryable, template } = error;
      return { code, reason, retryable, ...template, methods: from(error) };
    })
    .sort((a, b) => a.code - b.code);
}

/** The text of `client/errors.gen.ts`. */
export function explanationTable(): string {
  return `// Made from the registry of errors by \`npm run generate\`; a test fails where it is stale.
    import type { Explanation } from './explanation.js';

    /** Every error that a call can end in, in the order of codes. */
    export const explanations = ${JSON.stringify(everyError(), null, 2)} as const satisfies readonly Explanation[];

    /** The \`reason\` of an error of this version's. */
    export type ErrorReason = (typeof explanations)[number]['reason'];`;
}

/** The text of `client/errors.md`. */
export function errorPage(): string {
  const errors = everyError();
  const sections = chapters.map(([first, title], n) => {
    const end = chapters[n + 1]?.[0] ?? Infinity;
    const inside = errors.filter(({ code }) => code >= first && code < end);
    return [`## ${title}`, ...inside.map(entry)].join('\n\n');
  });
  return `# Errors

Made from the registry of errors by \`npm run generate\`. \`thaw explain REASON\` shows an entry, and every error brings its own
message and remedy along, with names and numbers in place of what stands in braces here. Programs match on \`reason\` (or the
code), never on text. **Retryable** means that the same call may succeed later.

${sections.join('\n\n')}
`;
}

/** What Markdown would take for its own stays as it is. */
const plain = (text: string): string => text.replace(/[*_<>[\]|]/g, '\\$&');

function entry({ code, reason, retryable, message, remedy, methods: from }: Explanation): string {
  const facts = [
    `code ${code}`,
    ...(retryable ? ['**retryable**'] : []),
    ...from.map((name) => `\`${name}\``),
  ];
  return [`### ${reason}`, `${plain(message)}.`, `→ ${plain(remedy)}.`, facts.join(' · ')].join('\n\n');
}
