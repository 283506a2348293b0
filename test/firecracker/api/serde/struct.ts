/** Structs, lists and free JSON, with serde_json's rules about commas, duplicates and unknown names. */
import { type Codec, type Decoded, invalidType, oneOf, valueAhead } from './codec.js';
import { readNumber } from './number.js';
import { Reader, SerdeError } from './reader.js';

/** True while another key or element follows; eats the comma before it. */
function another(reader: Reader, first: boolean, close: '}' | ']'): boolean {
  let token = reader.peekToken();
  if (token === '') throw reader.peekError(`EOF while parsing ${close === '}' ? 'an object' : 'a list'}`);
  if (token === close) return false;
  if (first) return true;
  if (token !== ',') throw reader.peekError(`expected \`,\` or \`${close}\``);
  reader.eat();
  token = reader.peekToken();
  if (token === close) throw reader.peekError('trailing comma');
  if (token === '') throw reader.peekError('EOF while parsing a value');
  return true;
}

function nextKey(reader: Reader, first: boolean): string | undefined {
  if (!another(reader, first, '}')) return undefined;
  if (reader.peekToken() !== '"') throw reader.peekError('key must be a string');
  reader.eat();
  return reader.string();
}

function colon(reader: Reader): void {
  const token = reader.peekToken();
  if (token === '') throw reader.peekError('EOF while parsing an object');
  if (token !== ':') throw reader.peekError('expected `:`');
  reader.eat();
}

/** Runs `read` between the brackets; like serde_json, closes them even after an error, which moves its column. */
function enclosed<T>(reader: Reader, close: string, read: () => T): T {
  reader.depth -= 1;
  if (reader.depth === 0) throw reader.peekError('recursion limit exceeded');
  reader.eat();
  try {
    const value = read();
    if (reader.peekToken() === '')
      throw reader.peekError(`EOF while parsing ${close === '}' ? 'an object' : 'a list'}`);
    if (reader.peekToken() !== close) throw reader.peekError('trailing characters');
    reader.eat();
    return value;
  } catch (error) {
    if (error instanceof SerdeError && !error.placed) {
      const next = reader.peekToken();
      if (next === close || (next === ',' && close === ']')) reader.eat();
      throw reader.fix(error);
    }
    throw error;
  } finally {
    reader.depth += 1;
  }
}

type Shape = Readonly<Record<string, Codec<unknown>>>;
type Struct<S extends Shape> = { -readonly [K in keyof S]: Decoded<S[K]> };

/** A struct named `name`; `open` ones ignore fields that they do not know. */
export function struct<S extends Shape>(
  name: string,
  shape: S,
  options: { open?: boolean } = {},
): Codec<Struct<S>> {
  const names = Object.keys(shape);
  const codecOf = (field: string): Codec<unknown> | undefined =>
    Object.hasOwn(shape, field) ? shape[field] : undefined;

  function map(reader: Reader): Struct<S> {
    const values: Record<string, unknown> = {};
    for (let first = true; ; first = false) {
      const key = nextKey(reader, first);
      if (key === undefined) break;
      const codec = codecOf(key);
      if (!codec && !options.open)
        throw new SerdeError(`unknown field \`${key}\`, expected ${oneOf(names)}`, false);
      if (Object.hasOwn(values, key)) throw new SerdeError(`duplicate field \`${key}\``, false);
      colon(reader);
      if (codec) values[key] = codec.decode(reader);
      else json.decode(reader);
    }
    const complete: Record<string, unknown> = {};
    for (const field of names) {
      if (Object.hasOwn(values, field)) {
        complete[field] = values[field];
        continue;
      }
      const missing = codecOf(field)?.missing;
      if (!missing) throw new SerdeError(`missing field \`${field}\``, false);
      complete[field] = missing();
    }
    return complete as Struct<S>;
  }

  function sequence(reader: Reader): Struct<S> {
    const values: Record<string, unknown> = {};
    names.forEach((field, index) => {
      const codec = codecOf(field);
      if (another(reader, index === 0, ']')) {
        values[field] = codec?.decode(reader);
      } else if (codec?.defaulted) {
        values[field] = codec.missing?.();
      } else {
        const elements = `${names.length} element${names.length === 1 ? '' : 's'}`;
        throw new SerdeError(`invalid length ${index}, expected struct ${name} with ${elements}`, false);
      }
    });
    return values as Struct<S>;
  }

  return {
    decode(reader) {
      const token = valueAhead(reader);
      if (token === '{') return enclosed(reader, '}', () => map(reader));
      if (token === '[') return enclosed(reader, ']', () => sequence(reader));
      throw invalidType(reader, `struct ${name}`);
    },
  };
}

/** `Vec<T>`. */
export function list<T>(inner: Codec<T>): Codec<T[]> {
  return {
    decode(reader) {
      if (valueAhead(reader) !== '[') throw invalidType(reader, 'a sequence');
      return enclosed(reader, ']', () => {
        const values: T[] = [];
        for (let first = true; another(reader, first, ']'); first = false) {
          values.push(inner.decode(reader));
        }
        return values;
      });
    },
  };
}

/** Any JSON (`serde_json::Value`). */
export const json: Codec<unknown> = {
  decode(reader) {
    const token = valueAhead(reader);
    if (token === '[') return list(json).decode(reader);
    if (token === '{') {
      return enclosed(reader, '}', () => {
        const values: Record<string, unknown> = {};
        for (let first = true; ; first = false) {
          const key = nextKey(reader, first);
          if (key === undefined) return values;
          colon(reader);
          Object.defineProperty(values, key, {
            value: json.decode(reader),
            enumerable: true,
            configurable: true,
            writable: true,
          });
        }
      });
    }
    if (token === '"') {
      reader.eat();
      return reader.string();
    }
    const word = { n: 'ull', t: 'rue', f: 'alse' }[token];
    if (word !== undefined) {
      reader.eat();
      reader.ident(word);
      return token === 'n' ? null : token === 't';
    }
    if (token === '-' || (token >= '0' && token <= '9')) return Number(readNumber(reader).value);
    throw reader.peekError('expected value');
  },
};

/** Decodes a whole body (`serde_json::from_slice`). */
export function fromSlice<T>(codec: Codec<T>, bytes: Buffer): T {
  const reader = new Reader(bytes);
  const value = codec.decode(reader);
  reader.end();
  return value;
}
