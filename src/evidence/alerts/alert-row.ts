import type { Actor } from '../../record/actor.ts';
import { instantOf } from '../../record/evidence-by-hand.ts';
import type { EvidenceRow } from '../../record/evidence.ts';
import { evidenceId } from '../evidence-id.ts';
import { rowDigest } from '../evidence-row.ts';
import { observedRow, oneLine } from '../observed-row.ts';
import type { Alert } from './alert.ts';

export interface AlertSighting {
  readonly tenant: string;
  readonly alert: Alert;
  readonly actor: Actor;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly now: number;
  /** The row that tells of it already. */
  readonly held: EvidenceRow | undefined;
  /** It fires again after it recovered. */
  readonly again: boolean;
}

/** The unfiled row of an alert; the same alert since the same time has the same id. */
export function alertRow({ tenant, alert, actor, startedAt, now, held, again }: AlertSighting): EvidenceRow {
  const receivedAtUnixNano = BigInt(now) * 1_000_000n;
  const resolved = alert.status === 'resolved';
  const endedAt = alert.endedAt ?? (resolved ? now : null);
  const endedAtUnixNano = endedAt === null ? null : BigInt(endedAt) * 1_000_000n;
  const state = {
    receivedAtUnixNano,
    endedAtUnixNano,
    outcome: resolved ? 'ok' : 'error',
    actor,
  } as const;
  const prefix = resolved ? 'Resolved: ' : 'Firing: ';
  if (held !== undefined && alert.onlyState) {
    const { digest: _ofTheOldRow, ...rest } = held;
    const summary = held.summary.replace(/^(?:Firing|Resolved): /, prefix);
    const row = { ...rest, ...state, summary, facts: { ...held.facts, status: alert.status } };
    return { ...row, digest: rowDigest(row) };
  }
  const started = alert.startedAt === null ? (again ? String(now) : '') : String(alert.startedAt);
  const occurredAtUnixNano = held?.occurredAtUnixNano ?? BigInt(startedAt) * 1_000_000n;
  // Some say how bad it is only while it is.
  const heldSeverity = held?.facts['severity'];
  const severity = alert.severity === 'unknown' && typeof heldSeverity === 'string' ? heldSeverity : alert.severity;
  return observedRow({
    tenant,
    id: held?.id ?? evidenceId(tenant, 'alert', alert.source, alert.fingerprint, started),
    incident: '',
    link: null,
    kind: 'alert',
    occurredAtUnixNano,
    ...state,
    service: alert.service,
    environment: alert.environment,
    summary: `${prefix}${alert.title}`,
    content: {
      ...(alert.description === '' ? {} : { body: alert.description }),
      data: JSON.stringify({
        labels: alert.labels,
        severity,
        ...(alert.values === '' ? {} : { values: alert.values }),
        url: alert.url,
        runbookUrl: alert.runbookUrl,
      }),
    },
    source: { traceId: '', spanId: '', signal: 'webhook', alsoSeenAs: [] },
    sourceFamily: `webhook:${alert.source}:${oneLine(alert.rule, 200)}`,
    trust: 'imported',
    dialect: alert.source,
    namedRefs: alert.incidentRef === '' ? [] : [alert.incidentRef],
    facts: {
      fingerprint: alert.fingerprint,
      severity,
      status: alert.status,
      firedAt: instantOf(occurredAtUnixNano),
      ...(alert.url === '' ? {} : { externalRef: alert.url }),
      ...(alert.runbookUrl === '' ? {} : { runbook: alert.runbookUrl }),
    },
  });
}
