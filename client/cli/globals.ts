import type { Options } from './command.js';

/** Options of every command. */
export const globalOptions = {
  json: { type: 'flag', summary: 'print JSON for programs: one value, or one a line where there are many' },
  quiet: {
    type: 'flag',
    short: 'q',
    summary: 'no progress and no notes; of what is listed or made only the names',
  },
  socket: {
    type: 'text',
    value: 'PATH',
    completes: 'file',
    summary: 'the daemon’s socket (else $THAW_SOCKET, else /run/thawd/thawd.sock)',
  },
  progress: {
    type: 'text',
    value: 'HOW',
    completes: ['auto', 'plain', 'off'],
    summary: 'auto: live lines on a terminal, nothing elsewhere; plain: a line for each step; off',
  },
  'no-color': { type: 'flag', summary: 'no colours; NO_COLOR in the environment does the same' },
  help: { type: 'flag', short: 'h', summary: 'show this help' },
  version: { type: 'flag', summary: 'show the version of thaw' },
} as const satisfies Options;
