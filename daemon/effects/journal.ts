import { fstatSync } from 'node:fs';

/**
 * Whether standard output is a stream to the journal: JOURNAL_STREAM names its device and inode (systemd.exec(5)). Asked
 * before there is any operation that could be traced.
 */
export function isJournal({ JOURNAL_STREAM: stream }: NodeJS.ProcessEnv): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(1, { bigint: true });
  return stream === `${dev}:${ino}`;
}
