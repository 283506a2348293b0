// Imported first, this runs the whole test file again in a mount namespace of its own: what it mounts goes with it.
import { spawnSync } from 'node:child_process';

const mark = 'THAW_TEST_OWN_MOUNTS';

if (process.env[mark] === undefined) {
  // Node-tap's channel to the runner is not handed on; a child told of it would not start.
  const env: NodeJS.ProcessEnv = { ...process.env, [mark]: '1', NODE_CHANNEL_FD: undefined };
  const unshare = ['unshare', '--mount', '--propagation', 'private', process.execPath];
  const args = ['--pdeathsig', 'KILL', ...unshare, ...process.execArgv, ...process.argv.slice(1)];
  const done = spawnSync('setpriv', args, { stdio: 'inherit', env });
  process.exit(done.status ?? 1);
}
