// A fault at the edges of every effect that a change makes: the daemon is killed there, or the effect fails, hangs, or
// finds the disk full. Afterwards every VM is ready and reachable, or gone without a trace.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { declaredEffects } from '../../plugins/contract.js';
import '../../daemon/composition.js';
import { startHost, type Host, type HostFault } from '../support/host.js';
import { generator } from '../support/random.js';
import type { Flow } from './flow.js';
import { casesOf, kinds, nameOf, pointsOf, sample, type Case, type Point } from './points.js';
import { openDescriptors, quiet, remains, wrongs } from './world.js';

/** All of them, or with `2/5` every fifth from the second on; otherwise so many of each kind, drawn anew each time. */
const share = /^(\d+)(?:\/(\d+))?$/.exec(process.env['THAW_FAULTS_ALL'] ?? '');
const [first, step] = [Number(share?.[1] ?? 1), Number(share?.[2] ?? 1)];
const all = share !== null;
const each = Number(process.env['THAW_FAULTS_EACH'] ?? 2);
/** Repeats a draw. */
const seed = Number(process.env['THAW_FAULTS_SEED'] ?? Date.now() % 2 ** 31);

type Test = Parameters<typeof startHost>[0] & {
  strictSame(found: unknown, wanted: unknown, message: string): unknown;
  ok(value: unknown, message: string): unknown;
};

/** The files by which daemon and test talk of faults. */
class Faults {
  readonly #dir = mkdtempSync(join(tmpdir(), 'thaw-faults-'));
  readonly #file = join(this.#dir, 'faults.json');
  readonly #trace = join(this.#dir, 'trace');

  constructor() {
    this.set([]);
  }

  get env(): Readonly<Record<string, string>> {
    return { THAW_FAULTS: `@${this.#file}`, THAW_FAULTS_TRACE: this.#trace };
  }

  /** Sets what goes wrong from now on; the trace begins anew. */
  set(faults: readonly HostFault[]): void {
    writeFileSync(this.#file, JSON.stringify(faults));
    writeFileSync(this.#trace, '');
  }

  get points(): Point[] {
    return pointsOf(readFileSync(this.#trace, 'utf8'));
  }

  /** Whether a fault was met there. */
  met({ at, when }: Point): boolean {
    return readFileSync(this.#trace, 'utf8').split('\n').includes(`${when} ${at} hit`);
  }

  close(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** Milliseconds after which a client gives up what hangs. */
const patience = 250;

/** Does the change once without a fault, then with one at each point (or a draw of them). */
export async function sweep(t: Test, flow: Flow): Promise<void> {
  const faults = new Faults();
  t.teardown(async () => {
    await Promise.resolve();
    faults.close();
  });
  const config = {
    health: { intervalSeconds: 0, agentIntervalSeconds: 0 },
    reconcile: { intervalSeconds: 0 },
    ...flow.host?.config,
  };
  const env = { FIRECRACKER_STANDIN_TIMING: '0', ...flow.host?.env, ...faults.env };
  const host = await startHost(t, { small: '64m', ...flow.host, config, env });
  await flow.prepare(host);
  const round = new Round(host, flow, faults);

  // Twice: what is looked up once in a daemon's life is known the second time, as it will be from then on.
  for (let time = 0; time < 2; time += 1)
    t.strictSame(await round.once(null), [], `${flow.name}: without a fault all is well`);
  const reached = flow.always ? after(flow.always, round.points) : round.points;
  const points = flow.pick?.(reached) ?? reached;
  const changes = new Set(declaredEffects().flatMap(({ name, changes }) => (changes ? [name] : [])));
  const met = new Set(points.map(({ at }) => at));
  t.strictSame(
    flow.covers.filter((name) => !met.has(name)),
    [],
    `${flow.name}: it meets the effects that it is for`,
  );
  const cases = casesOf(points, changes, flow.kinds ?? kinds);
  const chosen = all ? cases.filter((_, n) => n % step === first - 1) : sample(cases, each, generator(seed));
  const began = performance.now();
  let hits = 0;
  for (const one of chosen) {
    const wrong = await round.once(one);
    t.strictSame(wrong, [], `${flow.name}: ${nameOf(one)}`);
    if (round.hit) hits += 1;
  }
  t.ok(hits >= chosen.length / 2, `${hits} of ${chosen.length} were hit`);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const drawn = all ? `all, ${first} of ${step}` : `drawn with THAW_FAULTS_SEED=${seed}`;
  process.stderr.write(
    `faults  ${flow.name}: ${hits} of ${cases.length} points hit (${drawn}), ${met.size} effects, ${seconds} s\n`,
  );
}

/** The points that come after a fault; its own are no more: how often it is tried again is a matter of time. */
function after({ at, when }: HostFault, points: readonly Point[]): Point[] {
  const its = (point: Point): boolean => point.at === at && point.when === when;
  return points.slice(points.findIndex(its) + 1).filter((point) => !its(point));
}

/** The change, one fault at a time, on one host. */
class Round {
  readonly #host: Host;
  readonly #flow: Flow;
  readonly #faults: Faults;
  #descriptors = Infinity;
  points: readonly Point[] = [];
  hit = false;

  constructor(host: Host, flow: Flow, faults: Faults) {
    this.#host = host;
    this.#flow = flow;
    this.#faults = faults;
  }

  /** What is wrong afterwards, in words. */
  async once(one: Case | null): Promise<readonly string[]> {
    const [host, flow] = [this.#host, this.#flow];
    await flow.arrange?.(host, (list) => this.#faults.set(list));
    const usual = flow.always ? [flow.always] : [];
    this.#faults.set([...usual, ...(one ? this.#faultsOf(one) : [])]);
    const failure = await this.#act(one);
    if (one === null) this.points = this.#faults.points;
    this.hit = one !== null && this.#faults.met(one.point);
    if (one?.kind === 'kill' && this.hit) await host.ended();
    this.#faults.set([]);
    if (one?.kind === 'full') this.#empty();
    if (!host.alive) {
      await host.client.close();
      await host.start();
    } else if (one === null && failure !== null && !flow.always) {
      return [`it failed: ${failure}`];
    } else if (one !== null || failure !== null) {
      await quiet(host);
      // What resisted is tried again.
      await host.client.system.reconcile({});
    }
    const wrong = (await wrongs(host)).filter((what) => flow.forgives?.test(what) !== true);
    const found = [...wrong, ...((await flow.judge?.(host)) ?? [])];
    const { vms } = await host.client.vm.list();
    for (const { id } of vms) await host.client.vm.stop({ vm: id });
    await flow.clear?.(host);
    found.push(...(await remains(host, this.#descriptors)), ...((await flow.left?.(host)) ?? []));
    if (one === null) this.#descriptors = await openDescriptors(host);
    return found;
  }

  /** Does it, until it is done or the daemon is dead; the failure, or null. */
  async #act(one: Case | null): Promise<string | null> {
    const [host, flow] = [this.#host, this.#flow];
    const signal = one?.kind === 'hang' ? AbortSignal.timeout(patience) : new AbortController().signal;
    const done = flow.act(host, signal).then(() => null, String);
    // A client tries for long to reach a daemon that is dead.
    return host.alive ? Promise.race([done, host.ended().then(() => 'the daemon has ended')]) : done;
  }

  #empty(): void {
    for (const path of this.#fillers) rmSync(this.#host.box.seen(path), { force: true });
  }

  get #fillers(): readonly string[] {
    const { runDir, storeDir } = this.#host;
    return [runDir, storeDir].map((dir) => join(dir, 'filler'));
  }

  #faultsOf({ kind, point }: Case): HostFault[] {
    switch (kind) {
      case 'kill':
        return [{ ...point, kill: true }];
      case 'error':
        return [{ ...point, fail: 'EIO' }];
      case 'hang':
        return [{ ...point, delay: 1_000 }];
      case 'full':
        return this.#fillers.map((fill) => ({ ...point, fill }));
    }
  }
}
