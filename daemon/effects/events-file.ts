import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { effect } from '../../plugins/contract.js';

/**
 * Takes what another daemon has left of its events: read once, then gone, so that no daemon after a crash goes on from
 * there. Null where there is none, or it can't be taken.
 */
export const eventsTake = effect('events.take', (path: string): string | null => {
  try {
    const text = readFileSync(path, 'utf8');
    rmSync(path);
    return text;
  } catch {
    return null;
  }
});

/** Leaves a text for the next daemon, whole or not at all. */
export const eventsLeave = effect('events.leave', ({ path, text }: { path: string; text: string }) => {
  const temporary = `${path}.new`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
});
