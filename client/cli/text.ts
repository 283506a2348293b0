const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const without = /^[\p{M}\p{Cf}]$/u;
// A terminal acts on these: what guests and labels say must not reach it.
const control = /[\u0000-\u001f\u007f-\u009f]/g;

/** One line without control characters: safe to show on a terminal, whoever wrote it. */
export function clean(text: string): string {
  return text.replace(control, ' ');
}

/** Several lines, each as by {@link clean}. */
export function cleanLines(text: string): string {
  return text.split(/\r?\n/).map(clean).join('\n');
}

function columnsOf(character: string): number {
  if (without.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** Columns of a terminal that a text without escape sequences takes. */
export function columns(text: string): number {
  let sum = 0;
  for (const character of text) sum += columnsOf(character);
  return sum;
}

/** The text, cut to `width` columns at most; `mark` stands where something is missing. */
export function cut(text: string, width: number, mark = '…'): string {
  if (columns(text) <= width) return text;
  const room = width - columns(mark);
  if (room < 0) return '';
  let kept = '';
  let used = 0;
  for (const character of text) {
    const more = columnsOf(character);
    if (used + more > room) break;
    kept += character;
    used += more;
  }
  return kept + mark;
}

/** Filled with spaces to `width` columns. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const gap = ' '.repeat(Math.max(0, width - columns(text)));
  return align === 'left' ? text + gap : gap + text;
}

/** Words broken into lines of `width` columns at most, where no single word is longer. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && columns(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

/** `head`, which takes `left` columns, and a text beside it whose further lines stand beneath its beginning. */
export function beside(
  { head, left }: { readonly head: string; readonly left: number },
  text: string,
  width: number,
): readonly string[] {
  // Where there is next to no room beside it, a terminal breaks lines as well as we do.
  const lines = width - left < 20 ? [text] : wrap(text, width - left);
  return lines.map((line, n) => (n === 0 ? head : ' '.repeat(left)) + line);
}
