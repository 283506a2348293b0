#!/bin/sh
# Installs the package in a real systemd (systemd-nspawn over a copy-on-write view of this host) and tries it there.
# Needs root, systemd-container and dbus; ends by itself and leaves nothing.
set -eu
cd "$(dirname "$0")/../.."
command -v systemd-nspawn > /dev/null ||
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends systemd-container dbus > /dev/null
deb=$(sh systemd/package.sh)
project=$PWD
work=$(mktemp -d /dev/shm/thaw-systemd-XXXXXX)
before=$(mktemp)
# What nspawn and the systemd inside make of control groups stays behind on hosts without a v2 hierarchy of their own.
find /sys/fs/cgroup -type d | sort > "$before"
nspawn=
finish() {
  [ -z "$nspawn" ] || kill "$nspawn" 2> /dev/null || true
  wait 2> /dev/null || true
  for _ in 1 2 3 4 5; do
    find /sys/fs/cgroup -type d | sort | comm -13 "$before" - | sort -r | xargs -r rmdir 2> /dev/null && break
    sleep 0.3
  done
  rm -rf "$work" "$before"
}
trap finish EXIT INT TERM
mkdir "$work/out"
# The machine is in a mount namespace of its own, which goes with it.
unshare --mount --propagation private sh -c '
  set -e
  work=$1
  mount -t tmpfs none "$work"
  mkdir "$work/up" "$work/work" "$work/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$work/up,workdir=$work/work" "$work/root"
  # Only what a fresh system has: no units of this host, and the package by another path than the project.
  rm -rf "$work/root/etc/systemd/system" "$work/root/etc/thaw" "$work/root/var/lib/thaw"
  mkdir -p "$work/root/etc/systemd/system" "$work/root/opt/thaw-test"
  cp "$2" "$work/root/opt/thaw-test/thaw.deb"
  cp "$3/test/systemd/inside.sh" "$work/root/opt/thaw-test/"
  # The stand-in too: where the project lies may be hidden there, in /tmp or in a home.
  mkdir "$work/root/opt/thaw-test/node_modules"
  cp "$3/dist/bin/firecracker.js" "$work/root/opt/thaw-test/"
  cp -R "$3/node_modules/koffi" "$3/node_modules/@koromix" "$work/root/opt/thaw-test/node_modules/"
  [ -e "$work/root/usr/bin/node" ] || ln -s "$4" "$work/root/usr/bin/node"
  SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes exec timeout --kill-after=5 400 systemd-nspawn --quiet --register=no --keep-unit \
    --directory="$work/root" --machine=thaw-test --private-network --bind=/dev/net/tun --bind=/dev/fuse --capability=all \
    --link-journal=no --console=pipe --boot systemd.unit=multi-user.target
' sh "$work" "$deb" "$project" "$(command -v node)" < /dev/null > "$work.log" 2>&1 &
nspawn=$!
leader=
for _ in $(seq 100); do
  leader=$(pgrep --full --exact --newest '(/usr)?/lib/systemd/systemd systemd.unit=multi-user.target' || true)
  [ -n "$leader" ] && nsenter --target "$leader" --mount --pid --root \
    systemctl is-active --quiet dbus.socket 2> /dev/null && break
  sleep 0.1
done
inside() { nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup --root --wd "$@"; }
code=0
inside sh /opt/thaw-test/inside.sh /opt/thaw-test/firecracker.js || code=$?
[ "$code" = 0 ] || { inside journalctl --unit=thawd.service --no-pager --lines=60; tail -5 "$work.log"; }
inside systemctl poweroff --force --force 2> /dev/null || true
rm -f "$work.log"
exit "$code"
