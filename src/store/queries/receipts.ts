import type { EvidenceOrigin, ReceiptReader, StoredReceipt } from '../../record/receipt-reader.ts';
import type { Database } from '../database.ts';

const RECEIPTS_MAX = 1_000;

/** Receipts from `redaction_receipts`, and where evidence rows came from. */
export function createReceiptReader(database: Database): ReceiptReader {
  return {
    ofTrace(tenant, traceId, spanIds, limit): Promise<readonly StoredReceipt[]> {
      if (!Number.isInteger(limit) || limit < 1 || limit > RECEIPTS_MAX) {
        throw new RangeError(`limit must be between 1 and ${RECEIPTS_MAX}`);
      }
      return database.select<StoredReceipt>(
        `SELECT concat(replaceOne(toString(toTimeZone(ReceivedAt, 'UTC')), ' ', 'T'), 'Z') AS receivedAt,
Signal AS signal, TraceId AS traceId, SpanId AS spanId, FrameHash AS frame, Item AS item,
PolicyVersion AS policyVersion, Path AS path, Class AS class, Rule AS rule, RuleVersion AS ruleVersion,
Action AS action, Encodings AS encodings, toFloat64(OriginalBytes) AS originalBytes, Fingerprint AS fingerprint
FROM redaction_receipts
WHERE Tenant = {tenant:String} AND TraceId = {traceId:String}
${spanIds.length === 0 ? '' : 'AND SpanId IN {spanIds:Array(String)}'}
ORDER BY ReceivedAt, FrameHash, Item, Path LIMIT {limit:UInt32}`,
        { tenant, traceId, limit, ...(spanIds.length === 0 ? {} : { spanIds }) },
      );
    },
    async rulesApplied(tenant, incidentId, rules): Promise<ReadonlySet<string>> {
      const rows = await database.select<{ rule: string }>(
        `SELECT DISTINCT rule FROM (
SELECT arrayJoin(arrayMap(each -> JSONExtractString(each, 'rule'), JSONExtractArrayRaw(redactions))) AS rule
FROM evidence FINAL WHERE tenant = {tenant:String} AND incident = {incident:String} AND redactions != ''
) WHERE rule IN {rules:Array(String)} LIMIT 1000`,
        { tenant, incident: incidentId, rules },
      );
      return new Set(rows.map((row) => row.rule));
    },
    async evidenceOrigin(tenant, evidenceId): Promise<EvidenceOrigin | undefined> {
      const rows = await database.select<EvidenceOrigin>(
        `SELECT id AS evidenceId, kind AS kind, summary AS summary, trace_id AS traceId,
arrayFilter(each -> each != '', arrayPushFront(also_seen_as, span_id)) AS spanIds,
policy_version AS policyVersion, redactions AS redactions
FROM evidence FINAL WHERE tenant = {tenant:String} AND id = {id:String} ORDER BY version DESC LIMIT 1`,
        { tenant, id: evidenceId },
      );
      return rows[0];
    },
  };
}
