/** The QMP-like protocol of qemu-ga on the wire, as Debian's qemu-ga 7.2 speaks it (compared by hand). */

/** JSON with qemu's spaces. */
export function encode(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(encode).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}: ${encode(member)}`).join(', ')}}`;
  }
  if (typeof value === 'bigint') return String(value);
  return JSON.stringify(value);
}

/** An error that the agent answers with. */
export class AgentError extends Error {
  constructor(
    message: string,
    readonly errorClass = 'GenericError',
  ) {
    super(message);
  }
}

export type Message = { is: 'value'; value: unknown } | { is: 'error'; error: AgentError };

const stray = (what: string): Message => ({
  is: 'error',
  error: new AgentError(`JSON parse error, ${what}`),
});

/** Cuts a stream of bytes into JSON values, which need no newline between them; 0xFF drops what is half there. */
export class MessageReader {
  private text = '';
  private depth = 0;
  private inString = false;
  private escaped = false;

  feed(bytes: Buffer): Message[] {
    const messages: Message[] = [];
    let start = 0;
    for (let i = 0; i < bytes.length; i += 1) {
      const byte = bytes[i] ?? 0;
      if (byte === 0xff) {
        this.reset();
        start = i + 1;
        messages.push(stray("stray '\uFFFD'"));
        continue;
      }
      if (this.step(byte)) {
        this.text += bytes.toString('utf8', start, i + 1);
        start = i + 1;
        const message = this.take();
        if (message) messages.push(message);
      }
    }
    this.text += bytes.toString('utf8', start);
    // qemu's parser gives up at 64 MiB; nobody's test needs more than one.
    if (this.text.length > 1 << 20) {
      this.reset();
      messages.push(stray('token size limit exceeded'));
    }
    return messages;
  }

  /** True when the byte ends a value (or, outside of one, a line). */
  private step(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === 0x5c) this.escaped = true;
      else if (byte === 0x22) this.inString = false;
      return false;
    }
    if (byte === 0x22) this.inString = true;
    else if (byte === 0x7b || byte === 0x5b) this.depth += 1;
    else if (byte === 0x7d || byte === 0x5d) {
      this.depth -= 1;
      return this.depth <= 0;
    } else if (byte === 0x0a) return this.depth === 0;
    return false;
  }

  private take(): Message | undefined {
    const text = this.text.trim();
    this.reset();
    if (text === '') return undefined;
    try {
      return { is: 'value', value: JSON.parse(text) };
    } catch {
      const word = /^[a-z]+/i.exec(text)?.[0];
      return stray(word === undefined ? 'invalid JSON syntax' : `invalid keyword '${word}'`);
    }
  }

  private reset(): void {
    this.text = '';
    this.depth = 0;
    this.inString = false;
    this.escaped = false;
  }
}

/** The arguments of a command, read with qemu's checks. */
export class CommandArguments {
  private readonly used = new Set<string>();
  constructor(private readonly given: Readonly<Record<string, unknown>>) {}

  private read<T>(name: string, type: string, is: (value: unknown) => value is T): T | undefined {
    this.used.add(name);
    const value = Object.hasOwn(this.given, name) ? this.given[name] : undefined;
    if (value === undefined) return undefined;
    if (!is(value)) throw new AgentError(`Invalid parameter type for '${name}', expected: ${type}`);
    return value;
  }
  private needed<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw new AgentError(`Parameter '${name}' is missing`);
    return value;
  }

  string(name: string): string {
    return this.needed(name, this.optionalString(name));
  }
  optionalString(name: string): string | undefined {
    return this.read(name, 'string', (value) => typeof value === 'string');
  }
  integer(name: string): number {
    return this.needed(name, this.optionalInteger(name));
  }
  optionalInteger(name: string): number | undefined {
    return this.read(name, 'integer', (value): value is number => Number.isInteger(value));
  }
  boolean(name: string): boolean {
    return this.read(name, 'boolean', (value) => typeof value === 'boolean') ?? false;
  }
  strings(name: string): string[] {
    const isList = (value: unknown): value is string[] =>
      Array.isArray(value) && value.every((item) => typeof item === 'string');
    return this.read(name, 'array', isList) ?? [];
  }
  integerOrString(name: string): number | string {
    const is = (value: unknown): value is number | string =>
      typeof value === 'string' || Number.isInteger(value);
    return this.needed(name, this.read(name, 'integer', is));
  }

  /** Called when a command has read all that it knows. */
  end(): void {
    for (const name of Object.keys(this.given)) {
      if (!this.used.has(name)) throw new AgentError(`Parameter '${name}' is unexpected`);
    }
  }
}
