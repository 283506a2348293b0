import { guestImage } from './guest-image/image.js';

/** The environment in which the stand-in's guests have a kernel of their own, under QEMU. */
export const onQemu = { FIRECRACKER_STANDIN_ENGINE: 'qemu', FIRECRACKER_STANDIN_TIMING: '0' } as const;

/** The configuration of a VM that boots Debian's kernel. */
export function linux(more: object = {}) {
  const { kernel, initrd } = guestImage();
  return {
    'boot-source': {
      kernel_image_path: kernel,
      initrd_path: initrd,
      boot_args: 'console=ttyS0 reboot=k panic=1 quiet',
    },
    ...more,
  };
}
