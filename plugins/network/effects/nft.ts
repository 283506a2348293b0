import { execa, ExecaError } from 'execa';
import { toolFailed, toolMissing } from '../../../daemon/api/errors/host.js';
import { effect, look, type Context } from '../../contract.js';

/** Runs `nft`: for whole tables, never for a VM's elements. @throws toolMissing, toolFailed */
async function nft(args: readonly string[], input: string, cx: Context): Promise<string> {
  try {
    const { stdout } = await execa('nft', args, {
      input,
      cancelSignal: cx.signal,
      // Half a transaction is none: nft may be killed at any moment.
      forceKillAfterDelay: 100,
      extendEnv: false,
      env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
    });
    return stdout;
  } catch (error) {
    cx.signal.throwIfAborted();
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === 'ENOENT')
      throw toolMissing({ tool: 'nft', debianPackage: 'nftables' }, { cause: error });
    throw toolFailed(
      { tool: 'nft', said: (error.stderr ?? error.shortMessage).slice(0, 500) },
      { cause: error },
    );
  }
}

/** Does what a text of nft commands says, all of it or nothing. */
export const loadRuleset = effect('tables.load', async (text: string, cx) => {
  await nft(['-f', '-'], text, cx);
});

/** Everything that nftables holds on this host, ours and others', as `nft -j` gives it. */
export const lookAtRuleset = look('tables.look', async (_: null, cx): Promise<unknown> =>
  JSON.parse(await nft(['-j', 'list', 'ruleset'], '', cx)),
);
