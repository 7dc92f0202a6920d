import type { EvidenceCensus } from './assemble.ts';
import { instantOf } from './evidence-by-hand.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { EvidenceQueries, QueryAim, QueryAimRequest } from './evidence-queries.ts';
import type { EvidenceVersions } from './evidence-version.ts';
import type { EvidenceRow } from './evidence.ts';
import type { EvidenceLine } from './incident-record.ts';

/** What the evidence of an incident comes to, kept until it changes. */
export interface CensusReader {
  read(tenant: string, incidentId: string): Promise<EvidenceCensus>;
  /** Undefined where the store cannot say. */
  aim(tenant: string, incidentId: string, request: QueryAimRequest | undefined): Promise<QueryAim | undefined>;
}

export interface CensusOptions {
  readonly evidenceLog: EvidenceLog;
  readonly queries?: EvidenceQueries;
  /** Without it nothing is kept. */
  readonly versions?: EvidenceVersions;
  /** How long an answer is good for although nothing was seen to change; where others write too, they are not seen. */
  readonly maxAgeMilliseconds?: number;
}

const LATEST = 20;
const CHANGES = 20;
const KEPT_MAX = 2_000;

interface Kept<T> {
  readonly version: number;
  readonly at: number;
  readonly answer: Promise<T>;
}

export function createCensusReader(options: CensusOptions): CensusReader {
  const { evidenceLog, queries, versions } = options;
  const maxAge = options.maxAgeMilliseconds ?? Infinity;
  const censuses = new Map<string, Kept<EvidenceCensus>>();
  const aims = new Map<string, Kept<QueryAim>>();

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
    const [counts, page] = await Promise.all([
      evidenceLog.counts(tenant, incidentId),
      evidenceLog.page(tenant, incidentId, { limit: LATEST }),
    ]);
    const changes =
      counts.byKind['change'] === undefined
        ? []
        : (await evidenceLog.page(tenant, incidentId, { kinds: ['change'], limit: CHANGES })).items;
    return {
      total: counts.total,
      counts: counts.byKind,
      agents: counts.agents,
      latest: page.items.map(lineOf),
      changes: changes.map(lineOf),
    };
  }

  return {
    read(tenant, incidentId) {
      if (versions === undefined) return ask(tenant, incidentId);
      return once(censuses, `${tenant}\n${incidentId}`, versions.of(tenant, incidentId), () => ask(tenant, incidentId));
    },
    async aim(tenant, incidentId, request) {
      if (queries === undefined || request === undefined) return undefined;
      if (versions === undefined) return queries.queryAim(tenant, incidentId, request);
      const key = JSON.stringify([tenant, incidentId, request.terms, String(request.fromUnixNano)]);
      return once(aims, key, versions.of(tenant, incidentId), () => queries.queryAim(tenant, incidentId, request));
    },
  };
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
