import { DOCKET_ACTOR } from '../../record/actor.ts';
import { instantOf } from '../../record/evidence-by-hand.ts';
import type { EvidenceRow } from '../../record/evidence.ts';
import type { ServiceEntry } from '../../record/service-catalogue.ts';
import { evidenceId } from '../evidence-id.ts';
import { rowDigest } from '../evidence-row.ts';
import { observedRow, oneLine, SUMMARY_MAX } from '../observed-row.ts';

/** The `ownership` row and the `runbook` rows of a service, keyed to the incident. */
export function catalogueRows(
  tenant: string,
  incidentId: string,
  entry: ServiceEntry,
  atUnixNano: bigint,
): readonly EvidenceRow[] {
  const common = {
    tenant,
    incident: incidentId,
    link: { mode: 'bound', rule: `catalogue entry of ${entry.name}`, score: 1 },
    occurredAtUnixNano: atUnixNano,
    endedAtUnixNano: null,
    receivedAtUnixNano: atUnixNano,
    outcome: 'unknown',
    actor: DOCKET_ACTOR,
    service: entry.name,
    environment: '',
    source: { traceId: '', spanId: '', signal: 'record', alsoSeenAs: [] },
    sourceFamily: `catalogue:${entry.origin}`,
    trust: 'imported',
    dialect: 'catalogue',
  } as const;
  const rows: EvidenceRow[] = [];
  if (entry.owners.length > 0 || entry.onCall !== '') {
    const owners = entry.owners.length === 0 ? 'nobody named' : entry.owners.join(', ');
    rows.push(
      observedRow({
        ...common,
        id: evidenceId(tenant, 'ownership', incidentId, entry.name),
        kind: 'ownership',
        summary: `${entry.name} is owned by ${owners}${entry.onCall === '' ? '' : `, on call: ${entry.onCall}`}`,
        content: {
          data: JSON.stringify({
            owners: entry.owners,
            onCall: entry.onCall,
            dependsOn: entry.dependsOn,
            description: entry.description,
          }),
        },
        facts: { owners: entry.owners, onCall: entry.onCall, dependsOn: entry.dependsOn },
      }),
    );
  }
  for (const { title, url } of entry.runbooks) {
    rows.push(
      observedRow({
        ...common,
        id: evidenceId(tenant, 'runbook', incidentId, entry.name, url),
        kind: 'runbook',
        summary: `Runbook of ${entry.name}: ${title}`,
        content: { data: JSON.stringify({ title, url }) },
        facts: { externalRef: url },
      }),
    );
  }
  return rows;
}

/** The row of an owner or a runbook that the catalogue no longer has. */
export function goneRow(row: EvidenceRow, atUnixNano: bigint): EvidenceRow {
  const gone: EvidenceRow = {
    ...row,
    summary: oneLine(`No longer in the catalogue: ${row.summary}`, SUMMARY_MAX),
    receivedAtUnixNano: atUnixNano,
    facts: { ...row.facts, pastSince: instantOf(atUnixNano) },
  };
  return { ...gone, digest: rowDigest(gone) };
}
