/**
 * The functions that every script sent to a guest begins with: POSIX sh, as dash, bash and busybox run it. What costs
 * in a guest is each process started, so nothing here starts one but on the way to a failure.
 */
export const library =
  String.raw`PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin$\{PATH:+:$PATH}
export PATH LC_ALL=C
umask 022
NL='
'
J= P= W= S= I= T=0
# json TEXT: J is the text as the inside of a JSON string
json() {
  case $1 in
    *[!A-Za-z0-9\ ._:/@,=+\(\)-]*) J=$(printf %s "$1" | tr '\n' ' ' | tr -cd '\040-\176' | sed 's/[\\"]/\\&/g' | cut -c1-400) ;;
    *) J=$1 ;;
  esac
}
# part NAME OUTCOME [REASON]: notes what became of a part
part() {
  if [ -n "$\{3-}" ]; then json "$3"; J=",\"reason\":\"$J\""; else J=; fi
  P="$P$\{P:+,}\"$1\":{\"is\":\"$2\"$J}"
}
# slurp FILE: S is its text
slurp() {
  S=
  while IFS= read -r L || [ -n "$L" ]; do S="$S$L$NL"; done < "$1"
}
# put FILE TEXT: 0 written, 1 was so already, 2 failed with the reason in W. A plain file keeps its inode, and with it
# owner, mode, label and mounts; a symbolic link is replaced.
put() {
  if [ -f "$1" ] && [ -r "$1" ] && [ ! -L "$1" ]; then slurp "$1"; [ "$S" != "$2" ] || return 1; fi
  if [ -L "$1" ]; then
    W=$({ printf %s "$2" > "$1.thaw" && mv -f "$1.thaw" "$1"; } 2>&1) && return 0
  else
    { printf %s "$2" > "$1"; } 2>/dev/null && return 0
    W=$({ printf %s "$2" > "$1"; } 2>&1) && return 0
  fi
  W="$1: $\{W##*: }"
  return 2
}
# now: T is the time since the boot in 1/100 s
now() {
  read -r T L < /proc/uptime
  T=$\{T%.*}$\{T#*.}
  T=$\{T#0}; T=$\{T#0}
}
# find_nic MAC: I is the interface that has it; one that is a device goes before what is stacked on it
find_nic() {
  I=
  for D in /sys/class/net/*; do
    [ -r "$D/address" ] && read -r L < "$D/address" && [ "$L" = "$1" ] || continue
    [ -n "$I" ] && [ ! -e "$D/device" ] || I=$\{D##*/}
    [ ! -e "$D/device" ] || return 0
  done 2>/dev/null
  [ -n "$I" ]
}
# pci_of INTERFACE: D is its device on the PCI bus
pci_of() {
  for D in /sys/bus/pci/devices/*; do
    for L in "$D"/virtio*/net/"$1"; do [ ! -e "$L" ] || return 0; done
  done
  D=
  return 1
}
`.replaceAll('$\\{', '${');

/** The guest reads every byte of a script, its agent a second time: what is there for us stays here. */
export const withoutComments = (text: string): string => text.replace(/^ *#.*\n/gm, '');
