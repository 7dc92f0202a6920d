import { randomUUID } from 'node:crypto';
import { erasedRow, isErased, type ContentEraser } from '../record/content-erasure.ts';
import type { Database } from './database.ts';
import { EVIDENCE_COLUMNS, evidenceBlock, toEvidenceRow, type StoredEvidence } from './evidence-row.ts';

/** Copies of one row: one an incident. */
const COPIES_MAX = 1_000;
/** People erase a few pieces in the time that a policy is applied. */
const ERASED_TRACES_MAX = 10_000;

/**
 * Destroys content where ClickHouse keeps it. The blank copy is written first, so that a reader meets either; then the older
 * copies and the content of the spans and logs it came from are removed by mutations that end before this resolves.
 */
export function createContentEraser(database: Database): ContentEraser {
  return {
    async erase(tenant, evidenceId, at) {
      // Also what a redelivery brought back behind the blank copy, where no reader sees it.
      const left = await database.select<{ copies: string }>(
        `SELECT toString(count()) AS copies FROM evidence
WHERE tenant = {tenant:String} AND id = {id:String} AND is_deleted = 0 AND NOT JSONHas(facts, 'erased')`,
        { tenant, id: evidenceId },
      );
      if (Number(left[0]?.copies ?? 0) === 0) return;
      const stored = await database.select<StoredEvidence>(
        `SELECT ${EVIDENCE_COLUMNS} FROM evidence FINAL
WHERE tenant = {tenant:String} AND id = {id:String} LIMIT ${COPIES_MAX}`,
        { tenant, id: evidenceId },
      );
      const rows = stored.map(toEvidenceRow);
      const [first] = rows;
      if (first === undefined) return;
      const blanks = rows.map((row) => (isErased(row) ? row : erasedRow(row, at)));
      await database.insert('evidence', 'evidence', evidenceBlock(blanks), randomUUID());
      const { traceId, spanId, alsoSeenAs } = first.source;
      const spans = [spanId, ...alsoSeenAs].filter((id) => id !== '');
      if (traceId !== '' && spans.length > 0) await eraseTelemetry(database, { tenant, traceId, spans });
      // Last, so that a call that broke off before is taken up again.
      const oldest = blanks.reduce(
        (least, row) => (row.receivedAtUnixNano < least ? row.receivedAtUnixNano : least),
        blanks[0]?.receivedAtUnixNano ?? 0n,
      );
      await database.command(
        'evidence',
        `ALTER TABLE evidence DELETE WHERE tenant = {tenant:String} AND id = {id:String} AND version < {version:UInt64}
SETTINGS mutations_sync = 2`,
        { tenant, id: evidenceId, version: oldest },
      );
    },
  };
}

/** What was erased since the instant (nanoseconds), emptied once more: rows read before may have come back behind it. */
export async function eraseTelemetryAgain(database: Database, tenant: string, since: bigint): Promise<void> {
  const erased = await database.select<{ traceId: string; spans: readonly string[] }>(
    `SELECT trace_id AS traceId, arrayFilter(each -> each != '', groupUniqArrayArray(arrayPushBack(also_seen_as, span_id))) AS spans
FROM evidence
WHERE tenant = {tenant:String} AND received_at >= fromUnixTimestamp64Nano({since:Int64}) AND trace_id != ''
AND JSONHas(facts, 'erased')
GROUP BY trace_id LIMIT ${ERASED_TRACES_MAX}`,
    { tenant, since },
  );
  for (const { traceId, spans } of erased) {
    if (spans.length > 0) await eraseTelemetry(database, { tenant, traceId, spans });
  }
}

/** Empties what spans and logs say; that they were there, when and how long, stays. */
async function eraseTelemetry(
  database: Database,
  parameters: { readonly tenant: string; readonly traceId: string; readonly spans: readonly string[] },
): Promise<void> {
  await database.command(
    'evidence',
    `ALTER TABLE otel_traces UPDATE SpanAttributes = map(), StatusMessage = '',
\`Events.Attributes\` = arrayMap(each -> map(), \`Events.Attributes\`)
WHERE Tenant = {tenant:String} AND TraceId = {traceId:String} AND SpanId IN {spans:Array(String)}
SETTINGS mutations_sync = 2`,
    parameters,
  );
  await database.command(
    'evidence',
    `ALTER TABLE otel_logs UPDATE Body = '', LogAttributes = map()
WHERE Tenant = {tenant:String} AND TraceId = {traceId:String} AND SpanId IN {spans:Array(String)}
SETTINGS mutations_sync = 2`,
    parameters,
  );
}
