import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { UpdateAnswer } from '../../../daemon/api/shapes/update.js';
import type { Script } from '../../../plugins/agent/qemu-ga/update-script.js';

/** What is run inside: a script as the agent would run it, or a line of a shell. */
export type Act = Script | string;

/** Shells that guests have; each with the tools that come with it. */
export const shells = ['dash', 'bash', 'busybox'] as const;
export type Shell = (typeof shells)[number];

/** Why a shell can't be tried here; null where it can. */
export function lacking(shell: Shell): string | null {
  const places = [`/bin/${shell}`, `/usr/bin/${shell}`];
  return places.some((path) => existsSync(path)) ? null : `${shell} is not installed`;
}

// A guest of namespaces: its own links, host name, /etc, /run and buses, no say over the clock. Busybox is alone in its
// root, as in a small guest; the others have the host's programs.
const makeGuest = `
set -e
mount --make-rprivate /
R=$1/root; mkdir "$R"
if [ "$2" = busybox ]; then
  mount -t tmpfs tmpfs "$R"; mkdir -p "$R/bin" "$R/dev" "$R/proc" "$R/acts"
  cp "$(command -v busybox)" "$R/bin/busybox"
  for A in $("$R/bin/busybox" --list); do [ "$A" = busybox ] || ln -s busybox "$R/bin/$A"; done
  : > "$R/dev/null"; mount --bind /dev/null "$R/dev/null"
  mount --rbind /proc "$R/proc"
  mount --bind "$1" "$R/acts"
else
  mount --rbind / "$R"
  mount -t tmpfs tmpfs "$R/dev"; : > "$R/dev/null"; mount --bind /dev/null "$R/dev/null"
  mkdir -p "$R/etc"; mount -t tmpfs tmpfs "$R/etc"
  ln -s "$1" "$R/dev/acts"
fi
mkdir -p "$R/etc" "$R/run" "$R/sys" "$R/tmp"
mount -t tmpfs tmpfs "$R/run"; mount -t sysfs sysfs "$R/sys"
: > "$R/dev/urandom"; : > "$R/dev/random"
mount -t tmpfs tmpfs "$R/sys/bus"; mkdir -p "$R/sys/bus/pci/devices"
hostname source
`;

const limits = ['--bounding-set', '-sys_time', '--inh-caps', '-sys_time'];

/**
 * Runs acts one after the other in a guest that ends with the last; returns what each said. `prepare` is run by the
 * host's shell with `$R` the guest's root, before.
 */
export function inGuest(shell: Shell, prepare: string, acts: readonly Act[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'thaw-guest-'));
  const mark = '\x1e';
  try {
    const folder = shell === 'busybox' ? '/acts' : dir;
    const lines = acts.map((act, index) => {
      if (typeof act === 'string') return `{ ${act}\n} 2>&1; printf '${mark}'`;
      writeFileSync(join(dir, `${index}.sh`), act.text);
      writeFileSync(join(dir, `${index}.in`), act.input);
      const sh = shell === 'busybox' ? '/bin/sh' : shell;
      return `${sh} -c "$(cat ${folder}/${index}.sh)" < ${folder}/${index}.in; printf '${mark}'`;
    });
    writeFileSync(join(dir, 'acts'), lines.join('\n'));
    const enter = `chroot "$R" ${shell === 'busybox' ? '/bin/sh' : '/bin/sh'} ${folder}/acts`;
    const command = ['--net', '--mount', '--uts', '--pid', '--fork', '--kill-child', 'setpriv', ...limits];
    const all = ['sh', '-c', `${makeGuest}\n${prepare}\n${enter}`, 'guest', dir, shell];
    const done = spawnSync('unshare', [...command, ...all], { encoding: 'utf8', timeout: 60_000 });
    const said = done.stdout.split(mark);
    if (said.length !== acts.length + 1) throw new Error(`the guest failed: ${done.stderr}${done.stdout}`);
    return said.slice(0, -1);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What an update said, read as thaw reads it. */
export function answerIn(said: string | undefined): UpdateAnswer {
  return UpdateAnswer.parse(JSON.parse(said ?? ''));
}

/** A tap in the guest that stands for a NIC. */
export const link = (name: string, mac: string): string =>
  `ip tuntap add ${name} mode tap && ip link set ${name} address ${mac}\n`;

/** A device on the guest's PCI bus; `files` beneath it are made, a trailing slash makes a folder. */
export const pciNic = (files: readonly string[] = []): string => {
  const device = '"$R/sys/bus/pci/devices/0000:00:02.0"';
  const make = files.map((file) => `mkdir -p ${device}/${file}`);
  return [
    `mkdir -p ${device}; echo 0x1af4 > ${device}/vendor; echo 0x1041 > ${device}/device`,
    ...make,
    '',
  ].join('\n');
};
