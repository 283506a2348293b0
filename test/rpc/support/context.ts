import type { Context } from '../../../plugins/contract.js';

export const cx: Context = { signal: new AbortController().signal, probe: { effect: () => undefined } };
