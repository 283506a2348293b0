/** The port by which QEMU and the guest's agent know each other. */
export const agentPortName = 'org.qemu.guest_agent.0';

/** Modules that a guest loads before anything else; what they need comes along. */
export const modules = [
  'virtio_pci',
  'virtio_console',
  'virtio_net',
  'virtio_blk',
  'virtio_rng',
  'af_packet',
] as const;

/**
 * The guest's process 1: busybox, no udev, qemu-ga on its virtio-serial port, started again when it ends. The hostname
 * and the machine-id are the source's: a clone that still has them has not been told who it is.
 */
export const init = `#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
read -r MODULES < /modules
for MODULE in $MODULES; do insmod "/lib/modules/$MODULE"; done
ip link set lo up
echo source > /proc/sys/kernel/hostname
echo source > /etc/hostname
echo 0123456789abcdef0123456789abcdef > /etc/machine-id
while :; do
  for PORT in /sys/class/virtio-ports/*; do
    read -r NAME 2>/dev/null < "$PORT/name" || continue
    [ "$NAME" != ${agentPortName} ] || qemu-ga -m virtio-serial -p "/dev/\${PORT##*/}" -t /run -f /run/qemu-ga.pid
  done
  sleep 0.1
done
`;
