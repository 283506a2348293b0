import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { eventsLeave, eventsTake } from '../effects/events-file.js';
import { faultsFrom } from '../effects/faults.js';
import { folderMake } from '../effects/folders.js';
import { lockTake } from '../effects/lock.js';
import { EventHub } from '../events/hub.js';
import { pastText, readPast } from '../events/past.js';
import type { Log } from '../log/logger.js';
import type { Meter } from '../metrics/meter.js';
import { Vitals } from '../metrics/vitals.js';
import { Operations } from '../operations/operations.js';
import { tellEnd } from '../operations/tell.js';
import { Records } from '../records/records.js';
import { Notifier } from '../systemd/notifier.js';
import { Registry } from '../vms/registry.js';
import { proveHanded, takeHandedSockets } from '../rpc/systemd.js';
import { closed, type Lifetime } from './lifetime.js';
import { openMetrics, scrapeWhere } from './metrics.js';

const never = new AbortController().signal;

/** What all others stand on. */
export type Ground = Awaited<ReturnType<typeof openGround>>;

/**
 * The daemon's own folders, held against a second daemon, and its records.
 * @throws anotherDaemon, handedRefused, and what making and reading its folders throws
 */
export async function openGround(life: Lifetime, { config, log }: { config: Config; log: Log }) {
  const { runDir, storeDir, socket } = config;
  const registry = new Registry();
  const operations = new Operations(
    faultsFrom(process.env),
    (vm) => registry.byId(vm)?.record.snapshot ?? null,
  );
  operations.onEnded((timeline, tags) => tellEnd(log, timeline, tags));
  const background = new AbortController();
  const cx = operations.looking(background.signal);
  const notifier = await life.open(
    'notifier',
    () => new Notifier(process.env, process.pid, operations.looking(never)),
    () => undefined,
  );
  const handed = takeHandedSockets(process.env, process.pid);
  for (const [name, fd] of handed) await proveHanded({ name, fd, group: socket.group }, cx);
  await folderMake({ dir: runDir, mode: 0o711 }, cx);
  await folderMake({ dir: join(runDir, 'vms'), mode: 0o700 }, cx);
  await folderMake({ dir: storeDir, mode: 0o700 }, cx);
  const lock = await life.open('run lock', () => lockTake(join(runDir, 'thawd.lock'), cx), closed);
  await life.open('store lock', () => lockTake(join(storeDir, 'thawd.lock'), cx), closed);
  // Without it subscribers begin anew, no more.
  const left = await eventsTake(join(runDir, 'events.json'), cx).catch(() => null);
  const past = readPast(left ?? '');
  const events = await life.open(
    'events',
    () => new EventHub(past?.epoch ?? randomUUID(), undefined, past ?? undefined),
    async (hub) => {
      const text = pastText(hub.past());
      // By then what is in the background was told to stop.
      await eventsLeave({ path: join(runDir, 'events.json'), text }, operations.looking(never));
    },
  );
  const vitals = await life.open('vitals', () => new Vitals(), closed);
  const access = { group: socket.group, lock };
  const scrapes = await openMetrics(scrapeWhere(config.metrics, handed.get('metrics'), access));
  const meter: Meter | undefined = scrapes?.metrics;
  if (meter) operations.onEnded((timeline) => meter.ended(timeline));
  return {
    ...{ handed, scrapes, meter },
    ...{ config, log, runDir, cx, background, operations, notifier, lock, vitals },
    records: await Records.open(runDir, cx),
    events,
    registry,
  };
}
