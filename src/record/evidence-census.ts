import type { EvidenceCensus } from './assemble.ts';
import { instantOf } from './evidence-by-hand.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { EvidenceQueries, QueryAim, QueryAimRequest } from './evidence-queries.ts';
import type { EvidenceVersions } from './evidence-version.ts';
import type { EvidenceRow } from './evidence.ts';
import type { EvidenceLine } from './incident-record.ts';
import { createRowCount, type RowCount } from './row-count.ts';

/** What the evidence of an incident comes to, kept until it changes. */
export interface CensusReader {
  read(tenant: string, incidentId: string): Promise<EvidenceCensus>;
  /**
   * At what the recent queries were aimed; undefined where the store cannot say. New evidence shows in it at once when it was
   * asked for `fresh`, otherwise within seconds: nobody who reads a brief waits for a gauge.
   */
  aim(
    tenant: string,
    incidentId: string,
    request: QueryAimRequest | undefined,
    fresh?: boolean,
  ): Promise<QueryAim | undefined>;
}

export interface CensusOptions {
  readonly evidenceLog: EvidenceLog;
  readonly queries?: EvidenceQueries;
  /** Without it nothing is kept. */
  readonly versions?: EvidenceVersions;
  /** How long an answer is good for although nothing was seen to change; where others write too, they are not seen. */
  readonly maxAgeMilliseconds?: number;
  /** Incidents with more rows are counted by the store for every change; 50,000 when left out. */
  readonly countedRowsMax?: number;
}

const LATEST = 20;
const CHANGES = 20;
const KEPT_MAX = 2_000;
const COUNTED_ROWS_MAX = 50_000;
/** Rows counted in memory over all incidents, about 100 bytes each; the incident looked at least recently goes first. */
const COUNTED_ROWS_TOTAL_MAX = 300_000;
/** How old a gauge may be while newer evidence is there. */
const AIM_MAX_AGE_MILLISECONDS = 5_000;

interface Kept<T> {
  readonly version: number;
  readonly at: number;
  readonly answer: Promise<T>;
}

/** A census that is kept up with the rows as they are written. */
interface Counted {
  version: number;
  readonly rows: RowCount;
  census: EvidenceCensus | null;
}

interface Counting {
  /** What was written while the store counted: taken in afterwards, whether the store had it or not. */
  readonly meanwhile: EvidenceRow[];
  version: number;
  readonly counted: Promise<Counted | undefined>;
}

export function createCensusReader(options: CensusOptions): CensusReader {
  const { evidenceLog, queries, versions } = options;
  const maxAge = options.maxAgeMilliseconds ?? Infinity;
  const countedRowsMax = options.countedRowsMax ?? COUNTED_ROWS_MAX;
  const censuses = new Map<string, Kept<EvidenceCensus>>();
  const aims = new Map<string, Kept<QueryAim>>();
  // In order of last use, oldest first.
  const counted = new Map<string, Counted>();
  const counting = new Map<string, Counting>();
  /** Incidents that have more rows than are counted in memory: their rows are not asked for again, for they hardly get fewer. */
  const outgrown = new Set<string>();
  let countedRows = 0;

  versions?.follow(({ tenant, incidentId, rows, before, after }) => {
    const key = keyOf(tenant, incidentId);
    const known = counting.get(key) ?? counted.get(key);
    if (known?.version !== before) return;
    known.version = after;
    if ('meanwhile' in known) known.meanwhile.push(...rows);
    else takeIn(key, known, rows);
  });

  function takeIn(key: string, known: Counted, rows: readonly EvidenceRow[]): void {
    const size = known.rows.size;
    const taken = known.rows.takeIn(rows);
    known.census = null;
    countedRows += known.rows.size - size;
    // Rows go on coming whether or not anybody looks.
    if (!taken || known.rows.size > countedRowsMax) forget(key);
    if (known.rows.size > countedRowsMax) outgrow(key);
  }

  function outgrow(key: string): void {
    outgrown.add(key);
    for (const oldest of outgrown) {
      if (outgrown.size <= KEPT_MAX) break;
      outgrown.delete(oldest);
    }
  }

  function forget(key: string): void {
    countedRows -= counted.get(key)?.rows.size ?? 0;
    counted.delete(key);
  }

  /** The answer kept under `key`, or the one that `ask` gives now: asked once for everybody who waits. */
  function once<T>(kept: Map<string, Kept<T>>, key: string, version: number, ask: () => Promise<T>): Promise<T> {
    const known = kept.get(key);
    if (known?.version === version && performance.now() - known.at < maxAge) return known.answer;
    const answer = ask();
    const mine: Kept<T> = { version, at: performance.now(), answer };
    kept.delete(key);
    kept.set(key, mine);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT_MAX) break;
      kept.delete(oldest);
    }
    answer.catch(() => {
      if (kept.get(key) === mine) kept.delete(key);
    });
    return answer;
  }

  async function ask(tenant: string, incidentId: string): Promise<EvidenceCensus> {
    const [counts, newest] = await Promise.all([
      evidenceLog.counts(tenant, incidentId),
      newestRows(tenant, incidentId, (kind) => kind === 'change'),
    ]);
    return {
      total: counts.total,
      counts: counts.byKind,
      agents: counts.agents,
      latest: newest.latest.map(lineOf),
      changes: newest.changes.map(lineOf),
    };
  }

  async function newestRows(tenant: string, incidentId: string, hasKind: (kind: 'change') => boolean) {
    const [latest, changes] = await Promise.all([
      evidenceLog.page(tenant, incidentId, { limit: LATEST }),
      hasKind('change') ? evidenceLog.page(tenant, incidentId, { kinds: ['change'], limit: CHANGES }) : undefined,
    ]);
    return { latest: latest.items, changes: changes?.items ?? [] };
  }

  /** Counts all rows once; what is written from then on is added without asking the store again. */
  async function count(tenant: string, incidentId: string, { outlines }: EvidenceQueries, mine: () => Counting) {
    const all = await outlines(tenant, incidentId, countedRowsMax);
    if (all === undefined) {
      outgrow(keyOf(tenant, incidentId));
      return undefined;
    }
    const newest = await newestRows(tenant, incidentId, () => all.some((row) => row.kind === 'change'));
    const rows = createRowCount(all, { ...newest, latestMax: LATEST, changesMax: CHANGES });
    const { meanwhile, version } = mine();
    if (!rows.takeIn(meanwhile)) return undefined;
    return { version, rows, census: null };
  }

  async function readCounted(
    tenant: string,
    incidentId: string,
    { queries, versions }: { readonly queries: EvidenceQueries; readonly versions: EvidenceVersions },
  ): Promise<EvidenceCensus | undefined> {
    const key = keyOf(tenant, incidentId);
    if (outgrown.has(key)) return undefined;
    const version = versions.of(tenant, incidentId);
    let known = counted.get(key);
    if (known === undefined || known.version !== version) {
      let under = counting.get(key);
      if (under?.version !== version) {
        const mine: Counting = {
          meanwhile: [],
          version,
          counted: count(tenant, incidentId, queries, () => mine).finally(() => {
            if (counting.get(key) === mine) counting.delete(key);
          }),
        };
        under = mine;
        counting.set(key, mine);
      }
      known = await under.counted;
      if (known === undefined) return undefined;
      if (counted.get(key) !== known) {
        forget(key);
        countedRows += known.rows.size;
      }
    }
    counted.delete(key);
    counted.set(key, known);
    for (const oldest of counted.keys()) {
      if (countedRows <= COUNTED_ROWS_TOTAL_MAX || oldest === key) break;
      forget(oldest);
    }
    known.census ??= known.rows.census(lineOf);
    return known.census;
  }

  return {
    async read(tenant, incidentId) {
      if (versions === undefined) return ask(tenant, incidentId);
      if (queries !== undefined && maxAge === Infinity) {
        const census = await readCounted(tenant, incidentId, { queries, versions });
        if (census !== undefined) return census;
      }
      return once(censuses, keyOf(tenant, incidentId), versions.of(tenant, incidentId), () => ask(tenant, incidentId));
    },
    async aim(tenant, incidentId, request, fresh = false) {
      if (queries === undefined || request === undefined) return undefined;
      const askNow = () => queries.queryAim(tenant, incidentId, request);
      if (versions === undefined) return askNow();
      const key = JSON.stringify([tenant, incidentId, request.terms, String(request.fromUnixNano)]);
      const known = aims.get(key);
      const answer = once(aims, key, versions.of(tenant, incidentId), askNow);
      if (fresh || known === undefined || performance.now() - known.at > AIM_MAX_AGE_MILLISECONDS) return answer;
      // Whoever looks next sees the newer one.
      answer.catch(() => undefined);
      return known.answer;
    },
  };
}

function keyOf(tenant: string, incidentId: string): string {
  return `${tenant}\n${incidentId}`;
}

function lineOf(row: EvidenceRow): EvidenceLine {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state,
    occurredAt: instantOf(row.occurredAtUnixNano),
    outcome: row.outcome,
    actor: row.actor,
    service: row.service,
    summary: row.summary,
    pinned: false,
  };
}
