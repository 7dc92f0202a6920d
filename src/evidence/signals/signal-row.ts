import { DOCKET_ACTOR } from '../../record/actor.ts';
import { instantOf } from '../../record/evidence-by-hand.ts';
import type { EvidenceRow } from '../../record/evidence.ts';
import type { SignalScope } from '../../record/service-signals.ts';
import { evidenceId } from '../evidence-id.ts';
import { rowDigest } from '../evidence-row.ts';
import { observedRow, oneLine, SUMMARY_MAX } from '../observed-row.ts';
import { SIGNALS_MAX, type Signal } from './signal.ts';

const RULE = "service signal of the incident's services and window";

/** The row of a signal. `rank` is 1 for the most telling one. */
export function signalRow(
  signal: Signal,
  context: {
    readonly scope: SignalScope;
    readonly incidentId: string;
    readonly rank: number;
  },
): EvidenceRow {
  const { scope, incidentId, rank } = context;
  return observedRow({
    tenant: scope.tenant,
    id: evidenceId(scope.tenant, 'signal', incidentId, signal.key),
    incident: incidentId,
    link: { mode: 'bound', rule: RULE, score: 1 },
    kind: signal.kind,
    // It holds from the window's start on; the microseconds keep a page of rows in the order of their rank.
    occurredAtUnixNano: scope.fromUnixNano + BigInt(Math.max(0, SIGNALS_MAX - rank)) * 1_000n,
    endedAtUnixNano: null,
    receivedAtUnixNano: scope.asOfUnixNano,
    outcome: signal.outcome,
    actor: DOCKET_ACTOR,
    service: signal.service,
    environment: '',
    summary: signal.summary,
    content: { data: JSON.stringify(signal.figures), query: signal.query },
    source: { traceId: signal.traceIds[0] ?? '', spanId: '', signal: 'query', alsoSeenAs: [] },
    sourceFamily: signal.sourceFamily,
    trust: 'observed',
    dialect: 'service_signal',
    facts: {
      rank: String(rank),
      effect: signal.score.toFixed(2),
      asOf: instantOf(scope.asOfUnixNano),
      windowFrom: instantOf(scope.fromUnixNano),
      windowTo: instantOf(scope.toUnixNano),
      baselineFrom: instantOf(scope.baselineFromUnixNano),
      ...(signal.traceIds.length === 0 ? {} : { exemplarTraceIds: signal.traceIds }),
    },
  });
}

/**
 * The row of a signal that a later look no longer tells of, as it was but for its rank: below those that are told, and it
 * says so.
 */
export function pastRow(row: EvidenceRow, scope: SignalScope): EvidenceRow {
  const { rank: _, ...facts } = row.facts;
  const past: EvidenceRow = {
    ...row,
    summary: oneLine(`No longer so at ${instantOf(scope.asOfUnixNano).slice(0, 19)}Z: ${row.summary}`, SUMMARY_MAX),
    occurredAtUnixNano: scope.fromUnixNano,
    receivedAtUnixNano: scope.asOfUnixNano,
    facts: { ...facts, pastSince: instantOf(scope.asOfUnixNano) },
  };
  return { ...past, digest: rowDigest(past) };
}

/** What must differ for a stored signal row to be written again: the figures, not when they were asked for. */
export function figuresKey(signal: Signal, rank: number): string {
  return JSON.stringify([rank, signal.figures, signal.service]);
}
