import { spawnSync } from 'node:child_process';
import { hookPath } from '../support/container.js';
import { median, rounded, spread, type Spread } from './stats.js';

/** What a container without annotations of ours waits for its hook, against the start of Node alone. */
export interface HookBench {
  readonly rounds: number;
  readonly node: Spread;
  readonly nothingToDo: Spread;
  /** Median of the rounds' ratios. */
  readonly ratio: number;
}

const state = JSON.stringify({
  ...{ ociVersion: '1.0.2', id: 'it', status: 'created', pid: process.pid, bundle: '/' },
  annotations: { 'io.kubernetes.cri.container-type': 'container' },
});

/** Milliseconds that a program takes, from its start to its end. */
function took(...args: readonly string[]): number {
  const began = performance.now();
  const { status } = spawnSync(process.execPath, args, { input: state });
  if (status !== 0) throw new TypeError(`${args.join(' ')} ended with ${String(status)}`);
  return performance.now() - began;
}

/** Starts both in turns. */
export function benchHook(rounds: number): HookBench {
  const measured: { node: number; hook: number }[] = [];
  // The first round fills the page cache.
  for (let round = 0; round <= rounds; round++) {
    const one = { node: took('--eval', '0'), hook: took(hookPath, 'createRuntime') };
    if (round > 0) measured.push(one);
  }
  return {
    rounds,
    node: spread(measured.map(({ node }) => node)),
    nothingToDo: spread(measured.map(({ hook }) => hook)),
    ratio: rounded(median(measured.map(({ node, hook }) => hook / node))),
  };
}
