import { basename } from 'node:path';
import type { Vm as VmView } from '../api/shapes/vm.js';
import type { VmmDescription } from '../vmm/answers.js';
import { VmmApi } from '../vmm/api.js';
import { within, type Context } from '../../plugins/contract.js';
import { powerOf } from './health.js';

/** Milliseconds for a socket to show that a Firecracker is behind it. */
const probeDeadline = 1_000;

/** A VM of somebody else, and our connection to it. */
export interface ForeignVm {
  readonly api: VmmApi;
  readonly view: VmView;
}

interface Place {
  /** The VM's folder. */
  readonly dir: string;
  readonly apiSocket: string;
}

/** Asks whoever listens at a socket; null where no Firecracker answers. The connection is the caller's to close. */
export async function probe(place: Place, cx: Context): Promise<ForeignVm | null> {
  const api = new VmmApi({ vm: basename(place.dir), socketPath: place.apiSocket });
  const view = await describe(place, api, cx);
  // Stale, or the socket of another program: no VM, and nothing to report.
  if (view === null) api.close();
  return view && { api, view };
}

/** A VM asked again; as it was where it does not answer in time: while its connection is open it lives. */
export async function ask({ api, view }: ForeignVm, cx: Context): Promise<ForeignVm> {
  const place = { dir: view.dir, apiSocket: view.apiSocket ?? '' };
  return { api, view: (await describe(place, api, cx)) ?? view };
}

async function describe(place: Place, api: VmmApi, cx: Context): Promise<VmView | null> {
  try {
    const limit = { what: 'a probe', milliseconds: probeDeadline };
    const described = await within(cx, limit, (inner) => api.describe(inner));
    return foreignView({ ...place, described });
  } catch {
    return null;
  }
}

function foreignView(facts: { dir: string; apiSocket: string; described: VmmDescription }): VmView {
  const { dir, apiSocket, described } = facts;
  const at = Date.now();
  return {
    id: basename(dir),
    name: basename(dir),
    word: 'foreign',
    origin: 'foreign',
    createdAt: at,
    expiresAt: null,
    process: { is: 'alive', at, pid: null, startTime: null },
    power: { is: powerOf(described.state), at },
    readiness: { is: 'not-asked', at },
    attachments: [],
    snapshot: null,
    strategy: null,
    reservedSnapshot: null,
    dir,
    apiSocket,
    vmmVersion: described.vmm_version,
    operation: null,
    limits: null,
    labels: {},
    container: null,
    warnings: [],
  };
}
