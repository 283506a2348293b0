import { z } from 'zod';
import type { Method } from '../api/define.js';
import { invalidParams } from '../api/errors/standard.js';
import { nearest } from '../api/nearest.js';

/** Checks a method's params and fills in defaults. Made once for each method. */
export type ParamsCheck = (params: object | undefined) => unknown;

const nothing = Object.freeze({});

/** @throws invalidParams (the check), naming each problem with its path */
export function paramsCheck(method: Method): ParamsCheck {
  const schema = method.params;
  const takesNothing = schema instanceof z.ZodObject && Object.keys(schema.shape).length === 0;
  return (params = nothing) => {
    if (takesNothing && isEmptyObject(params)) return nothing;
    if (Array.isArray(params)) throw invalidParams('give them by name, as an object');
    const checked = schema.safeParse(params);
    if (checked.success) return checked.data;
    const problems = checked.error.issues.map((issue) => problemOf(issue, schema));
    throw invalidParams(problems.map(({ at, what }) => (at === '' ? what : `${at}: ${what}`)).join('; '), {
      problems,
    });
  };
}

function isEmptyObject(params: object): boolean {
  if (Array.isArray(params)) return false;
  for (const _ in params) return false;
  return true;
}

function problemOf(issue: z.core.$ZodIssue, schema: z.ZodType): { at: string; what: string } {
  const at = pathText(issue.path);
  if (issue.code !== 'unrecognized_keys') return { at, what: issue.message };
  const known = keysAt(schema, issue.path);
  const hints = issue.keys.map((key) => `unknown key \`${key.slice(0, 64)}\`${nearest(key, known)}`);
  return { at, what: hints.join(', ') };
}

/** `nics[0].address` */
function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    text += typeof part === 'number' ? `[${part}]` : `${text === '' ? '' : '.'}${String(part)}`;
  }
  return text;
}

/** The keys that the object at `path` may have, all alternatives of a union together. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const [part, ...rest] = path;
  if (isWrapper(schema)) return keysAt(schema.def.innerType, path);
  if (schema instanceof z.ZodPipe) return keysAt(schema.in, path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option, path));
  if (schema instanceof z.ZodObject) {
    if (part === undefined) return Object.keys(schema.shape);
    const inner: unknown = typeof part === 'string' ? schema.shape[part] : undefined;
    return inner instanceof z.ZodType ? keysAt(inner, rest) : [];
  }
  if (schema instanceof z.ZodArray && part !== undefined) return keysAt(schema.element, rest);
  if (schema instanceof z.ZodRecord && part !== undefined) return keysAt(schema.valueType, rest);
  return [];
}

type Wrapper = z.ZodOptional | z.ZodNullable | z.ZodDefault | z.ZodPrefault;

function isWrapper(schema: z.core.$ZodType): schema is Wrapper {
  const kinds = [z.ZodOptional, z.ZodNullable, z.ZodDefault, z.ZodPrefault];
  return kinds.some((kind) => schema instanceof kind);
}
