/** A text as one word of a POSIX shell, whatever it holds. NUL, which no argument can hold, is left out. */
export function quote(text: string): string {
  return `'${text.replaceAll('\0', '').replaceAll("'", `'\\''`)}'`;
}
