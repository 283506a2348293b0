/**
 * Commands of the guest that the host's own can't do, because they need a capability that reaches too far:
 * `date` (CAP_SYS_TIME) and `hostname` (CAP_SYS_ADMIN). Mounted over the host's; neither is guest memory.
 */
import fs from 'node:fs';
import { attempt } from '../native/libc.js';
import { dateWrapper } from './clock.js';

const BIND = 4096;

/** Setting the name goes through /proc, where the file's owner decides. */
const hostnameWrapper = `#!/bin/sh
case $1 in
  ''|-*) [ "$1" = -F ] || [ "$1" = --file ] || exec /dev/.guest/hostname "$@"
    exec head -n 1 "$2" > /proc/sys/kernel/hostname ;;
  *) echo "$1" > /proc/sys/kernel/hostname ;;
esac
`;

const wrappers = { date: dateWrapper, hostname: hostnameWrapper };

/** Puts the wrappers in place, in a guest's root that is not / yet. */
export function replaceCommands(root: string): void {
  const folder = `${root}/dev/.guest`;
  fs.mkdirSync(folder);
  for (const [name, script] of Object.entries(wrappers)) {
    const path = [`/usr/bin/${name}`, `/bin/${name}`].find((one) => fs.existsSync(`${root}${one}`));
    if (path === undefined) continue;
    fs.writeFileSync(`${folder}/${name}`, '');
    if (!attempt('mount', `${root}${path}`, `${folder}/${name}`, null, BIND, null)) continue;
    fs.writeFileSync(`${folder}/${name}.sh`, script, { mode: 0o755 });
    attempt('mount', `${folder}/${name}.sh`, `${root}${path}`, null, BIND, null);
  }
}
