import { configInvalid } from '../api/errors/host.js';
import { Config } from './schema.js';

/**
 * Checks a configuration's text; `path` only names it in the error.
 * @throws configInvalid with every problem and the key it stands at
 */
export function parseConfig(text: string, path: string): Config {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw configInvalid({ path, problems: 'it is not JSON' }, { cause });
  }
  const parsed = Config.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
  );
  throw configInvalid({ path, problems: problems.join('; ') }, { cause: parsed.error });
}
