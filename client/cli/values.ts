import type { Valued } from './command.js';
import { oneOf } from './near.js';
import { usage } from './usage.js';

const perUnit: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const perSize: Readonly<Record<string, number>> = { '': 1, m: 1, mib: 1, g: 1024, gib: 1024 };

function scaled(text: string, units: Readonly<Record<string, number>>): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]*)$/i.exec(text);
  const factor = units[(match?.[2] ?? '?').toLowerCase()];
  return match === null || factor === undefined ? null : Math.round(Number(match[1]) * factor);
}

const readers = {
  int: { read: (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : null), what: 'a whole number' },
  duration: { read: (text: string) => scaled(text, perUnit), what: 'a duration like 500ms, 30s or 2m' },
  mebibytes: { read: (text: string) => scaled(text, perSize), what: 'a size in MiB, or like 2G' },
};

/** One value of an option, in its own unit. @throws usage */
export function readValue(name: string, option: Valued, text: string): string | number {
  if (option.type === 'text') {
    if (Array.isArray(option.completes) && !option.completes.includes(text)) {
      throw usage(`--${name} ${text}: ${oneOf(text, option.completes)}`);
    }
    return text;
  }
  const { read, what } = readers[option.type];
  const value = read(text);
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = option;
  if (value === null) throw usage(`--${name} ${text}: not ${what}`);
  if (value < min || value > max) {
    const unit = { int: '', duration: ' ms', mebibytes: ' MiB' }[option.type];
    throw usage(`--${name} ${text}: from ${min} to ${max}${unit}`);
  }
  return value;
}

/** `key=value,key=value` with only the given keys, none twice. @throws usage */
export function readFields<K extends string>(
  name: string,
  text: string,
  keys: readonly K[],
): Readonly<Partial<Record<K, string>>> {
  const fields: Partial<Record<K, string>> = {};
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const key = keys.find((known) => known === part.slice(0, Math.max(0, at)));
    if (key === undefined)
      throw usage(`--${name} ${text}: "${part}" is not one of ${keys.map((k) => `${k}=…`).join(', ')}`);
    if (fields[key] !== undefined) throw usage(`--${name} ${text}: ${key} stands there twice`);
    fields[key] = part.slice(at + 1);
  }
  return fields;
}

/** `--label key=value`, repeated. @throws usage */
export function readLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw usage(`--label ${text}: give it as key=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
