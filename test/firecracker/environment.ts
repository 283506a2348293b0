/** All environment variables of the stand-in, read once; README.md explains them. */
import { type EngineName, engineNames } from './engines/engine.js';

const variable = (name: string): string | undefined => process.env[`FIRECRACKER_STANDIN_${name}`];

function number(name: string, standard: number): number {
  const text = variable(name);
  if (text === undefined || text === '') return standard;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`FIRECRACKER_STANDIN_${name}: not a number: ${text}`);
  return value;
}

/** How long things take, in ms: facts/firecracker-measured.md ("Host side alone", facts 4, 5, 17, vsock's 2 s). */
export interface Timing {
  readonly load: number;
  readonly attach: number;
  readonly resume: number;
  readonly pause: number;
  readonly create: number;
  readonly detach: number;
  readonly start: number;
  /** From the first instruction until the guest's agent listens. */
  readonly boot: number;
  /** From a write to the guest's `rescan` until the NIC is there. */
  readonly rescan: number;
  /** Until the agent has noticed that its client went. */
  readonly hangup: number;
  /** Until a vsock connect that the guest does not answer is closed. */
  readonly connect: number;
}

const measured: Timing = {
  load: 8,
  attach: 1,
  resume: 2.5,
  pause: 0.6,
  create: 200,
  detach: 0.8,
  start: 7,
  boot: 40,
  rescan: 8,
  hangup: 10,
  connect: 2000,
};

/** `0` makes everything immediate (but vsock's deadline); a JSON object changes single times. */
function timing(): Timing {
  const text = variable('TIMING');
  if (text === undefined || text === '') return measured;
  if (text === '0') {
    const immediate = Object.fromEntries(Object.keys(measured).map((key) => [key, 0]));
    return { ...measured, ...immediate, connect: measured.connect };
  }
  return { ...measured, ...(JSON.parse(text) as Partial<Timing>) };
}

function engine(): EngineName {
  const text = variable('ENGINE') || 'namespaces';
  const found = engineNames.find((name) => name === text);
  if (found === undefined)
    throw new Error(`FIRECRACKER_STANDIN_ENGINE: ${text}; there are ${engineNames.join(', ')}`);
  return found;
}

export const environment = {
  version: variable('VERSION'),
  timing: timing(),
  faults: variable('FAULTS'),
  control: variable('CONTROL'),
  /** Vsock port of the guest's agent, in guests that boot here; a restored guest keeps its own. */
  agentPort: number('AGENT_PORT', 1024),
  /** `http` has the guest's agent speak that, in place of qemu-ga's protocol; with a token it asks for that. */
  agent: variable('AGENT') === 'http' ? ('http' as const) : ('qemu-ga' as const),
  agentToken: variable('AGENT_TOKEN'),
  /** `bind` does without overlayfs. */
  root: variable('ROOT') === 'bind' ? ('bind' as const) : ('overlay' as const),
  /** `1` gives guests that boot here a kernel with VMGenID. */
  vmgenid: variable('VMGENID') === '1',
  /** What guests are made of. */
  engine: engine(),
  /** `none` is a VMM whose guest loops and does nothing, as the transcripts' kernel does. */
  guest: variable('GUEST') !== 'none',
};
