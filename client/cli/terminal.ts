import type { WriteStream } from 'node:tty';

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;
export type Colour = keyof typeof codes;
/** Gives a text a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

export const plainPaint: Paint = (_colour, text) => text;
const ansiPaint: Paint = (colour, text) => (text === '' ? '' : `\u001b[${codes[colour]}m${text}\u001b[0m`);

/** What one of the two output streams can show. */
export interface Terminal {
  readonly isTerminal: boolean;
  /** False on `TERM=dumb`: lines can only be added there. */
  readonly movesCursor: boolean;
  readonly unicode: boolean;
  readonly paint: Paint;
  /** Columns and rows as they are now; `Infinity` where it is no terminal. */
  size(): { columns: number; rows: number };
  write(text: string): void;
}

/** How lines are to look. */
export interface Look {
  /** Columns; `Infinity` where nobody cuts them. */
  readonly width: number;
  readonly paint: Paint;
}

export const lookOf = (terminal: Terminal): Look => ({
  width: terminal.size().columns,
  paint: terminal.paint,
});

type Env = Readonly<Record<string, string | undefined>>;

/** Whether the locale says UTF-8; an environment without any locale (a service, a container) is taken to. */
export function speaksUnicode(env: Env): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(
    (value) => value !== undefined && value !== '',
  );
  return locale === undefined || /utf-?8/i.test(locale);
}

/** Colours only on a terminal that is no dumb one, and never with NO_COLOR (no-color.org) or `--no-color`. */
export function openTerminal(stream: WriteStream, env: Env, noColor: boolean): Terminal {
  const isTerminal = stream.isTTY;
  const dumb = env['TERM'] === 'dumb';
  const silent = noColor || (env['NO_COLOR'] ?? '') !== '';
  return {
    isTerminal,
    movesCursor: isTerminal && !dumb,
    unicode: speaksUnicode(env),
    paint: isTerminal && !dumb && !silent ? ansiPaint : plainPaint,
    size: () => ({
      columns: isTerminal ? stream.columns || 80 : Infinity,
      rows: isTerminal ? stream.rows || 24 : Infinity,
    }),
    write: (text) => void stream.write(text),
  };
}
