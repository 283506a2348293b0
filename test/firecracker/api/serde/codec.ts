/** Values as serde's derive reads them from JSON: what is expected where, and how each surprise is worded. */
import { describeNumber, readNumber } from './number.js';
import { type Reader, SerdeError } from './reader.js';

export interface Codec<T> {
  decode(reader: Reader): T;
  /** Set where a missing field is no error, as with `Option` and `#[serde(default)]`. */
  readonly missing?: () => T;
  /** `#[serde(default)]`: may be missing from a sequence, too. */
  readonly defaulted?: true;
}
export type Decoded<C> = C extends Codec<infer T> ? T : never;

/** What stands at the cursor instead of what was `expected`. */
export function invalidType(reader: Reader, expected: string): SerdeError {
  const surprise = (what: string): SerdeError => reader.error(`invalid type: ${what}, expected ${expected}`);
  const letter = reader.peek();
  switch (letter) {
    case 'n':
      reader.eat();
      reader.ident('ull');
      return surprise('null');
    case 't':
      reader.eat();
      reader.ident('rue');
      return surprise('boolean `true`');
    case 'f':
      reader.eat();
      reader.ident('alse');
      return surprise('boolean `false`');
    case '"':
      reader.eat();
      return surprise(`string ${JSON.stringify(reader.string())}`);
    case '[':
      return surprise('sequence');
    case '{':
      return surprise('map');
    default:
      if (letter === '-' || (letter >= '0' && letter <= '9' && letter !== '')) {
        return surprise(describeNumber(readNumber(reader)));
      }
      return reader.peekError('expected value');
  }
}

/** The next token, or the error that every value begins with when there is none. */
export function valueAhead(reader: Reader): string {
  const token = reader.peekToken();
  if (token === '') throw reader.peekError('EOF while parsing a value');
  return token;
}

function text(expected: string): Codec<string> {
  return {
    decode(reader) {
      if (valueAhead(reader) !== '"') throw invalidType(reader, expected);
      reader.eat();
      return reader.string();
    },
  };
}
export const string = text('a string');
export const path = text('path string');

export const boolean: Codec<boolean> = {
  decode(reader) {
    const token = valueAhead(reader);
    if (token !== 't' && token !== 'f') throw invalidType(reader, 'a boolean');
    reader.eat();
    reader.ident(token === 't' ? 'rue' : 'alse');
    return token === 't';
  },
};

function unsigned(name: string, max: bigint): Codec<number> {
  return {
    decode(reader) {
      const token = valueAhead(reader);
      if (token !== '-' && !(token >= '0' && token <= '9')) throw invalidType(reader, name);
      const number = readNumber(reader);
      if (number.is === 'float')
        throw reader.error(`invalid type: ${describeNumber(number)}, expected ${name}`);
      if (number.value < 0n || number.value > max) {
        throw reader.error(`invalid value: ${describeNumber(number)}, expected ${name}`);
      }
      return Number(number.value);
    },
  };
}
export const u8 = unsigned('u8', 0xffn);
export const u16 = unsigned('u16', 0xffffn);
export const u32 = unsigned('u32', 0xffff_ffffn);
export const u64 = unsigned('u64', 0xffff_ffff_ffff_ffffn);
export const usize = unsigned('usize', 0xffff_ffff_ffff_ffffn);

/** `Option<T>`: null and absent are the same. */
export function option<T>(inner: Codec<T>): Codec<T | null> {
  return {
    missing: () => null,
    decode(reader) {
      if (reader.peekToken() !== 'n') return inner.decode(reader);
      reader.eat();
      reader.ident('ull');
      return null;
    },
  };
}

/** `#[serde(default)]`: absent is fine, null is not. */
export function withDefault<T>(inner: Codec<T>, value: NoInfer<T>): Codec<T> {
  return { decode: (reader) => inner.decode(reader), missing: () => value, defaulted: true };
}

/** `#[serde(default)]` on an `Option`. */
export function optionalWithDefault<T>(inner: Codec<T>): Codec<T | null> {
  return { ...option(inner), defaulted: true };
}

/**
 * A check that a value's own `Deserialize` makes. Its message has no position of its own, and gets that of the
 * struct around it, unless it is made by a `Visitor`.
 */
export function checked<T, U>(
  inner: Codec<T>,
  check: (value: T) => U | { error: string },
  by: 'deserialize' | 'visitor' = 'deserialize',
): Codec<U> {
  return {
    decode(reader) {
      const result = check(inner.decode(reader));
      if (typeof result === 'object' && result !== null && 'error' in result) {
        throw by === 'visitor' ? reader.error(result.error) : new SerdeError(result.error, false);
      }
      return result;
    },
  };
}

/** How serde lists names: `a`; `a` or `b`; one of `a`, `b`, `c`. */
export function oneOf(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  if (quoted.length <= 2) return quoted.join(' or ');
  return `one of ${quoted.join(', ')}`;
}

/** An enum of plain names, as a string or as serde's other form, `{"Name":null}`. */
export function variant<const N extends string>(...names: readonly N[]): Codec<N> {
  const named = (reader: Reader): N => {
    reader.eat();
    const name = reader.string();
    const found = names.find((one) => one === name);
    if (found === undefined) throw reader.error(`unknown variant \`${name}\`, expected ${oneOf(names)}`);
    return found;
  };
  return {
    decode(reader) {
      const token = valueAhead(reader);
      if (token === '"') return named(reader);
      if (token !== '{') throw reader.peekError('expected value');
      reader.eat();
      if (valueAhead(reader) !== '"') throw reader.peekError('expected value');
      const found = named(reader);
      if (reader.peekToken() !== ':') throw reader.peekError('expected `:`');
      reader.eat();
      if (valueAhead(reader) !== 'n') throw invalidType(reader, 'unit');
      reader.eat();
      reader.ident('ull');
      if (reader.peekToken() !== '}')
        throw reader.error(reader.peek() === '' ? 'EOF while parsing an object' : 'expected value');
      reader.eat();
      return found;
    },
  };
}
