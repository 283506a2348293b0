import { library, withoutComments } from './script-library.js';
import type { Script } from './update-script.js';

const functions = String.raw`
O=
# tell NAME TEXT
tell() { json "$2"; O="$O$\{O:+,}\"$1\":\"$J\""; }
# driver MODULE FOLDER: V tells whether a driver is there, by its folder in sysfs, or would be
driver() {
  V=missing
  if [ -d "$2" ]; then V=there
  elif command -v modprobe >/dev/null && modprobe -qD "$1" >/dev/null 2>&1; then V=module
  fi
}
# said FILE WORDS…: whether a line of a file begins with these words
said() {
  A=$1; shift
  [ -r "$A" ] || return 1
  while read -r V L N || [ -n "$V" ]; do [ "$V $L" != "$*" ] || return 0; done < "$A"
  return 1
}
# blocked MODULE: whether it is kept from being loaded
blocked() {
  for D in /etc/modprobe.d/*.conf /run/modprobe.d/*.conf /usr/lib/modprobe.d/*.conf /lib/modprobe.d/*.conf; do
    said "$D" blacklist "$1" && return 0
    said "$D" install "$1" && return 0
  done
  return 1
}
loopback() {
  V=missing
  if [ -d /sys/module/vsock_loopback ]; then V=loaded
  elif grep -q ' vsock_loopback_send_pkt' /proc/kallsyms 2>/dev/null; then V=builtin
  else
    for D in "/lib/modules/$1/kernel/net/vmw_vsock/vsock_loopback.ko"*; do
      [ ! -f "$D" ] || { if blocked vsock_loopback; then V=blocked; else V=loadable; fi; }
    done
  fi
}
pci() {
  V=none
  read -r L < /proc/cmdline
  case " $L " in *' pci=off '*) V=off; return ;; esac
  [ -d /sys/bus/pci ] || return
  V=empty
  for D in /sys/bus/pci/devices/*; do [ ! -e "$D" ] || V=devices; done
}
vmgenid() {
  V=none
  for D in /sys/bus/acpi/devices/VMGENCTR* /sys/bus/acpi/devices/QEMUVGID*; do [ ! -e "$D" ] || V=unheard; done
  for D in /sys/bus/acpi/drivers/vmgenid/*:* /sys/bus/platform/drivers/vmgenid/*:*; do [ ! -e "$D" ] || V=bound; done
}
# options FOLDER: S is how the file system of a folder right beneath the root was mounted
options() {
  E= S=
  while read -r A D L N; do
    case $D in "$1") E=1 S=$N ;; /) [ -n "$E" ] || S=$N ;; esac
  done < /proc/mounts
}
reseeds() {
  options /run
  V=brought
  case $S in ro[,\ ]*|*noexec*)
    V=nothing
    for A in perl python3; do ! command -v $A >/dev/null || V=$A; done ;;
  esac
  [ ! -x /usr/lib/thaw/reseed ] || V=installed
}
`.replaceAll('$\\{', '${');

const look = String.raw`
R=
[ ! -r /proc/sys/kernel/osrelease ] || read -r R < /proc/sys/kernel/osrelease
tell kernel "$R"
pci; tell pci $V
V=closed; [ ! -w /sys/bus/pci/rescan ] || V=open; tell rescan $V
V=no; [ ! -d /sys/module/pci_hotplug ] || V=yes; tell hotplug $V
driver virtio_pci /sys/bus/pci/drivers/virtio-pci; tell virtioPci $V
driver virtio_net /sys/bus/virtio/drivers/virtio_net; tell virtioNet $V
vmgenid; tell vmgenid $V
loopback "$R"; tell loopback $V
reseeds; tell reseeds $V
W=; for A in ip date hostname mkdir chmod mv sed tr cut sleep; do command -v $A >/dev/null || W="$W $A"; done; tell lacks "$W"
W=
if command -v ip >/dev/null; then
  for A in link addr route; do ip $A show >/dev/null 2>&1 || W="$W $A"; done
fi
tell ipLacks "$W"
W=
for H in /etc /run; do options $H; case $S in ro[,\ ]*) W="$W $H" ;; esac; done
# Opened, and nothing written. A shell's test -w may say yes to root whatever it is.
for A in /etc/hostname /etc/hosts /etc/machine-id /proc/sys/kernel/hostname; do
  [ ! -f $A ] || { printf '' >> $A; } 2>/dev/null || W="$W $A"
done
tell closed "$W"
V=missing; [ ! -s /etc/machine-id ] || V=there; tell machineId $V
V=missing; [ ! -d /etc/thaw/restore.d ] || V=there; tell restoreD $V
W=; for D in /etc/thaw/restore.d/*; do [ ! -f "$D" ] || [ -x "$D" ] || W="$W $\{D##*/}"; done; tell idle "$W"
W=
for D in /proc/[0-9]*; do
  read -r L 2>/dev/null < "$D/comm" || continue
  # The kernel keeps 15 characters of a name.
  case $L in systemd-network) L=systemd-networkd ;; NetworkManager|connmand|wickedd|dhclient|dhcpcd|udhcpc) ;; *) continue ;; esac
  case " $W " in *" $L "*) ;; *) W="$W $L" ;; esac
done
tell managers "$W"
W=
for D in /etc/network/interfaces /etc/network/interfaces.d/*; do
  for A in auto allow-hotplug iface; do ! said "$D" $A eth0 || { W="$W $D"; break; }; done
done
for D in /etc/systemd/network/*.network /run/systemd/network/*.network; do
  [ ! -e "$D" ] || [ ! -e /etc/systemd/system/multi-user.target.wants/systemd-networkd.service ] || W="$W $D"
done
[ ! -e /etc/cloud/cloud.cfg ] || [ -e /etc/cloud/cloud-init.disabled ] || W="$W /etc/cloud/cloud.cfg"
tell claims "$W"
printf '{%s}\n' "$O"
`.replaceAll('$\\{', '${');

/** A script that changes nothing and tells what a guest has of what thaw needs: one line of JSON. */
export const lookScript: Script = {
  text: [library, functions, look].map(withoutComments).join('\n'),
  input: '',
};
