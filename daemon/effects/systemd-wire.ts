// D-Bus's marshalling, little-endian, of the types that starting a unit takes. Pure.

/** A property of a unit: its name, and a value of one of D-Bus's types. */
export type Property = readonly [name: string, ...value: Value];
type Value =
  | readonly ['s', string]
  | readonly ['u', number]
  | readonly ['as', readonly string[]]
  | readonly ['exec', { readonly binary: string; readonly args: readonly string[] }];

/** Writes values, each aligned as its type wants. */
export class Writer {
  readonly #parts: number[] = [];

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }

  aligned(to: number): this {
    while (this.#parts.length % to !== 0) this.#parts.push(0);
    return this;
  }

  number(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.aligned(4).raw(bytes);
  }

  text(value: string): this {
    const bytes = Buffer.from(value);
    return this.number(bytes.length).raw(bytes).raw([0]);
  }

  signature(value: string): this {
    return this.raw([value.length]).raw(Buffer.from(value)).raw([0]);
  }

  /** An array whose elements begin at multiples of `to`. */
  array(to: number, fill: () => void): this {
    this.number(0);
    const at = this.#parts.length - 4;
    this.aligned(to);
    const from = this.#parts.length;
    fill();
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(this.#parts.length - from);
    this.#parts.splice(at, 4, ...bytes);
    return this;
  }

  emptyArray(): this {
    return this.array(8, () => undefined);
  }

  properties(all: readonly Property[]): this {
    return this.array(8, () => {
      for (const property of all) this.#property(property);
    });
  }

  #property([name, ...value]: Property): void {
    this.aligned(8).text(name);
    switch (value[0]) {
      case 's':
        this.signature('s').text(value[1]);
        break;
      case 'u':
        this.signature('u').number(value[1]);
        break;
      case 'as':
        this.signature('as').#texts(value[1]);
        break;
      case 'exec': {
        const { binary, args } = value[1];
        const one = (): void =>
          void this.text(binary)
            .#texts([binary, ...args])
            .number(0);
        this.signature('a(sasb)').array(8, one);
        break;
      }
      default:
        value satisfies never;
    }
  }

  #texts(all: readonly string[]): this {
    return this.array(4, () => {
      for (const text of all) this.text(text);
    });
  }

  /** A message's header fields: number, type and value of each. */
  fields(all: readonly (readonly [number, 'o' | 's' | 'g', string])[]): this {
    // They begin at the 12th byte of a message, which is as good as the 4th.
    return this.raw([0, 0, 0, 0]).array(8, () => {
      for (const [code, type, value] of all) {
        this.aligned(8).raw([code]).signature(type);
        if (type === 'g') this.signature(value);
        else this.text(value);
      }
    });
  }

  /** Takes over what another has written after its first four bytes. */
  append(other: Writer): this {
    return this.raw(other.bytes().subarray(4));
  }

  bytes(): Buffer {
    return Buffer.from(this.#parts);
  }
}

/** Reads values that begin at a multiple of eight bytes of their message. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    this.#at = (this.#at + 3) & ~3;
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  text(): string {
    const length = this.number();
    this.#at += length + 1;
    return this.#bytes.toString('utf8', this.#at - length - 1, this.#at - 1);
  }

  signature(): string {
    const length = this.#bytes[this.#at] ?? 0;
    this.#at += length + 2;
    return this.#bytes.toString('latin1', this.#at - length - 1, this.#at - 1);
  }

  /** A message's header fields by their number; of types that no caller asks for, none. */
  fields(length: number): ReadonlyMap<number, string | number> {
    const found = new Map<number, string | number>();
    while (this.#at < length) {
      this.#at = (this.#at + 7) & ~7;
      const code = this.#bytes[this.#at++] ?? 0;
      const type = this.signature();
      if (type === 'u') found.set(code, this.number());
      else if (type === 'g') found.set(code, this.signature());
      else found.set(code, this.text());
    }
    return found;
  }
}
