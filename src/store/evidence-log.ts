import { randomUUID } from 'node:crypto';
import type {
  ContentJson,
  EvidenceCounts,
  EvidenceLog,
  EvidencePage,
  EvidencePageRequest,
} from '../record/evidence-log.ts';
import type { EvidenceLink, EvidenceRow } from '../record/evidence.ts';
import { createTimeSlice } from '../pipeline/time-slice.ts';
import type { Database } from './database.ts';
import {
  cursorCondition,
  encodeCursor,
  filterCondition,
  selectorCondition,
  type EvidenceCondition,
} from './evidence-condition.ts';
import { EVIDENCE_COLUMNS, createEvidenceBlock, toEvidenceRow, type StoredEvidence } from './evidence-row.ts';
import { createBlockMemory } from './native/block-memory.ts';
import { createStatementQueue } from './statement-queue.ts';

const PAGE_MAX = 500;
const IDS_MAX = 1_000;
const AGENTS_MAX = 200;
const TRACES_MAX = 200;
const COPIED_ACTS_MAX = 200;
const TOOL_CALLS_MAX = 5_000;
/** Memory kept for the next block: that of one with a large batch's content. */
const BLOCK_BYTES_KEPT = 32 * 1024 * 1024;

/** Added to a row's version to make its tombstone: what was filed once is never unfiled by a redelivered `put`. */
const TOMBSTONE_VERSION = 2n ** 62n;

/** Columns that say which act a row is about, and when it was. */
const IDENTIFYING: readonly string[] = ['tenant', 'id', 'occurred_at', 'received_at'];

/** Columns by what an empty one holds. A copy of a row under another incident keeps them, a tombstone has them empty. */
const DESCRIBING: Readonly<Record<string, readonly string[]>> = {
  "''": `kind outcome actor_kind actor_name service environment summary tool_tier conversation_id session_id trace_id span_id
signal source_family trust dialect policy_version digest content redactions facts`.split(/\s/),
  NULL: `ended_at actor_id actor_on_behalf_of tool_name tool_call_id tool_type tool_mcp_server tool_tier_rule model_name
model_provider tokens_input tokens_output`.split(/\s/),
  '0': ['has_tokens'],
  '[]': ['also_seen_as', 'named_refs'],
};

const COPIED = [...IDENTIFYING, ...Object.values(DESCRIBING).flat()].join(', ');
const TOMBSTONE = [
  ...IDENTIFYING,
  ...Object.entries(DESCRIBING).flatMap(([empty, columns]) => columns.map(() => empty)),
].join(', ');

/**
 * Evidence rows in `evidence`, one per (act, incident). `FINAL` reads every column it is asked for before it filters, unless
 * `PREWHERE` says otherwise; on columns of the sorting key, which no version of a row changes, that gives the same rows.
 */
export function createEvidenceLog(database: Database): EvidenceLog {
  /** Writes run in order, so that the number of newly filed rows is exact in one process. */
  const writes = createStatementQueue();
  const memory = createBlockMemory(BLOCK_BYTES_KEPT);

  async function pageOf(tenant: string, incident: string, request: EvidencePageRequest): Promise<EvidencePage> {
    if (!Number.isInteger(request.limit) || request.limit < 1 || request.limit > PAGE_MAX) {
      throw new RangeError(`limit must be between 1 and ${PAGE_MAX}`);
    }
    const filter = filterCondition(request);
    const cursor = cursorCondition(request.cursor);
    const matching = `tenant = {tenant:String} AND incident = {incident:String}${filter.sql}${cursor.sql}`;
    const newest = 'ORDER BY occurred_at DESC, id DESC LIMIT {limit:UInt32}';
    // The wide columns of those rows only that are shown: the embedded engine reads them after it has sorted, a server is told which.
    const stored = await database.select<StoredEvidence>(
      database.kind === 'embedded'
        ? `SELECT ${EVIDENCE_COLUMNS} FROM evidence FINAL WHERE ${matching} ${newest}`
        : `SELECT ${EVIDENCE_COLUMNS} FROM evidence FINAL
PREWHERE tenant = {tenant:String} AND incident = {incident:String}
AND id IN (SELECT id FROM evidence FINAL WHERE ${matching} ${newest}) ${newest}`,
      { tenant, incident, limit: request.limit + 1, ...filter.parameters, ...cursor.parameters },
    );
    const items = stored.slice(0, request.limit).map(toEvidenceRow);
    const last = items.at(-1);
    const next =
      stored.length > request.limit && last !== undefined
        ? encodeCursor(String(last.occurredAtUnixNano), last.id)
        : null;
    return { items, next };
  }

  async function byIds(
    tenant: string,
    incident: string,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, StoredEvidence>> {
    if (ids.length === 0) return new Map();
    const rows = await database.select<StoredEvidence>(
      `SELECT ${EVIDENCE_COLUMNS} FROM evidence FINAL
PREWHERE tenant = {tenant:String} AND incident = {incident:String} AND id IN {ids:Array(String)} LIMIT ${PAGE_MAX + 1}`,
      { tenant, incident, ids },
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  async function existing(
    tenant: string,
    incident: string,
    evidenceIds: readonly string[],
  ): Promise<ReadonlySet<string>> {
    if (evidenceIds.length > IDS_MAX) throw new RangeError(`at most ${IDS_MAX} ids`);
    if (evidenceIds.length === 0) return new Set();
    const rows = await database.select<{ id: string }>(
      `SELECT id FROM evidence FINAL
WHERE tenant = {tenant:String} AND incident = {incident:String} AND id IN {ids:Array(String)} LIMIT ${IDS_MAX}`,
      { tenant, incident, ids: evidenceIds },
    );
    return new Set(rows.map((row) => row.id));
  }

  /**
   * Copies matching rows under the incident and leaves a tombstone for the unfiled copy of everything the incident has: one
   * insert, so both or neither.
   */
  async function fileMatching(
    tenant: string,
    incident: string,
    condition: EvidenceCondition,
    link: EvidenceLink,
  ): Promise<number> {
    if (incident === '') throw new TypeError('rows are filed under an incident');
    const parameters = { tenant, incident, ...condition.parameters };
    // Candidates from narrow columns, old versions of rows and all; what they are now decides. The wide columns of what else is
    // stored are not read: over 300,000 rows, filing 1,000 took an eighth of the time.
    const candidates = `SELECT id FROM evidence WHERE tenant = {tenant:String} AND (${condition.sql})`;
    const matching = `FROM evidence FINAL
PREWHERE tenant = {tenant:String} AND incident != {incident:String} AND id IN (${candidates}) WHERE (${condition.sql})`;
    const filed = `id IN (SELECT id FROM evidence FINAL WHERE tenant = {tenant:String} AND incident = {incident:String})`;
    const counted = await database.select<{ fresh: string; loose: string }>(
      `SELECT toString(uniqExactIf(id, NOT filed)) AS fresh, toString(countIf(loose)) AS loose
FROM (SELECT id, incident = '' AS loose, ${filed} AS filed ${matching})`,
      parameters,
    );
    const rows = Number(counted[0]?.fresh ?? 0);
    if (rows === 0 && Number(counted[0]?.loose ?? 0) === 0) return 0;
    await database.command(
      'evidence',
      // A tombstone outranks the row and repeats nothing of it but when it was: reading the rows is most of the work.
      `INSERT INTO evidence (incident, is_deleted, link_mode, link_rule, link_score, version, ${COPIED})
SELECT {incident:String}, 0, {mode:String}, {rule:String}, {score:Float64}, version, ${COPIED}
FROM (SELECT * ${matching} AND NOT ${filed} ORDER BY version DESC LIMIT 1 BY id)
UNION ALL SELECT '', 1, '', '', 0, version + {tombstone:UInt64}, ${TOMBSTONE}
FROM (SELECT tenant, id, version, occurred_at, received_at ${matching} AND incident = '')
SETTINGS insert_deduplication_token = {token:String}, materialize_skip_indexes_on_insert = 0, max_threads = 2,
max_insert_threads = 1`,
      {
        ...parameters,
        mode: link.mode,
        rule: link.rule,
        score: link.score,
        tombstone: TOMBSTONE_VERSION,
        token: randomUUID(),
      },
    );
    return rows;
  }

  async function putRows(rows: readonly EvidenceRow[], content: ContentJson | undefined): Promise<void> {
    const block = createEvidenceBlock(memory);
    const slice = createTimeSlice();
    for (const [at, row] of rows.entries()) {
      block.add(row, content, at);
      if (slice.isOver()) await slice.next();
    }
    // Writing the same rows again replaces them, so every put is its own insert: no deduplication wanted.
    await database.insert('evidence', 'evidence', block, randomUUID());
    // Only now: an insert that failed may still be read from.
    block.release();
  }

  return {
    put(rows, content) {
      return rows.length === 0 ? Promise.resolve() : writes.run(() => putRows(rows, content));
    },
    page(tenant, incidentId, request) {
      if (incidentId === '') return Promise.resolve({ items: [], next: null });
      return pageOf(tenant, incidentId, request);
    },
    unfiled(tenant, request) {
      return pageOf(tenant, '', request);
    },
    async get(tenant, incidentId, evidenceId) {
      const row = (await byIds(tenant, incidentId, [evidenceId])).get(evidenceId);
      return row === undefined ? undefined : toEvidenceRow(row);
    },
    async copies(tenant, incidentIds, evidenceIds) {
      if (evidenceIds.length > COPIED_ACTS_MAX) throw new RangeError(`at most ${COPIED_ACTS_MAX} ids`);
      if (incidentIds.length > IDS_MAX) throw new RangeError(`at most ${IDS_MAX} incidents`);
      if (incidentIds.length === 0 || evidenceIds.length === 0) return [];
      const rows = await database.select<StoredEvidence>(
        `SELECT ${EVIDENCE_COLUMNS} FROM evidence FINAL
PREWHERE tenant = {tenant:String} AND incident IN {incidents:Array(String)} AND id IN {ids:Array(String)}
LIMIT ${COPIED_ACTS_MAX * IDS_MAX}`,
        { tenant, incidents: incidentIds, ids: evidenceIds },
      );
      return rows.map(toEvidenceRow);
    },
    async contents(tenant, evidenceIds) {
      if (evidenceIds.length > COPIED_ACTS_MAX) throw new RangeError(`at most ${COPIED_ACTS_MAX} ids`);
      if (evidenceIds.length === 0) return new Map();
      const rows = await database.select<Pick<StoredEvidence, 'id' | 'content'>>(
        `SELECT id, content FROM evidence FINAL PREWHERE tenant = {tenant:String} AND id IN {ids:Array(String)}
ORDER BY received_at DESC LIMIT 1 BY id`,
        { tenant, ids: evidenceIds },
      );
      return new Map(rows.map((row) => [row.id, JSON.parse(row.content) as EvidenceRow['content']]));
    },
    existing,
    async counts(tenant, incidentId): Promise<EvidenceCounts> {
      const [kinds, agents] = await Promise.all([
        database.select<{ kind: string; rows: string }>(
          `SELECT kind, toString(count()) AS rows FROM evidence FINAL
WHERE tenant = {tenant:String} AND incident = {incident:String} GROUP BY kind ORDER BY kind LIMIT 1000`,
          { tenant, incident: incidentId },
        ),
        database.select<{ actor_name: string }>(
          `SELECT DISTINCT actor_name FROM evidence FINAL
WHERE tenant = {tenant:String} AND incident = {incident:String} AND actor_kind = 'agent'
ORDER BY actor_name LIMIT ${AGENTS_MAX}`,
          { tenant, incident: incidentId },
        ),
      ]);
      const byKind = new Map(kinds.map((row) => [row.kind, Number(row.rows)]));
      let total = 0;
      for (const rows of byKind.values()) total += rows;
      return { total, byKind: Object.fromEntries(byKind), agents: agents.map((row) => row.actor_name) };
    },
    link(tenant, incidentId, selector, link) {
      return writes.run(() => fileMatching(tenant, incidentId, selectorCondition(selector), link));
    },
    async file(tenant, incidentId, evidenceIds, link) {
      if (evidenceIds.length > IDS_MAX) throw new RangeError(`at most ${IDS_MAX} ids`);
      if (evidenceIds.length === 0) return 0;
      const condition = { sql: `incident = '' AND id IN {ids:Array(String)}`, parameters: { ids: evidenceIds } };
      return writes.run(() => fileMatching(tenant, incidentId, condition, link));
    },
    async remove(tenant, evidenceIds) {
      if (evidenceIds.length > IDS_MAX) throw new RangeError(`at most ${IDS_MAX} ids`);
      if (evidenceIds.length === 0) return;
      // A tombstone among the unfiled ones too, though the row may never have been there: a redelivery would put it there.
      await writes.run(() =>
        database.command(
          'evidence',
          `INSERT INTO evidence (tenant, incident, id, version, is_deleted, occurred_at, received_at)
SELECT tenant, arrayJoin(arrayDistinct(arrayPushBack(groupArray(incident), ''))), id, max(version) + {tombstone:UInt64}, 1,
max(occurred_at), max(received_at) FROM evidence FINAL
WHERE tenant = {tenant:String} AND id IN {ids:Array(String)} GROUP BY tenant, id
SETTINGS insert_deduplication_token = {token:String}`,
          { tenant, ids: evidenceIds, tombstone: TOMBSTONE_VERSION, token: randomUUID() },
        ),
      );
    },
    async toolCalls(tenant, traceIds) {
      if (traceIds.length > TRACES_MAX) throw new RangeError(`at most ${TRACES_MAX} trace ids`);
      if (traceIds.length === 0) return [];
      const rows = await database.select<StoredEvidence>(
        `SELECT ${EVIDENCE_COLUMNS} FROM evidence FINAL
PREWHERE tenant = {tenant:String} AND id IN (SELECT id FROM evidence
  WHERE tenant = {tenant:String} AND trace_id IN {traceIds:Array(String)} AND trace_id != '')
WHERE kind = 'tool_call' AND trace_id IN {traceIds:Array(String)}
ORDER BY occurred_at, id, incident LIMIT ${TOOL_CALLS_MAX}`,
        { tenant, traceIds },
      );
      return rows.map(toEvidenceRow);
    },
  };
}
