/** Shell functions that bring a guest's NICs up. */
export const networkLibrary = String.raw`
# is_virtio_net DEVICE: whether a folder of the PCI bus is a virtio NIC
is_virtio_net() {
  read -r V < "$1/vendor" && read -r L < "$1/device" || return 1
  case $V:$L in 0x1af4:0x1041|0x1af4:0x1000) return 0 ;; esac
  return 1
}
# without_driver: whether a virtio NIC stands on the bus with no driver
without_driver() {
  for D in /sys/bus/pci/devices/*; do
    is_virtio_net "$D" || continue
    [ -e "$D/driver" ] || return 0
    for L in "$D"/virtio*; do [ ! -d "$L" ] || [ -e "$L/driver" ] || [ -d "$L/net" ] || return 0; done
  done 2>/dev/null
  return 1
}
# why_missing MAC: W tells why no interface has it
why_missing() {
  if [ ! -d /sys/bus/pci ]; then W='nothing on the bus: the kernel has no PCI (CONFIG_PCI, or pci=off on its command line)'; return; fi
  K=0
  for D in /sys/bus/pci/devices/*; do
    is_virtio_net "$D" || continue
    A=$\{D##*/}; K=$((K + 1))
    if [ ! -e "$D/driver" ]; then
      if [ -d /sys/bus/pci/drivers/virtio-pci ]; then W="probe failed: virtio-pci refused $A (after the unplug of a PCI device new ones get no valid address)"
      else W="no driver: the PCI device $A is there, but the kernel has no virtio_pci"; fi
      return
    fi
    for V in "$D"/virtio*; do
      [ -d "$V" ] && [ ! -d "$V/net" ] || continue
      if [ ! -e "$V/driver" ] && [ ! -d /sys/bus/virtio/drivers/virtio_net ]; then W="no driver: the PCI device $A is there, but the kernel has no virtio_net"
      else W="probe failed: virtio_net refused $A (after the unplug of a PCI device new ones get no valid address)"; fi
      return
    done
  done 2>/dev/null
  if [ $K -gt 0 ]; then W="not among its $K virtio NICs: none has the MAC $1"
  else W='nothing on the bus: no NIC appeared after the rescan (kernel without CONFIG_HOTPLUG_PCI or PCI_HOST_GENERIC?)'; fi
}
# wait_nic MAC: waits for it, spinning at first, since it is there within milliseconds and a sleep is a process
wait_nic() {
  now; E=$((T + WAIT)); N=0
  until find_nic "$1"; do
    now
    [ "$T" -lt "$E" ] || { why_missing "$1"; return 1; }
    N=$((N + 1))
    if [ $N -eq 50 ] && without_driver; then
      command -v modprobe >/dev/null && modprobe -qa virtio_pci virtio_net
      # The device is there: it gets its driver now, or never.
      now; [ "$E" -le $((T + 100)) ] || E=$((T + 100))
    fi
    [ $N -le 40 ] || sleep 0.01 2>/dev/null || sleep 1
  done
}
# batch: whether ip reads commands from its input; busybox's does not
batch() {
  for L in /usr/sbin /sbin /usr/bin /bin; do [ ! -x $L/ip ] || break; done
  for V in /bin/busybox /usr/bin/busybox /sbin/busybox; do [ ! $L/ip -ef $V ] || return 1; done
}
# each COMMANDS: runs ip once for each line
each() {
  while IFS= read -r L; do
    W=$(ip $L 2>&1) || { W="ip $L: $W"; return 1; }
  done <<EOF
$1
EOF
}
# is_set MAC MTU GATEWAYS ADDRESSES: whether the interface I has all that already, and no more
is_set() {
  read -r L < "/sys/class/net/$I/mtu" && [ "$L" = "$2" ] || return 1
  read -r L < "/sys/class/net/$I/flags" && [ $((L & 1)) -eq 1 ] || return 1
  V=" $(ip -o addr show dev "$I" scope global 2>&1) " || return 1
  N=0
  for L in $4; do
    case $V in *" $L "*) ;; *) return 1 ;; esac
    N=$((N + 1))
  done
  for L in $V; do case $L in inet|inet6) N=$((N - 1)) ;; esac; done
  [ $N -eq 0 ] || return 1
  for L in $3; do
    case $L in *:*) V=$(ip -6 route show default 2>&1) ;; *) V=$(ip route show default 2>&1) ;; esac
    case "$V " in *"via $L dev $I "*) ;; *) return 1 ;; esac
  done
}
# nic MAC MTU GATEWAYS METRIC ADDRESSES FORMER: 0 set up, 1 was so already, 2 failed with the reason in W. A NIC that
# still has the MAC FORMER, if one is given, gets MAC instead; down meanwhile, so that it never speaks with half of it.
nic() {
  K= R=
  case $KNOWN in *" $1 "*)
    find_nic "$1" && is_set "$1" "$2" "$3" "$5" && return 1
    K=1 ;;
  esac
  if [ -z "$K" ] && [ -n "$6" ] && find_nic "$6"; then K=1 R=1; else wait_nic "$1" || return 2; fi
  command -v ip >/dev/null || { W='the guest has no ip (iproute2, or busybox with it)'; return 2; }
  for M in 1 2 3; do
    set_up "$@" && return 0
    # Meanwhile udev may have given it another name.
    [ ! -e "/sys/class/net/$I" ] && wait_nic "$1" || return 2
  done
  return 2
}
# set_up: what nic does to the interface I
set_up() {
  C="link set dev $I mtu $2 up"
  [ -z "$K" ] || C="addr flush dev $I scope global$NL$C"
  [ -z "$R" ] || C="link set dev $I down$\{NL}link set dev $I address $1$NL$C"
  for A in $5; do
    # Nobody else has the address: without duplicate detection an IPv6 one can be used at once.
    # Of link-local ones the host lets only that pass which follows from the MAC.
    case $A in *:*) for L in accept_dad addr_gen_mode; do { echo 0 > "/proc/sys/net/ipv6/conf/$I/$L"; } 2>/dev/null; done ;; esac
    C="$C$\{NL}addr replace $A dev $I"
  done
  for A in $3; do
    case $A in
      # Whose default is 1024, not 0: those of other NICs stand behind that.
      *:*) C="$C$\{NL}route replace ::/0 via $A dev $I$\{4:+$\{4}00}" ;;
      *) C="$C$\{NL}route replace default via $A dev $I$4" ;;
    esac
  done
  if batch; then
    ip -batch - >/dev/null 2>&1 <<EOF && return 0
$C
EOF
  fi
  each "$C"
}
# own_way TABLE SUBNETS GATEWAYS ADDRESSES: what bears an address of the interface I leaves by it, by a routing table of
# its own. A kernel without such tables does without: what comes in by I is then answered by the first NIC.
own_way() {
  for A in $2; do ip $(family "$A") route replace "$A" dev "$I" table "$1"; done
  for A in $3; do ip $(family "$A") route replace default via "$A" dev "$I" table "$1"; done
  for A in $4; do
    L=$(family "$A")
    ip $L rule del from "$A" table "$1"
    ip $L rule add from "$A" table "$1"
  done
} >/dev/null 2>&1
family() { case $1 in *:*) echo -6 ;; *) echo -4 ;; esac; }
`.replaceAll('$\\{', '${');
