import { dirname } from 'node:path';
import { z } from 'zod';
import type { FileWish, SwapWish } from '../../contract.js';
import { quote } from './quote.js';
import { library } from './script-library.js';
import type { Script } from './update-script.js';

/** Where a new file lies before it takes its place. */
export const newPath = (path: string): string => `${path}.thaw-new`;

const Id = z.string().regex(/^[0-9a-z-]{1,40}$/);
const Mode = z.string().regex(/^0?[0-7]{3,4}$/);

/** Which process the agent is, that runs this script: its number, and when it was started. */
const agent = String.raw`
A=
if read -r L < "/proc/$PPID/stat"; then A=$\{L##*) }; set -- $A; A=$PPID:$\{20}; fi 2>/dev/null`.replaceAll(
  '$\\{',
  '${',
);

// What follows the swap outlives the agent: it has the agent started anew, and puts the old file back unless somebody
// has heard of the new one in time. Who decides first, says so by a link, which nobody can make twice.
const keeper = `
sleep 1
again() { sh -c "$C" </dev/null >/dev/null 2>&1; }
clean() { rm -f "$O" "$R" "$R.says"; exit 0; }
again
N=0
while [ $N -lt $S ]; do [ ! -L "$R.says" ] || clean; sleep 1; N=$((N + 1)); done
ln -s back "$R.says" || clean
if [ -e "$O" ]; then mv -f "$O" "$P"; else rm -f "$P"; fi
again`;

const variables = ({ path, id }: { path: string; id: string }): string =>
  `P=${quote(path)} N=${quote(newPath(path))} O=${quote(`${path}.thaw-old`)} R=/run/thaw/upgrade-${Id.parse(id)}`;

/** Puts the new file into its place by a rename; with a command to start the agent anew, keeps the old one until it answers. */
export function swapScript({ path, id, mode, restart, seconds }: SwapWish): Script {
  const fail = `fail() { rm -f "$N"; json "$1"; echo "{\\"swapped\\":false,\\"why\\":\\"$J\\"}"; exit 0; }`;
  const keep =
    restart === null
      ? 'rm -f "$O" "$R"'
      : `export P O R; S=${z.int().parse(seconds)} C=${quote(restart)} K=${quote(keeper)}; export S C
# Under systemd whatever the agent's service has started ends with it.
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
  systemd-run -q --collect -E P="$P" -E O="$O" -E R="$R" -E S="$S" -E C="$C" sh -c "$K" </dev/null >/dev/null 2>&1
elif command -v setsid >/dev/null; then setsid sh -c "$K" </dev/null >/dev/null 2>&1 &
else sh -c "$K" </dev/null >/dev/null 2>&1 &
fi`;
  const text = `${library}
${variables({ path, id })}
${fail}
W=$({ [ -d /run/thaw ] || mkdir -p /run/thaw; } 2>&1) || fail "$W"
# Asked a second time, since the first answer was lost: perhaps while the first script is still at it.
I=0
until mkdir "$R.lock" 2>/dev/null; do
  I=$((I + 1)); [ $I -le 100 ] || fail "another script that replaces $P does not end"
  sleep 0.1 2>/dev/null || sleep 1
done
trap 'rmdir "$R.lock"' EXIT
D=/run/thaw/upgraded L=
[ ! -r $D ] || read -r L < $D
[ "$L" != "$R" ] || { echo '{"swapped":true}'; exit 0; }
[ ! -L "$P" ] || fail "$P is a symbolic link: name the file itself"
[ ! -d "$P" ] || fail "$P is a folder"
W=$(chmod ${Mode.parse(mode)} "$N" 2>&1) || fail "$W"
rm -f "$O"
[ ! -e "$P" ] || W=$(ln "$P" "$O" 2>&1 || cp -p "$P" "$O" 2>&1) || fail "$W"
${agent}
W=$({ printf '%s\\n' "$A" > "$R"; } 2>&1) || fail "$W"
W=$(mv -f "$N" "$P" 2>&1) || { rm -f "$O" "$R"; fail "$W"; }
printf '%s\\n' "$R" > $D
${keep}
echo '{"swapped":true}'`;
  return { text, input: '' };
}

/** Says whether the agent that runs this is another one than that of the swap, and then makes the new file final. */
export function confirmScript(wish: { path: string; id: string }): Script {
  const text = `${library}
${variables(wish)}
say() { echo "{\\"is\\":\\"$1\\"}"; exit 0; }
[ ! -L "$R.says" ] || say "$(readlink "$R.says")"
[ -r "$R" ] || say new
${agent}
read -r L < "$R"
[ "$A" != "$L" ] || say old
ln -s new "$R.says"
say "$(readlink "$R.says")"`;
  return { text, input: '' };
}

/** Makes the folder that a file is to lie in. */
export const folderScript = ({ path }: Pick<FileWish, 'path'>): Script => ({
  text: `${library}
D=${quote(dirname(path))}
[ -d "$D" ] || W=$(mkdir -p "$D" 2>&1) || { json "$W"; echo "{\\"why\\":\\"$J\\"}"; exit 0; }
echo '{}'`,
  input: '',
});

/** Takes a new file away that did not come to be whole. */
export const discardScript = ({ path }: Pick<FileWish, 'path'>): Script => ({
  text: `rm -f ${quote(newPath(path))} && echo '{}'`,
  input: '',
});
