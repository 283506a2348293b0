import { z } from 'zod';
import { AbsolutePath, NetworkName } from '../../../daemon/api/shapes/ids.js';

/** Networks that CNI plugins make: an existing engine's, beside or instead of bridges. */
export const CniConfig = z.strictObject({
  /** Folders of plugins, as in CNI_PATH. */
  path: z.array(AbsolutePath).min(1).max(16).default(['/opt/cni/bin', '/usr/lib/cni']),
  /** Seconds for one call of a plugin; some wait for a DHCP server. */
  timeoutSeconds: z.int().min(1).max(3600).default(60),
  /** Files of configuration lists, by the network's name. */
  networks: z.record(NetworkName, z.strictObject({ list: AbsolutePath })).default({}),
});
export type CniConfig = z.output<typeof CniConfig>;
