import { z } from 'zod';
import { RateLimiter } from '../api/shapes/machine.js';
import type { VmmApi } from '../vmm/api.js';
import type { Fleet } from '../vmm/fleet.js';
import { nothing, stepKind, type Context, type Fabric, type Step } from '../../plugins/contract.js';

const schema = z.object({
  kind: z.literal('nic'),
  vm: z.string(),
  nic: z.string(),
  tap: z.string(),
  mac: z.string(),
  mtu: z.int(),
  rxRateLimiter: RateLimiter.optional(),
  txRateLimiter: RateLimiter.optional(),
});
export type NicStep = z.infer<typeof schema> & Step;

/** Hands a tap to Firecracker: before the boot, or as a hot-plug afterwards. */
export const nicKind = (fleet: Fleet, fabric: Fabric) =>
  stepKind<NicStep>({
    kind: 'nic',
    schema: schema,
    async run(step, cx) {
      // Firecracker makes a missing tap itself, without bridge and DOWN, and says 204: look first.
      await fabric.verifyTap(step.tap, step.vm, cx);
      const { tap, mac, rxRateLimiter, txRateLimiter } = step;
      // An older one refuses the key; its guest is told by the agent.
      const mtu = (await fleet.capabilities(cx)).has('nicMtu') ? step.mtu : undefined;
      await fleet.api(step.vm).putNic({ id: step.nic, tap, mac, mtu, rxRateLimiter, txRateLimiter }, cx);
    },
    // Where the VMM lives on, the NIC is pulled out again; where it ends, the NIC ends with it.
    async undo(step, cx) {
      const api = fleet.find(step.vm)?.api;
      if (api && (await hasNic(api, step.nic, cx))) await api.deleteNic(step.nic, cx);
    },
    async unplugs(step, cx) {
      const api = fleet.find(step.vm)?.api;
      return api !== undefined && (await hasNic(api, step.nic, cx));
    },
    async check(step, cx) {
      const api = fleet.find(step.vm)?.api;
      if (!api || (await hasNic(api, step.nic, cx))) return [];
      const remedy = 'Restore a fresh clone: a NIC that was unplugged can’t be brought back';
      return [{ what: `${step.nic} of ${step.vm}`, problem: 'Firecracker no longer has this NIC', remedy }];
    },
  });

const limit = z.object({
  kind: z.literal('limit'),
  vm: z.string(),
  nic: z.string(),
  rxRateLimiter: RateLimiter.optional(),
  txRateLimiter: RateLimiter.optional(),
});
export type LimitStep = z.infer<typeof limit> & Step;

/** Rate limits of its own for a NIC that came with the snapshot, which has the source's. */
export const limitKind = (fleet: Fleet) =>
  stepKind<LimitStep>({
    kind: 'limit',
    schema: limit,
    run: ({ vm, nic, rxRateLimiter, txRateLimiter }, cx) =>
      fleet.api(vm).patchNic({ id: nic, rxRateLimiter, txRateLimiter }, cx),
    ...nothing,
  });

async function hasNic(api: VmmApi, id: string, cx: Context): Promise<boolean> {
  const config = await api.config(cx);
  return config['network-interfaces'].some((nic) => nic.iface_id === id);
}
