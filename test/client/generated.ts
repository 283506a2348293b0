import { format, resolveConfig } from 'prettier';
import { methods } from '../../daemon/api/index.js';
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

    /** What must be known of a method without loading its schemas. */
    export interface MethodInfo {
      readonly access: Access;
      readonly progress: boolean;
    }

    /** By name. A newer daemon may have methods that are not here: those are called like any change. */
    export const methodTable: Readonly<Record<string, MethodInfo>> = {
      ${lines.join('\n')}
    } satisfies Record<MethodName, MethodInfo>;`;
}
