import type { z } from 'zod';
import { type AnyPlugin, pluginContract, type PluginKind } from '../../plugins/contract.js';

/** How many of a kind there can be: one, or one of each name. */
export const kinds: Readonly<Record<PluginKind, 'one' | 'many'>> = {
  fabric: 'one',
  storage: 'one',
  strategy: 'many',
  agent: 'many',
  lifecycle: 'many',
};

const namePattern = /^[a-z][a-z0-9-]{0,30}$/;

export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export const refuse = (why: string): { ok: false; why: string } => ({ ok: false, why });

/** Whether something loaded is a plugin that this daemon can start; built-in ones pass the same checks. */
export function checkPlugin(candidate: unknown): Checked<AnyPlugin> {
  if (typeof candidate !== 'object' || candidate === null) {
    return refuse(
      `its default export is ${candidate === undefined ? 'missing' : typeof candidate}, no plugin`,
    );
  }
  const { kind, name, contract, config, start } = candidate as Readonly<Record<string, unknown>>;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) {
    return refuse(`its kind is ${JSON.stringify(kind)}, not one of ${Object.keys(kinds).join(', ')}`);
  }
  if (typeof name !== 'string' || !namePattern.test(name)) {
    return refuse(
      `its name is ${JSON.stringify(name)}; a name is up to 31 lower-case letters, digits and hyphens`,
    );
  }
  if (contract !== pluginContract) {
    return refuse(
      `it was written for version ${JSON.stringify(contract)} of the contract, this thawd has version ${pluginContract}`,
    );
  }
  // Not by class: a plugin may bring a zod of its own.
  if (typeof config !== 'object' || config === null || !('safeParse' in config)) {
    return refuse('its config is no zod schema');
  }
  if (typeof start !== 'function') return refuse('it has no function start');
  return { ok: true, value: candidate as AnyPlugin };
}

/** A plugin's settings by its own schema; nothing set is an empty object. */
export function checkSettings(plugin: AnyPlugin, settings: unknown): Checked<unknown> {
  const parsed: z.ZodSafeParseResult<unknown> = plugin.config.safeParse(settings ?? {});
  if (parsed.success) return { ok: true, value: parsed.data };
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`,
  );
  return refuse(`its settings are wrong: ${problems.join('; ')}`);
}
