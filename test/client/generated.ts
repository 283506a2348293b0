import { format, resolveConfig } from 'prettier';
import { methods } from '../../daemon/api/index.js';
import { contractVersion } from '../../daemon/api/system.js';
import { errorPage, explanationTable } from './error-page.js';

/** What is made from the contract: the text that each file should have, by its path. */
export async function generated(): Promise<Readonly<Record<string, string>>> {
  const texts = {
    'client/methods.gen.ts': methodTable(),
    'client/errors.gen.ts': explanationTable(),
    'client/errors.md': errorPage(),
  };
  const formatted = Object.entries(texts).map(async ([path, text]) => [
    path,
    await format(text, { ...(await resolveConfig(path)), filepath: path }),
  ]);
  return Object.fromEntries(await Promise.all(formatted)) as Record<string, string>;
}

function methodTable(): string {
  const lines = Object.values(methods).map(
    ({ name, access, progress }) => `'${name}': { access: '${access}', progress: ${progress} },`,
  );
  return `// Made from the contract by \`npm run generate\`; a test fails where it is stale.
    import type { Access } from '../daemon/api/define.js';
    import type { MethodName } from '../daemon/api/index.js';
    import type { Callable } from './types.js';

    /** The version of the contract that this client was made from. */
    export const contractVersion = '${contractVersion}';

    /** What must be known of a method without loading its schemas. */
    export interface MethodInfo {
      readonly access: Access;
      readonly progress: boolean;
    }

    /** By name. A newer daemon may have methods that are not here: those are called like any change. */
    export const methodTable: Readonly<Record<string, MethodInfo>> = {
      ${lines.join('\n')}
    } satisfies Record<MethodName, MethodInfo>;

    /** \`client.snapshot.restore(…)\` for \`snapshot.restore\`. Events have an iterator in place of their method. */
    export interface Grouped {
      ${namespaces().map(group).join('\n')}
    }`;
}

const every = Object.values(methods);
const namespaces = (): readonly string[] =>
  [...new Set(every.map(({ name }) => name.split('.')[0] ?? ''))].filter((space) => space !== 'events');

/** What an editor shows of each method of a namespace: its summary, and what it can fail with besides the usual. */
function group(space: string): string {
  const members = every
    .filter(({ name }) => name.startsWith(`${space}.`))
    .map(({ name, summary, errors }) => {
      const reasons = [...new Set(errors.map(({ reason }) => reason))];
      const fails = reasons.length === 0 ? [] : [`@throws ThawError: ${reasons.join(', ')}`];
      const text = [summary, ...fails].map((line) => `\n       * ${line}`).join('');
      return `/**${text}\n       */\n readonly ${name.slice(space.length + 1)}: Callable<'${name}'>;`;
    });
  return `readonly ${space}: {\n${members.join('\n')}\n};`;
}
