import type { ActorKind } from '../record/actor.ts';
import { operationOf, type EvidenceQueries } from '../record/evidence-queries.ts';
import type { Database } from './database.ts';

const CALLS_MAX = 10_000;
const TERMS_MAX = 200;
const QUERIES_MAX = 1_000;

interface StoredCall {
  readonly id: string;
  readonly occurred: string;
  readonly actor_kind: ActorKind;
  readonly actor_name: string;
  readonly actor_id: string | null;
  readonly tool_name: string | null;
  readonly tool_tier_rule: string | null;
  readonly verb: string;
  readonly arguments_digest: string;
  readonly outcome: string;
}

/** Questions about evidence that are answered inside ClickHouse. */
export function createEvidenceQueries(database: Database): EvidenceQueries {
  return {
    async mutatingCalls(tenant, incidentId) {
      const rows = await database.select<StoredCall>(
        `SELECT id, toString(toUnixTimestamp64Nano(occurred_at)) AS occurred, actor_kind, actor_name, actor_id, tool_name, tool_tier_rule,
JSONExtractString(facts, 'verb') AS verb,
JSONExtractString(content, 'arguments', 'digest') AS arguments_digest, outcome
FROM evidence FINAL
WHERE tenant = {tenant:String} AND incident = {incident:String} AND kind = 'tool_call' AND tool_tier = 'mutate'
AND outcome != 'denied'
ORDER BY occurred_at DESC, id DESC LIMIT ${CALLS_MAX}`,
        { tenant, incident: incidentId },
      );
      return rows.reverse().map((row) => ({
        id: row.id,
        occurredAtUnixNano: BigInt(row.occurred),
        actor: { kind: row.actor_kind, name: row.actor_name, id: row.actor_id },
        tool: row.tool_name ?? '',
        operation: operationOf(row.tool_tier_rule ?? '', row.verb),
        argumentsDigest: row.arguments_digest === '' ? null : row.arguments_digest,
        failed: row.outcome === 'error' || row.outcome === 'timeout',
      }));
    },
    async outlines(tenant, incidentId, max) {
      const rows = await database.select<{ id: string; kind: string; received: string; agent: string }>(
        `SELECT id, kind, toString(toUnixTimestamp64Nano(received_at)) AS received,
if(actor_kind = 'agent', actor_name, '') AS agent
FROM evidence FINAL
WHERE tenant = {tenant:String} AND incident = {incident:String} LIMIT {limit:UInt32}`,
        { tenant, incident: incidentId, limit: max + 1 },
      );
      if (rows.length > max) return undefined;
      return rows.map(({ id, kind, received, agent }) => ({
        id,
        kind,
        receivedAtUnixNano: BigInt(received),
        agent: agent === '' ? null : agent,
      }));
    },
    async queryAim(tenant, incidentId, { terms, fromUnixNano, limit }) {
      if (terms.length === 0 || terms.length > TERMS_MAX) throw new RangeError(`between 1 and ${TERMS_MAX} terms`);
      if (limit < 1 || limit > QUERIES_MAX) throw new RangeError(`limit must be between 1 and ${QUERIES_MAX}`);
      const rows = await database.select<{ queries: string; aimed: string }>(
        `SELECT toString(count()) AS queries,
toString(countIf(multiSearchAnyCaseInsensitiveUTF8(asked, {terms:Array(String)}))) AS aimed
FROM (SELECT concat(summary, ' ', ifNull(tool_name, ''), ' ', JSONExtractString(content, 'arguments', 'value')) AS asked
FROM evidence FINAL
WHERE tenant = {tenant:String} AND incident = {incident:String} AND kind = 'tool_call' AND tool_tier = 'read'
AND occurred_at >= fromUnixTimestamp64Nano({from:Int64})
ORDER BY occurred_at DESC, id DESC LIMIT {limit:UInt32})`,
        { tenant, incident: incidentId, terms, from: fromUnixNano, limit },
      );
      return { queries: Number(rows[0]?.queries ?? 0), aimed: Number(rows[0]?.aimed ?? 0) };
    },
  };
}
