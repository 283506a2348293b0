import { methods } from '../../daemon/api/index.js';

export const generatedPath = 'client/methods.gen.ts';

/** The text that `client/methods.gen.ts` should have. */
export function generated(): string {
  const lines = Object.values(methods).map(
    ({ name, access, progress }) => `  '${name}': { access: '${access}', progress: ${progress} },\n`,
  );
  return (
    '// Made from the contract by `node dist/test/client/generate.js`; a test fails where it is stale.\n' +
    "import type { Access } from '../daemon/api/define.js';\n" +
    "import type { MethodName } from '../daemon/api/index.js';\n\n" +
    '/** What must be known of a method without loading its schemas. */\n' +
    'export interface MethodInfo {\n  readonly access: Access;\n  readonly progress: boolean;\n}\n\n' +
    '/** By name. A newer daemon may have methods that are not here: those are called like any change. */\n' +
    'export const methodTable: Readonly<Record<string, MethodInfo>> = {\n' +
    `${lines.join('')}} satisfies Record<MethodName, MethodInfo>;\n`
  );
}
