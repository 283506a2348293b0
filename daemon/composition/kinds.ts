import type { Agents } from '../agent/agents.js';
import { cgroupKind } from '../steps/cgroup.js';
import { compatibleKind } from '../steps/compatible.js';
import { configureKind, startKind } from '../steps/boot.js';
import { freeKind, letGoKind, unplugKind } from '../steps/detach.js';
import { disksKind } from '../steps/disks.js';
import { folderKind } from '../steps/folder.js';
import { confirmKind, helloKind, updateKind } from '../steps/guest.js';
import { loadKind } from '../steps/load.js';
import { limitKind, nicKind } from '../steps/nic.js';
import { openedKind } from '../steps/opened.js';
import { pauseKind, quietKind, resumeKind, wakeKind } from '../steps/power.js';
import {
  captureKind,
  createKind,
  draftKind,
  guardKind,
  publishKind,
  verifyKind,
  type VerifyStep,
} from '../steps/snapshot.js';
import { upgradeKind } from '../steps/upgrade.js';
import { vmmKind } from '../steps/vmm.js';
import type { PluginSet } from '../plugins/set.js';
import type { Fleet } from '../vmm/fleet.js';
import type { Context, StepKinds } from '../../plugins/contract.js';

export interface KindParts {
  readonly plugins: PluginSet;
  readonly fleet: Fleet;
  readonly agents: Agents;
  /** Proves that a snapshot's files are what they were. */
  readonly prove: (snapshot: string, cx: Context) => Promise<void>;
  /** Proves by a throw-away clone that a NIC lives. */
  readonly verify: (step: VerifyStep, cx: Context) => Promise<void>;
}

/** Every step kind there is: the daemon's own, the fabric's and the strategies'. */
export function allKinds({ plugins, fleet, agents, prove, verify }: KindParts): StepKinds {
  const { fabric, storage } = plugins;
  const own = [
    compatibleKind(prove),
    configureKind(fleet),
    openedKind(fleet),
    startKind(fleet),
    letGoKind({ agents, fleet, kinds: () => kinds }),
    unplugKind(fleet),
    freeKind(fleet, () => kinds),
    disksKind(storage),
    folderKind,
    helloKind(agents),
    updateKind(agents),
    confirmKind(fabric),
    upgradeKind(agents),
    loadKind(fleet, fabric),
    nicKind(fleet, fabric),
    limitKind(fleet),
    resumeKind(fleet, agents),
    quietKind(agents),
    pauseKind(fleet),
    wakeKind(fleet),
    guardKind(fleet),
    draftKind(storage),
    captureKind(storage),
    createKind(fleet),
    verifyKind(verify),
    publishKind(storage),
    vmmKind(fleet, fabric),
    cgroupKind(fleet),
  ];
  const kinds: StepKinds = {
    ...Object.fromEntries(own.map((kind) => [kind.kind, kind])),
    ...fabric.kinds,
    ...(Object.assign(
      {},
      ...[...plugins.strategies.values()].map((strategy) => strategy.kinds),
    ) as StepKinds),
  };
  return kinds;
}
