import { closeSync, openSync, readFileSync } from 'node:fs';
import { effect, look } from '../../plugins/contract.js';
import { isUrgent } from './readable.js';

const file = '/proc/self/mountinfo';

/** The mounts that this process sees. */
export interface MountTable {
  readonly fd: number;
  close(): void;
}

export const mountsOpen = effect('mounts.open', (): MountTable => {
  const fd = openSync(file, 'r');
  return { fd, close: () => closeSync(fd) };
});

/** Whether something was mounted or unmounted anywhere since this was last asked. inotify tells nothing of mounts. */
export const mountsChanged = look('mounts.changed', ({ fd }: MountTable): boolean => isUrgent(fd));

/** What is mounted on a path, above it and beneath it, as the kernel writes it: two that differ are other mounts. */
export const mountsAround = look('mounts.around', (path: string): string =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => {
      const point = (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(parseInt(octal, 8)),
      );
      return beneath(point, path) || beneath(path, point);
    })
    .join('\n'),
);

const beneath = (path: string, above: string): boolean =>
  path === above || path.startsWith(above === '/' ? above : `${above}/`);
