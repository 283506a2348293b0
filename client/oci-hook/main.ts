import { readFileSync } from 'node:fs';
import { readArguments, readState } from './input.js';

const usage = `usage: thaw-oci-hook STAGE [--timeout SECONDS]

Called by container runtimes with a container's state on standard input. STAGE is createRuntime (restores a clone for
containers with the annotation dev.thaw.snapshot, and waits until it is ready), poststart (checks it) or poststop
(releases it). --timeout: what the hook's definition grants it, 30 by default. Exit codes are those of thaw --help.
`;

/** One line each: runtimes quote standard error in their own message. */
function say(text: string): void {
  process.stderr.write(`thaw: ${text}\n`);
}

async function main(words: readonly string[]): Promise<number> {
  if (words.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  const call = readArguments(words);
  if (typeof call === 'string') {
    say(call);
    return 2;
  }
  // Not as a stream: that alone takes half as long as all the rest.
  const input = readState(readFileSync(0, 'utf8'));
  if (typeof input === 'string') {
    say(`what came on standard input is no container's state: ${input}`);
    return 1;
  }
  // Most containers: neither the client is loaded nor a daemon started for them.
  if (!input.ours) return 0;
  const interrupted = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => interrupted.abort());
  const { invoke } = await import('./invoke.js');
  try {
    const { warnings } = await invoke(call, input, interrupted.signal);
    for (const warning of warnings) say(`warning: ${warning}`);
    return 0;
  } catch (error) {
    const [{ remedyOf }, { exitCodeOf }] = await Promise.all([
      import('./remedy.js'),
      import('../cli/exit.js'),
    ]);
    say(remedyOf(error));
    // Some runtimes (crun) pass on nothing else of a hook.
    return exitCodeOf(error);
  }
}

void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
