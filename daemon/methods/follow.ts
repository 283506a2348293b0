import type { StepListener } from '../operations/operation.js';
import type { Call } from './call.js';

/** Passes an operation's steps on to its caller as `$/progress`. */
export const follow =
  (call: Call) =>
  (of: { vm: string; operation: string }): StepListener =>
  (step, state) => {
    call.progress({ ...of, step, state });
  };
