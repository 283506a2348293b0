import { z } from 'zod';

const Port = z.int().min(1).max(65_535);

/** A port of the host whose connections go to a port of the guest. */
export const PortForward = z.strictObject({
  protocol: z.enum(['tcp', 'udp']).default('tcp'),
  host: Port,
  guest: Port,
  /** The address of the host that it holds for; left out, all of them. Never loopback, which no guest can answer to. */
  address: z
    .ipv4()
    .refine((text) => !text.startsWith('127.') && text !== '0.0.0.0', 'an address of the host, not loopback')
    .optional(),
});
export type PortForward = Readonly<z.output<typeof PortForward>>;
