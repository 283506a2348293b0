import { z } from 'zod';

/** One plugin's part of a list: what is not named here is the plugin's own. */
const PluginConfig = z.looseObject({
  type: z.string().regex(/^[^/\0]{1,255}$/, 'a file name'),
  capabilities: z.record(z.string(), z.boolean()).optional(),
});
export type PluginConfig = z.infer<typeof PluginConfig>;

/** The versions of CNI that thaw speaks, newest first. */
const versions = ['1.1.0', '1.0.0'] as const;

/** A CNI configuration list (CNI specification, section 1), as it is kept. */
export const CniList = z.looseObject({
  cniVersion: z.enum(versions),
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, 'letters, digits, "_", "." and "-"'),
  /** A runtime must not ask for CHECK. */
  disableCheck: z.boolean().default(false),
  disableGC: z.boolean().default(false),
  plugins: z.array(PluginConfig).min(1).max(32),
});
export type CniList = z.infer<typeof CniList>;

/** What `cniVersions` names besides `cniVersion`: the newest that both sides know is spoken. */
const Versions = z.object({ cniVersion: z.unknown(), cniVersions: z.array(z.string()) });

/** A list as its file has it. */
export const CniListFile = z.preprocess((file) => {
  const named = Versions.safeParse(file);
  if (!named.success) return file;
  const all = [named.data.cniVersion, ...named.data.cniVersions];
  return {
    ...(file as object),
    cniVersion: versions.find((one) => all.includes(one)) ?? named.data.cniVersion,
  };
}, CniList);

export type CniCommand = 'ADD' | 'CHECK' | 'DEL' | 'GC' | 'STATUS';

/** What a runtime adds to a plugin's configuration. */
export interface Additions {
  /** Of this attachment alone; a plugin gets what it declares as its capabilities. */
  readonly runtime?: Readonly<Record<string, unknown>>;
  /** The result so far. */
  readonly prevResult?: unknown;
  /** For calls that concern no attachment. */
  readonly keys?: Readonly<Record<string, unknown>>;
}

/** What a plugin of a list reads from its standard input. Pure. */
export function stdinOf(
  { cniVersion, name }: Pick<CniList, 'cniVersion' | 'name'>,
  { capabilities = {}, ...plugin }: PluginConfig,
  { runtime = {}, prevResult, keys }: Additions,
): string {
  const taken = Object.entries(runtime).filter(([key]) => capabilities[key] === true);
  return JSON.stringify({
    ...plugin,
    ...{ cniVersion, name, ...keys },
    ...(taken.length > 0 && { runtimeConfig: Object.fromEntries(taken) }),
    ...(prevResult !== undefined && { prevResult }),
  });
}

/** Whether plugins of this version know STATUS, which came with 1.1. Pure. */
export const knowsStatus = ({ cniVersion }: CniList): boolean => cniVersion === '1.1.0';

/** Whether they know GC, which came with it, and may be asked for it. Pure. */
export const knowsGc = (list: CniList): boolean => knowsStatus(list) && !list.disableGC;
