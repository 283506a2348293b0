import { z } from 'zod';
import { Mac } from '../../../daemon/api/shapes/ids.js';

/** What the plugins of a list have made (CNI specification, section 5). Unknown keys are kept: they go back as prevResult. */
export const CniResult = z.looseObject({
  cniVersion: z.string(),
  interfaces: z
    .array(
      z.looseObject({
        name: z.string(),
        mac: z.string().optional(),
        mtu: z.int().optional(),
        sandbox: z.string().optional(),
      }),
    )
    .default([]),
  ips: z
    .array(
      z.looseObject({
        address: z.string(),
        gateway: z.string().optional(),
        interface: z.int().optional(),
      }),
    )
    .default([]),
  routes: z.array(z.looseObject({ dst: z.string(), gw: z.string().optional() })).default([]),
  dns: z.looseObject({ nameservers: z.array(z.string()).optional() }).default({}),
});
export type CniResult = z.infer<typeof CniResult>;

/**
 * A result for the same namespace by another path: plugins compare the one that they are given with those in the result,
 * and a daemon that has taken over holds the namespace by a path of its own. Pure.
 */
export function movedTo(result: CniResult, { from, to }: { from: string; to: string }): CniResult {
  if (to === '') return result;
  const interfaces = result.interfaces.map((one) => (one.sandbox === from ? { ...one, sandbox: to } : one));
  return { ...result, interfaces };
}

/** A plugin's error (section 5). */
export const CniError = z.looseObject({
  code: z.int(),
  msg: z.string(),
  details: z.string().optional(),
});

/** What a guest gets of a result: the interface's own MAC and addresses. */
export interface GuestPart {
  readonly mac: Mac;
  /** With prefix length. */
  readonly addresses: readonly string[];
  readonly gateway: string | null;
  readonly gateway6: string | null;
  readonly dns: readonly string[];
  /** Null where no plugin has said. */
  readonly mtu: number | null;
}

const everywhere = ['0.0.0.0/0', '::/0'];

/** What a result gives to the guest behind `name`; or why it gives nothing. Pure. */
export function guestPart(result: CniResult, name: string): GuestPart | { readonly why: string } {
  const index = result.interfaces.findIndex((one) => one.name === name && (one.sandbox ?? '') !== '');
  const link = result.interfaces[index];
  if (!link) return { why: `there is no interface ${name} in the namespace` };
  const mac = Mac.safeParse(link.mac?.toLowerCase());
  if (!mac.success) return { why: `its interface ${name} has no MAC (${link.mac ?? 'none said'})` };
  const ips = result.ips.filter((ip) => ip.interface === undefined || ip.interface === index);
  if (ips.length === 0) return { why: `its interface ${name} has no address` };
  const gatewayOf = (six: boolean) => {
    const is = (text: string) => text.includes(':') === six;
    const route = result.routes.find(({ dst }) => everywhere.includes(dst) && is(dst));
    // A default route without a gateway of its own leads to that of the address.
    return route ? (route.gw ?? ips.find(({ address }) => is(address))?.gateway ?? null) : null;
  };
  return {
    mac: mac.data,
    addresses: ips.map(({ address }) => address),
    gateway: gatewayOf(false),
    gateway6: gatewayOf(true),
    dns: result.dns.nameservers ?? [],
    mtu: link.mtu ?? null,
  };
}
