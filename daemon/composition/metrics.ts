import type { Config } from '../config/schema.js';
import type { OwnSocket } from '../effects/bind.js';
import { serveScrapes, type ScrapeServer, type ScrapeWhere } from '../effects/scrape-server.js';
import type { Metrics } from '../metrics/metrics.js';
import type { RpcServer } from '../rpc/server.js';
import { Vms } from '../vms/vms.js';
import type { Lifetime } from './lifetime.js';
import type { Outlook } from './outlook.js';

/** What counts, and where Prometheus may ask for it. */
export interface Scrapes {
  readonly where: ScrapeWhere;
  readonly metrics: Metrics;
}

/** Begins to count; loads what that takes only where somebody may ask. */
export async function openMetrics(where: ScrapeWhere | null): Promise<Scrapes | null> {
  if (!where) return null;
  const { Metrics } = await import('../metrics/metrics.js');
  return { where, metrics: new Metrics() };
}

/** Where metrics are served: where systemd says before what the configuration says; null for nowhere. Pure. */
export function scrapeWhere(
  { socket, port }: Config['metrics'],
  handed: number | undefined,
  access: Omit<OwnSocket, 'path'>,
): ScrapeWhere | null {
  if (handed !== undefined) return { fd: handed };
  if (port !== undefined) return { port };
  return socket === undefined ? null : { own: { ...access, path: socket } };
}

type Parts = Outlook & { readonly server: RpcServer };

/** Serves what was counted, and what is, where that was asked for. @throws what listening there throws */
export async function openScrapes(life: Lifetime, parts: Parts): Promise<ScrapeServer | null> {
  const { scrapes, cx, registry, foreign, slots, fabric, operations, catalog, server } = parts;
  if (!scrapes) return null;
  const { where, metrics } = scrapes;
  const vms = new Vms(registry, foreign);
  metrics.show({
    vms: () => vms.list().map(({ word }) => word),
    slots: () => slots,
    networks: () => fabric.networks(),
    operations: () => operations.under().map(({ method }) => method),
    snapshots: () => catalog.all().length,
    room: () => registry.room.used,
    rpc: () => server,
  });
  const page = { path: '/metrics', contentType: metrics.contentType, text: () => metrics.text() };
  return life.open(
    'metrics',
    () => serveScrapes({ where, page }, cx),
    (scrapeServer) => scrapeServer.close(),
  );
}
