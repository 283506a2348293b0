/** What begins a line of Firecracker's log: the time, and in brackets the instance and its thread. */
const logged = /^\d{4}-\d\d-\d\dT[\d:.]+ \[[^\]]+\] /;
/** The one line that it prints without a time: why its `main` failed. */
const failed = /^Error: \w+[({]?/;
/** After this line stands the message of a panic. */
const panicked = /\bpanicked at [^ ]+:$/;

/**
 * Of the lines that a VMM has printed those that are its own. The others are its guest's console, which may hold what
 * only the guest's owner should see, while errors and events go to everybody who may read.
 */
export function ownWords(lines: readonly string[]): string[] {
  return lines.filter(
    (line, n) => logged.test(line) || failed.test(line) || panicked.test(lines[n - 1] ?? ''),
  );
}
