import { execa } from 'execa';
import { toolFailed, toolMissing } from '../../../daemon/api/errors/host.js';
import { effect, look, type Context } from '../../contract.js';
import { saidBy } from './said.js';

/** Runs `nft`: for whole tables, never for a VM's elements. @throws toolMissing, toolFailed */
async function nft(args: readonly string[], input: string, cx: Context): Promise<string> {
  const done = await execa('nft', args, {
    input,
    reject: false,
    // Half a transaction is none: nft may be killed at any moment.
    cancelSignal: cx.signal,
    forceKillAfterDelay: 100,
    extendEnv: false,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
  });
  if (!done.failed) return done.stdout;
  cx.signal.throwIfAborted();
  if (done.code === 'ENOENT') throw toolMissing({ tool: 'nft', debianPackage: 'nftables' }, { cause: done });
  throw toolFailed({ tool: 'nft', said: saidBy(done) }, { cause: done });
}

/** Does what a text of nft commands says, all of it or nothing. */
export const loadRuleset = effect('tables.load', async (text: string, cx) => {
  await nft(['-f', '-'], text, cx);
});

/** Tables, chains and rules of this host, ours and others', as `nft -j` gives them; the elements of sets left out. */
export const lookAtRuleset = look('tables.look', async (_: null, cx): Promise<unknown> =>
  JSON.parse(await nft(['-j', '-t', 'list', 'ruleset'], '', cx)),
);
