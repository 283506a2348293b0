#!/bin/sh
# Makes dist/thaw_VERSION_ARCH.deb of what is built: all it needs besides is Node.
set -eu
cd "$(dirname "$0")/.."
version=$(node -p 'require("./package.json").version')
arch=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
node dist/bin/thaw.js install --quiet --prefix /usr --root "$root" > /dev/null
mkdir "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<EOF
Package: thaw
Version: $version
Architecture: $arch
Maintainer: the authors of thaw <root@localhost>
Depends: nodejs (>= 20.19)
Recommends: nftables, iputils-ping
Section: admin
Priority: optional
Description: Restores Firecracker microVMs as networked, correctly identified machines
 A daemon, its command line, and a hook for container runtimes.
EOF
cat > "$root/DEBIAN/postinst" <<'EOF'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
if command -v systemd-sysusers > /dev/null; then systemd-sysusers thaw.conf; else groupadd --force --system thaw; fi
if [ -d /run/systemd/system ]; then
  systemd-tmpfiles --create thaw.conf
  systemctl daemon-reload
  systemctl enable --quiet thawd.socket
  # An upgrade: VMs live on, and the new daemon takes them up.
  systemctl try-restart thawd.service
fi
EOF
cat > "$root/DEBIAN/prerm" <<'EOF'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --quiet --now thaw-metrics.socket thawd.socket thawd.service || true
fi
EOF
cat > "$root/DEBIAN/postrm" <<'EOF'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
EOF
chmod 755 "$root"/DEBIAN/p*
dpkg-deb --root-owner-group --build "$root" "dist/thaw_${version}_${arch}.deb" > /dev/null
echo "dist/thaw_${version}_${arch}.deb"
