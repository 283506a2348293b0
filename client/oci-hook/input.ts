/** What a runtime tells a hook, as far as it matters before the daemon has looked at it. */
export interface HookInput {
  /** As it came, without annotations that are others' business: they may hold secrets. */
  readonly state: Readonly<Record<string, unknown>>;
  /** Whether any annotation is thaw's. */
  readonly ours: boolean;
}

const prefix = 'dev.thaw.';
const known = ['ociVersion', 'id', 'status', 'pid', 'bundle'];

/** Reads a container's state (OCI runtime specification); a text where it is none, saying why. Pure. */
export function readState(text: string): HookInput | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text.trim() === '' ? 'it is empty' : 'it is no JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is no object';
  const state = value as Readonly<Record<string, unknown>>;
  if (typeof state['id'] !== 'string' || state['id'] === '') return 'it has no container id';
  const given = state['annotations'];
  const all = typeof given === 'object' && given !== null ? Object.entries(given) : [];
  const annotations = all.filter(([name]) => name.startsWith(prefix));
  const rest = Object.entries(state).filter(([name]) => known.includes(name));
  return {
    state: { ...Object.fromEntries(rest), annotations: Object.fromEntries(annotations) },
    ours: annotations.length > 0,
  };
}

/** What the command line says. */
export interface HookCall {
  readonly stage: 'createRuntime' | 'poststart' | 'poststop';
  /** Milliseconds until the runtime kills its hook. */
  readonly timeoutMs: number;
}

const stages = ['createRuntime', 'poststart', 'poststop'] as const;

/** Reads the command line; a text where it is wrong, saying how. Pure. */
export function readArguments(words: readonly string[]): HookCall | string {
  const [stage, ...more] = words;
  const found = stages.find((one) => one === stage);
  if (!found) return `the first argument is the stage: ${stages.join(', ')}`;
  if (more.length === 0) return { stage: found, timeoutMs: 30_000 };
  const [option, seconds = ''] = more;
  if (option !== '--timeout' || more.length !== 2 || !/^[1-9]\d{0,3}$/.test(seconds))
    return "after the stage there may be --timeout SECONDS, as in the hook's own definition";
  return { stage: found, timeoutMs: Number(seconds) * 1000 };
}

/** Of the runtime's patience, what is kept for undoing and telling why. */
export function patience(timeoutMs: number): number {
  return Math.max(timeoutMs / 2, timeoutMs - 5_000);
}
