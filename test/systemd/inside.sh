#!/bin/sh
# inside.sh FIRECRACKER: runs in a real systemd, where nothing of thaw is installed yet.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
passed=0
ok() { passed=$((passed + 1)); echo "ok $passed - $1"; }
fail() { echo "not ok - $1"; exit 1; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else fail "$1: $2, not $3"; fi; }
like() { case $2 in *"$3"*) ok "$1" ;; *) fail "$1: $2" ;; esac; }
field() { node -e 'let v=JSON.parse(require("fs").readFileSync(0));for(const k of process.argv[1].split("."))v=v[k];console.log(v)' "$1"; }
main_pid() { systemctl show --property=MainPID --value thawd.service; }
eventually() { # eventually WHAT COMMAND…
  what=$1; shift
  for _ in $(seq 100); do if "$@" > /dev/null 2>&1; then ok "$what"; return; fi; sleep 0.1; done
  fail "$what"
}
export FIRECRACKER_STANDIN_TIMING=0

mkdir -p /etc/thaw
cat > /etc/thaw/config.json <<EOF
{ "firecracker": { "binary": "$1" }, "slots": { "size": 1 } }
EOF
dpkg --install --force-depends /opt/thaw-test/thaw.deb > /dev/null 2>&1 || fail 'the package installs'
ok 'the package installs'
systemctl start thawd.socket
is 'the socket is root:thaw 0660' "$(stat -c '%U:%G %a' /run/thawd/thawd.sock)" 'root:thaw 660'
is 'no daemon yet' "$(systemctl is-active thawd.service || true)" inactive
started=$(date +%s%N)
thaw info --json > /dev/null
ok "the first call starts the daemon ($((($(date +%s%N) - started) / 1000000)) ms)"
is 'which says when it is ready' "$(systemctl is-active thawd.service)" active
like 'and how it is' "$(systemctl show --property=StatusText --value thawd.service)" ' VMs, '

printf '\177ELF' > /opt/thaw-test/kernel
thaw boot --name source --kernel /opt/thaw-test/kernel --json > /dev/null
thaw snapshot create source --name base --json > /dev/null
thaw restore base --json > /tmp/first || { cat /tmp/first; fail 'a restore'; }
vm=$(field clones.0.vm.id < /tmp/first)
unit=thaw-$vm.service
is 'a VMM is a unit of its own' "$(systemctl is-active "$unit")" active
is 'under its slice' "$(systemctl show --property=Slice --value "$unit")" thaw-vms.slice
vmm=$(systemctl show --property=MainPID --value "$unit")
is 'without the daemon’s sandbox' "$(awk '/^NoNewPrivs:/{print $2}' "/proc/$vmm/status") $(awk '/^NoNewPrivs:/{print $2}' "/proc/$(main_pid)/status")" '0 1'
filters() { awk '/^Seccomp_filters:/{print $2}' "/proc/$1/status"; }
is 'or its system-call filters' "$(filters "$vmm")" "$(filters 1)"
[ "$(filters "$(main_pid)")" -gt "$(filters 1)" ] || fail 'the daemon has some'

old=$(main_pid)
( for n in 1 2 3 4 5 6; do thaw restore base --json > "/tmp/load-$n" 2> /dev/null || true; done ) &
load=$!
sleep 0.5
systemctl restart thawd.service
wait "$load"
[ "$(main_pid)" != "$old" ] || fail 'it was started again'
for n in 1 2 3 4 5 6; do
  [ -s "/tmp/load-$n" ] || continue
  id=$(field clones.0.vm.id < "/tmp/load-$n" 2> /dev/null || true)
  [ -z "$id" ] || thaw show "$id" --json > /dev/null || fail "a clone that was answered is lost: $id"
done
ok 'a restart under load loses no clone that was answered'
is 'nor the one from before' "$(thaw show "$vm" --json | field vm.word)" ready
is 'whose VMM is the same' "$(systemctl show --property=MainPID --value "$unit")" "$vmm"

thaw boot --name inside --network default --kernel /opt/thaw-test/kernel --json > /dev/null
thaw snapshot create inside --name nic --keep-nics --json > /dev/null
thaw restore nic --strategy netns --json > /tmp/netns || { cat /tmp/netns; fail 'a restore into a namespace'; }
inner=$(field clones.0.vm.id < /tmp/netns)
address=$(field clones.0.vm.attachments.0.addresses.0 < /tmp/netns)
systemctl restart thawd.service
ping -c 1 -W 2 "${address%/*}" > /dev/null || fail 'a clone in a namespace answers with another daemon'
ok 'a clone in a namespace answers with another daemon'
pid=$(systemctl show --property=MainPID --value "thaw-$inner.service")
like 'and the host sees that namespace' "$(nsenter --target "$pid" --net ip -brief link)" uplink0

old=$(main_pid)
kill -KILL "$old"
eventually 'after SIGKILL it is started again' sh -c "p=\$(systemctl show --property=MainPID --value thawd.service); [ \$p != 0 ] && [ \$p != $old ] && systemctl is-active --quiet thawd.service"
is 'and the VMs are taken up' "$(thaw show "$vm" --json | field vm.word)" ready

old=$(main_pid)
dpkg --install --force-depends /opt/thaw-test/thaw.deb > /dev/null 2>&1 || fail 'the package installs over itself'
[ "$(main_pid)" != "$old" ] || fail 'an upgrade starts the new daemon'
is 'an upgrade starts the new daemon, and VMs run on' "$(thaw show "$vm" --json | field vm.word) $(systemctl show --property=MainPID --value "$unit")" "ready $vmm"

# The kernel kills for memory in the VMM's own group: by systemd where it has v2, else in one of v1 made for this.
victim=$(thaw restore base --json | field clones.0.vm.id)
old=$(main_pid)
pid=$(systemctl show --property=MainPID --value "thaw-$victim.service")
if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
  systemctl set-property --runtime "thaw-$victim.service" MemoryMax=1M
else
  mkdir /tmp/memory && mount -t cgroup -o memory none /tmp/memory && mkdir /tmp/memory/thaw-oom
  echo 1M > /tmp/memory/thaw-oom/memory.limit_in_bytes
  echo "$pid" > /tmp/memory/thaw-oom/cgroup.procs
fi
eventually 'a VMM that is killed for want of memory goes' sh -c "timeout 2 thaw ping $victim; ! kill -0 $pid"
if [ -e /tmp/memory ]; then
  is 'by the kernel’s hand' "$(awk '/^oom_kill /{print $2}' /tmp/memory/thaw-oom/memory.oom_control)" 1
  rmdir /tmp/memory/thaw-oom && umount /tmp/memory
fi
eventually 'and what it held with it' sh -c "! thaw show $victim --json"
is 'the daemon is the same' "$(main_pid)" "$old"
is 'and the other VM as it was' "$(thaw show "$vm" --json | field vm.word)" ready

other=$(thaw restore base --json | field clones.0.vm.id)
kill -KILL "$(systemctl show --property=MainPID --value "thaw-$other.service")"
eventually 'a VMM that is killed goes alone' sh -c "! thaw show $other --json"
is 'and no other' "$(thaw show "$vm" --json | field vm.word)" ready

useradd --no-create-home outsider
useradd --no-create-home --groups thaw member
like 'who is not in the group may not connect' "$(runuser -u outsider -- thaw ps 2>&1 || true)" 'may not use'
runuser -u member -- thaw ps --json > /dev/null && ok 'who is in it may look'
like 'and not change' "$(runuser -u member -- thaw stop --all 2>&1 || true)" 'root'

is 'the unit is closed as far as it can be' "$(systemd-analyze security --threshold=51 thawd.service > /dev/null && echo yes)" yes

mkdir -p /run/systemd/system/thawd.service.d
printf '[Service]\nWatchdogSec=2\n' > /run/systemd/system/thawd.service.d/test.conf
systemctl daemon-reload && systemctl restart thawd.service
old=$(main_pid)
sleep 4
is 'the watchdog is fed' "$(main_pid)" "$old"
kill -USR1 "$old"
# Its debugger runs a loop without end in it: signals and sockets are well, the event loop is not.
( sleep 1; echo 'exec for (;;);'; sleep 30 ) | node inspect 127.0.0.1:9229 > /dev/null 2>&1 &
eventually 'and fires when the loop stands still' sh -c "p=\$(systemctl show --property=MainPID --value thawd.service); [ \$p != 0 ] && [ \$p != $old ] && systemctl is-active --quiet thawd.service"
is 'VMs live on' "$(thaw show "$vm" --json | field vm.word)" ready

rm -r /run/systemd/system/thawd.service.d && systemctl daemon-reload && systemctl restart thawd.service

old=$(main_pid)
systemctl start thawd.service thawd.socket
is 'started twice it is the same' "$(main_pid)" "$old"
like 'and another by hand is refused' "$(node /usr/lib/thaw/thawd.js 2>&1 || true)" 'Another thawd holds'

said() { journalctl --unit=thawd.service --output=json --no-pager; }
like 'the journal has priorities' "$(said)" '"PRIORITY":"6"'
is 'and no second time' "$(said | grep -c 'level.*time.*msg' || true)" 0
journal=$(dirname "$(find /run/log/journal /var/log/journal -name '*.journal' 2> /dev/null | head -1)")
mount -t tmpfs -o size=64k none "$journal"
cat /dev/zero > "$journal/fill" 2> /dev/null || true
journalctl --rotate > /dev/null 2>&1 || true
thaw restore base --json > /dev/null && ok 'a full journal stops nobody'
is 'nor the daemon' "$(main_pid)" "$old"
umount "$journal" && journalctl --rotate > /dev/null 2>&1 || true

systemctl stop thawd.service
systemctl start thaw-metrics.socket
scrape() {
  node -e 'require("http").get({socketPath:"/run/thawd/metrics.sock",path:"/metrics"},(r)=>r.pipe(process.stdout))'
}
like 'a scrape starts the daemon, too' "$(scrape)" 'thaw_vms{state="ready"}'
is 'which serves both' "$(thaw show "$vm" --json | field vm.word)" ready
systemctl stop thaw-metrics.socket thawd.service

mkdir -p /run/systemd/system/thawd.socket.d
printf '[Socket]\nSocketMode=0666\n' > /run/systemd/system/thawd.socket.d/test.conf
systemctl daemon-reload && systemctl restart thawd.socket
systemctl start thawd.service 2> /dev/null && fail 'a socket open to everybody is refused'
like 'a socket open to everybody is refused, with what to do' "$(journalctl --unit=thawd.service --lines=40 --no-pager)" \
  'SocketMode=0660'
rm -r /run/systemd/system/thawd.socket.d
systemctl daemon-reload && systemctl stop thawd.service && systemctl reset-failed
systemctl restart thawd.socket

cat > /etc/thaw/config.json <<END
{ "firecracker": { "binary": "$1" }, "slots": { "size": 0 }, "socket": { "idleExitSeconds": 1 } }
END
thaw ps > /dev/null
eventually 'an idle daemon ends' sh -c '[ "$(systemctl is-active thawd.service)" = inactive ]'
is 'without a failure' "$(systemctl show --property=Result --value thawd.service)" success
is 'and the next call brings it and the VMs back' "$(thaw show "$vm" --json | field vm.word)" ready

dpkg --remove thaw > /dev/null 2>&1
is 'removed, the daemon is gone' "$(pgrep --full thawd.js || true)" ''
is 'VMs are not' "$(systemctl is-active "$unit")" active
[ -e /var/lib/thaw ] && ok 'nor snapshots'
[ ! -e /usr/lib/thaw ] && ok 'but all of the package is'
echo "$passed passed, 0 failed"
