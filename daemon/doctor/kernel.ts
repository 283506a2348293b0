/** What tells of the running kernel whether it can do something. */
export interface KernelFacts {
  /** Its configuration, e.g. `/proc/config.gz`; null where it is kept nowhere. */
  readonly config: string | null;
  /** `/proc/modules`. */
  readonly loaded: string | null;
  /** `modules.builtin` and `modules.dep` of its release. */
  readonly builtin: string | null;
  readonly loadable: string | null;
}

/** `y`: there. `m`: will be there once its module is loaded. `n`: not. null: nothing tells. */
export type Presence = 'y' | 'm' | 'n' | null;

/** The value of an option in the text of a kernel's configuration: `y`, `m`, or `n` where it is unset or absent. */
export function optionIn(config: string, option: string): 'y' | 'm' | 'n' {
  const value = new RegExp(`^CONFIG_${option}=(.*)$`, 'm').exec(config)?.[1]?.trim();
  return value === 'y' || value === 'm' ? value : 'n';
}

const lists = (text: string | null, module: string): boolean =>
  text !== null && new RegExp(`(?:^|/)${module.replaceAll('_', '[_-]')}\\.ko`, 'm').test(text);

/** Whether the running kernel has what the option `option` builds, as module or not. */
export function kernelHas(facts: KernelFacts, option: string, module: string): Presence {
  if (new RegExp(`^${module} `, 'm').test(facts.loaded ?? '')) return 'y';
  if (lists(facts.builtin, module)) return 'y';
  if (lists(facts.loadable, module)) return 'm';
  const configured = facts.config === null ? null : optionIn(facts.config, option);
  // Configured as a module that is nowhere to be found: not installed, or not visible from a container.
  return configured === 'm' && facts.loadable !== null ? 'n' : configured;
}
