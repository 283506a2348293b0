/** Shell functions for all that is not the network. */
export const identityLibrary = String.raw`
# set_clock SECONDS NANOSECONDS: busybox takes whole seconds only, so those rounded come second; and it ends with 0
# where it may not set the clock
set_clock() {
  W=$(date -s "@$1.$2" 2>&1 >/dev/null) && [ -z "$W" ] && { part clock done; return; }
  case $2 in [5-9]*) K=$(($1 + 1)) ;; *) K=$1 ;; esac
  W=$(date -s "@$K" 2>&1 >/dev/null) && [ -z "$W" ] && { part clock done; return; }
  part clock failed "$W"
}
# hosts NAMES: W is /etc/hosts with the line of 127.0.1.1 naming them
hosts() {
  W= L=
  if [ ! -r /etc/hosts ]; then W="127.0.0.1 localhost$NL::1 localhost$\{NL}127.0.1.1 $1$NL"; return; fi
  K=
  while IFS= read -r L || [ -n "$L" ]; do
    case $L in
      127.0.1.1[!0-9.]*) [ -n "$K" ] || W="$W""127.0.1.1 $1$NL"; K=1 ;;
      *) W="$W$L$NL" ;;
    esac
  done < /etc/hosts
  [ -n "$K" ] || W="$W""127.0.1.1 $1$NL"
}
# set_hostname NAME NAMES
set_hostname() {
  K=unchanged L=
  [ ! -r /proc/sys/kernel/hostname ] || read -r L < /proc/sys/kernel/hostname
  if [ "$L" != "$1" ]; then
    { printf '%s\n' "$1" > /proc/sys/kernel/hostname; } 2>/dev/null || W=$(hostname "$1" 2>&1) || { part hostname failed "the kernel: $W"; return; }
    K=done
  fi
  put /etc/hostname "$1$NL"; case $? in 0) K=done ;; 2) part hostname failed "$W"; return ;; esac
  A=$K
  hosts "$2"; L=$W; K=$A
  put /etc/hosts "$L"; case $? in 0) K=done ;; 2) part hostname failed "$W"; return ;; esac
  part hostname "$K"
}
# set_machine_id ID
set_machine_id() {
  K=unchanged
  put /etc/machine-id "$1$NL"; case $? in 0) K=done ;; 2) part machine-id failed "$W"; return ;; esac
  if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then
    put /var/lib/dbus/machine-id "$1$NL"; case $? in 0) K=done ;; 2) part machine-id failed "$W"; return ;; esac
  fi
  part machine-id $K
}
# feed PROGRAM SEED: gives it the seed on its standard input; L is its exit status. One process, where a pipe takes three
feed() {
  "$1" 2>/dev/null <<EOF
$2
EOF
  L=$?
  return $L
}
# reseed SEED: what is written to /dev/urandom is mixed in and counts for nothing: clones would go on alike until the
# kernel's own time comes. It is done where the VMM gave a new generation id to a kernel that listens (5.18, Linux's
# drivers/virt/vmgenid.c), or by ioctl: RNDADDENTROPY, RNDRESEEDCRNG, by a program of ours that needs nothing in the
# guest, or, where that can't be run (another processor, /run mounted noexec), by python3 or perl.
reseed() {
  { printf %s "$1" > /dev/urandom; } 2>/dev/null
  V=0.0
  [ ! -r /proc/sys/kernel/osrelease ] || read -r V < /proc/sys/kernel/osrelease
  A=$\{V%%.*} L=$\{V#*.}; L=$\{L%%[!0-9]*}
  if [ "$A" -gt 5 ] || { [ "$A" -eq 5 ] && [ "$\{L:-0}" -ge 18 ]; }; then
    for D in /sys/bus/acpi/drivers/vmgenid/*:* /sys/bus/platform/drivers/vmgenid/*:*; do
      [ ! -e "$D" ] || { part randomness done; return; }
    done
  fi
  # The program that was put into the image, or the same brought along, which stays for the next time.
  K= L=none H=/usr/lib/thaw/reseed
  [ ! -x $H ] || { feed $H "$1" && { part randomness done; return; }; }
  if [ -n "$RESEEDER" ]; then
    H=/run/thaw/.reseed
    { { [ -d /run/thaw ] || mkdir -p /run/thaw; } && printf "$RESEEDER" > $H && { [ -x $H ] || chmod 700 $H; }; } 2>/dev/null
    feed $H "$1" && { part randomness done; return; }
  fi
  if command -v python3 >/dev/null; then
    W=$(printf %s "$1" | python3 -c '
import fcntl,struct,sys
seed=bytes.fromhex(sys.stdin.read())
with open("/dev/random","wb",0) as f:
  fcntl.ioctl(f,0x40085203,struct.pack("ii",len(seed)*8,len(seed))+seed)
  fcntl.ioctl(f,0x5207)' 2>&1) && { part randomness done; return; }
    K=python3
  elif command -v perl >/dev/null; then
    W=$(printf %s "$1" | perl -e '
open(F,">","/dev/random")||die "$!\n"; $s=pack("H*",<STDIN>);
$x=pack("ii",8*length($s),length($s)).$s; ioctl(F,0x40085203,$x)||die "$!\n"; ioctl(F,0x5207,0)||die "$!\n"' 2>&1) && { part randomness done; return; }
    K=perl
  fi
  [ -z "$K" ] || { part randomness failed "$K could not reseed the kernel: $\{W##*$NL}"; return; }
  W='the kernel has no VMGenID (Linux 5.18, CONFIG_VMGENID)'
  for D in /sys/bus/acpi/devices/VMGENCTR*; do
    [ ! -e "$D" ] || W='the machine has a VMGenID, but no driver was loaded for it when the snapshot was taken (vmgenid, Linux 5.18)'
  done
  part randomness unsupported "$W, our own program could not reseed it (status $L), and the guest has neither python3 nor perl for it"
}
# set_identity JSON
set_identity() {
  [ -d /run/thaw ] || W=$(mkdir -p /run/thaw 2>&1) || { part identity failed "$W"; return; }
  # Only root reads what may hold somebody's secrets.
  umask 077
  put /run/thaw/identity.json "$1$NL"; A=$?
  umask 022
  case $A in 0) part identity done ;; 1) part identity unchanged ;; *) part identity failed "$W" ;; esac
}
`.replaceAll('$\\{', '${');
