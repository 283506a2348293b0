/** Numbers as serde_json reads them: an integer stays one as long as it fits 64 bits. */
import type { Reader } from './reader.js';

export type JsonNumber = { is: 'integer'; value: bigint } | { is: 'float'; value: number };

const isDigit = (letter: string): boolean => letter >= '0' && letter <= '9' && letter.length === 1;

function digits(reader: Reader): string {
  let text = '';
  while (isDigit(reader.peek())) {
    text += reader.peek();
    reader.eat();
  }
  return text;
}

function integerPart(reader: Reader): string {
  const first = reader.peek();
  if (first === '') throw reader.error('EOF while parsing a value');
  reader.eat();
  if (!isDigit(first)) throw reader.error('invalid number');
  if (first === '0') {
    if (isDigit(reader.peek())) throw reader.peekError('invalid number');
    return first;
  }
  return first + digits(reader);
}

function fraction(reader: Reader): string {
  if (reader.peek() !== '.') return '';
  reader.eat();
  const after = digits(reader);
  if (after === '') {
    throw reader.peek() === ''
      ? reader.peekError('EOF while parsing a value')
      : reader.peekError('invalid number');
  }
  return `.${after}`;
}

function exponent(reader: Reader): string {
  if (reader.peek() !== 'e' && reader.peek() !== 'E') return '';
  reader.eat();
  let sign = '';
  if (reader.peek() === '+' || reader.peek() === '-') {
    sign = reader.peek();
    reader.eat();
  }
  if (reader.peek() === '') throw reader.error('EOF while parsing a value');
  const first = reader.peek();
  reader.eat();
  if (!isDigit(first)) throw reader.error('invalid number');
  return `e${sign}${first}${digits(reader)}`;
}

/** Reads a number at the cursor (which stands on its minus sign or first digit). */
export function readNumber(reader: Reader): JsonNumber {
  let sign = '';
  if (reader.peek() === '-') {
    sign = '-';
    reader.eat();
  }
  const whole = integerPart(reader);
  const rest = fraction(reader) + exponent(reader);
  if (rest === '') {
    const value = BigInt(sign + whole);
    const fits = value <= 0xffff_ffff_ffff_ffffn && value >= -0x8000_0000_0000_0000n;
    if (fits && !(sign === '-' && value === 0n)) return { is: 'integer', value };
  }
  const value = Number(sign + whole + rest);
  if (!Number.isFinite(value)) throw reader.error('number out of range');
  return { is: 'float', value };
}

/** How an error names a number that it did not expect. */
export function describeNumber(number: JsonNumber): string {
  if (number.is === 'integer') return `integer \`${number.value}\``;
  const text = Number.isInteger(number.value) ? `${number.value}.0` : String(number.value);
  return `floating point \`${text}\``;
}
