import type { CatalogueIntake, CatalogueSource, CatalogueStore, ServiceEntry } from '../../record/service-catalogue.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { CatalogueFiles } from './catalogue-files.ts';
import { parseCatalogue } from './parse-catalogue.ts';
import { mergeEntries, type ServiceCatalogue } from './service-entry.ts';

export interface CatalogueServiceOptions {
  readonly store: CatalogueStore;
  /** What files say holds for every tenant. */
  readonly files?: Pick<CatalogueFiles, 'current'>;
  /** Takes secrets out of a document before it is read. What it throws refuses the document. */
  readonly scrub: (text: string, tenant: string) => string;
  readonly logger: Logger;
  /** How often the store is read again, for what another Docket on it was given; 0 leaves it to `reload`. 30 s when left out. */
  readonly pollMilliseconds?: number;
  readonly clock?: () => number;
}

/** The catalogue of files and API together. */
export interface CatalogueService extends CatalogueIntake {
  /** Reads what the store has. What cannot be read leaves the catalogue as it was, and is tried again. */
  start(): Promise<void>;
  reload(): Promise<void>;
  of(tenant: string): ServiceCatalogue;
  close(): void;
}

const POLL_MILLISECONDS = 30_000;
const SOURCES_MAX = 1_000;

/** Keeps what callers say about services, and lays it beside what files say. */
export function createCatalogueService(options: CatalogueServiceOptions): CatalogueService {
  const { store, files, logger } = options;
  const clock = options.clock ?? Date.now;
  /** By tenant, then by the source's name. */
  let held = new Map<string, Map<string, CatalogueSource>>();
  /** Puts and removals so far: a read that one of them overtook would take it back. */
  let changes = 0;
  let timer: NodeJS.Timeout | undefined;

  function hold(into: Map<string, Map<string, CatalogueSource>>, source: CatalogueSource): void {
    const ofTenant = into.get(source.tenant) ?? new Map<string, CatalogueSource>();
    ofTenant.set(source.source, source);
    into.set(source.tenant, ofTenant);
  }

  async function reload(): Promise<void> {
    const before = changes;
    try {
      const read = new Map<string, Map<string, CatalogueSource>>();
      for (const source of await store.all()) hold(read, source);
      if (changes === before) held = read;
    } catch (error) {
      const name = error instanceof Error ? error.name : 'unknown';
      logger.warn(
        { error: name },
        'the service catalogue could not be read from the store; what was read before stays',
      );
    }
  }

  function sourcesOf(tenant: string): readonly CatalogueSource[] {
    return [...(held.get(tenant)?.values() ?? [])].sort((a, b) => (a.source < b.source ? -1 : 1));
  }

  function find(tenant: string, service: string): ServiceEntry | undefined {
    let found = files?.current().get(service);
    for (const { entries } of sourcesOf(tenant)) {
      const entry = entries.find((each) => each.name === service);
      if (entry !== undefined) found = found === undefined ? entry : mergeEntries(found, entry);
    }
    return found;
  }

  return {
    async start() {
      await reload();
      const poll = options.pollMilliseconds ?? POLL_MILLISECONDS;
      if (poll === 0) return;
      timer = setInterval(() => void reload(), poll);
      timer.unref();
    },
    reload,
    of: (tenant) => ({
      configured: files !== undefined || sourcesOf(tenant).length > 0,
      find: (service) => find(tenant, service),
    }),
    async put(tenant, actor, source, document) {
      const ofTenant = held.get(tenant);
      if ((ofTenant?.size ?? 0) >= SOURCES_MAX && ofTenant?.has(source) !== true) {
        return { kind: 'invalid', fields: [{ path: 'body.source', message: `must be one of at most ${SOURCES_MAX}` }] };
      }
      const parsed = parseCatalogue(document.fileName, options.scrub(document.text, tenant));
      if (parsed.entries.size === 0) {
        const message = 'must name a service: CODEOWNERS, a Backstage Component, or services: in YAML';
        return { kind: 'invalid', fields: [{ path: 'body.text', message }] };
      }
      const entries = [...parsed.entries.values()];
      const taken = { tenant, source, fileName: document.fileName, entries, putAt: new Date(clock()), putBy: actor };
      await store.put(taken);
      changes += 1;
      hold(held, taken);
      return { kind: 'taken', services: entries.map((entry) => entry.name), unreadable: parsed.unreadable };
    },
    async remove(tenant, source) {
      if (held.get(tenant)?.has(source) !== true) return false;
      await store.remove(tenant, source, new Date(clock()));
      changes += 1;
      held.get(tenant)?.delete(source);
      return true;
    },
    sources: sourcesOf,
    services(tenant) {
      const names = new Set(sourcesOf(tenant).flatMap(({ entries }) => entries.map((entry) => entry.name)));
      for (const name of files?.current().keys() ?? []) names.add(name);
      return [...names].sort().flatMap((name) => find(tenant, name) ?? []);
    },
    close: () => clearInterval(timer),
  };
}
