/** The first words of a program that failed, for an error's message. */
export function saidBy({
  stderr,
  shortMessage,
}: {
  stderr: string;
  shortMessage?: string | undefined;
}): string {
  return (stderr === '' ? (shortMessage ?? '') : stderr).slice(0, 500);
}
