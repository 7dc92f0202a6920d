import type { Meter } from '@opentelemetry/api';
import { DOCKET_ACTOR } from '../record/actor.ts';
import type { EvidenceRow } from '../record/evidence.ts';
import type { IncidentStatus, IncidentSummary } from '../record/incident-record.ts';
import type { RecordService } from '../record/record-service.ts';
import type { Figures } from '../record/service-signals.ts';
import { entryIdOf } from './entry-id.ts';

/** Telemetry goes on telling about these; of the others only what is there already. */
export const ACTIVE: ReadonlySet<IncidentStatus> = new Set(['triage', 'active', 'mitigated', 'monitoring']);

/** What an incident is compared by, as the record says that it was not. */
const COMPARISONS = {
  services: 'how often each service is heard',
  ownTimes: 'calls between services and the time they take',
  operations: 'error rates and latencies',
  exceptions: 'exceptions',
  logPatterns: 'log messages',
  metrics: 'gauges',
  version: 'changes of versions',
  feature_flag: 'changes of feature flags',
  delivery: 'deliveries',
} as const;

export type GapBody = {
  readonly what: string;
  readonly kind: string;
  readonly why: string;
  readonly blocks: readonly string[];
};

export type Comparison = keyof typeof COMPARISONS;

/** Gaps that Docket itself opens and fills on the records of incidents. Gaps are named by their entry's id. */
export interface IncidentGaps {
  /** Opened once per incident and subject, also over restarts: the entry's id says what it is about. */
  open(tenant: string, incident: IncidentSummary, subject: string, body: GapBody): Promise<void>;
  /** Filled once, by the rows that say so; a person who closed it meanwhile is not overruled. */
  fill(
    tenant: string,
    incident: IncidentSummary,
    gap: string,
    reason: string,
    basis: readonly EvidenceRow[],
  ): Promise<void>;
  /** Those of the gaps that are open on the record. It is read only while one of them may be. */
  openAmong(tenant: string, incident: IncidentSummary, among: readonly string[]): Promise<ReadonlySet<string>>;
  /** What the store could not finish is said on the record, and that it did once it does. */
  noteUnfinished(
    tenant: string,
    incident: IncidentSummary,
    comparisons: Readonly<Partial<Record<Comparison, Figures<unknown>>>>,
  ): Promise<void>;
}

export function createIncidentGaps(options: {
  readonly record: Pick<RecordService, 'record' | 'append'>;
  readonly meter: Meter;
}): IncidentGaps {
  const { record } = options;
  const unfinished = options.meter.createCounter('docket.evidence.comparisons_unfinished', {
    unit: '{comparison}',
    description: 'Comparisons of an incident given up for the time or memory they take',
  });
  /** Gaps known to be in the record. */
  const opened = new Set<string>();
  /** Gaps known to be closed, or to have never been opened. */
  const closed = new Set<string>();

  const gaps: IncidentGaps = {
    async open(tenant, incident, subject, body) {
      if (!ACTIVE.has(incident.status)) return;
      const entryId = entryIdOf(tenant, incident.id, subject);
      if (opened.has(entryId)) return;
      const result = await record.append(tenant, incident.id, DOCKET_ACTOR, { type: 'gap.open', entryId, body });
      // A gap that is there already, with other words, stays as it is.
      if (result.kind === 'unknown_incident') return;
      opened.add(entryId);
      closed.delete(entryId);
    },
    async fill(tenant, incident, gap, reason, basis) {
      const body = { gap, reason: reason.slice(0, 2_000), evidence: basis.slice(0, 20).map((row) => row.id) };
      const entryId = entryIdOf(tenant, incident.id, 'filled', gap);
      const result = await record.append(tenant, incident.id, DOCKET_ACTOR, { type: 'gap.fill', entryId, body });
      if (result.kind === 'unknown_incident') return;
      closed.add(gap);
    },
    async openAmong(tenant, incident, among) {
      if (among.every((gap) => closed.has(gap))) return new Set();
      const found = await record.record(tenant, incident.id);
      const open = new Set(found?.gaps.filter((gap) => gap.state === 'open').map((gap) => gap.id));
      for (const gap of among) if (!open.has(gap)) closed.add(gap);
      return open;
    },
    async noteUnfinished(tenant, incident, comparisons) {
      const finished: Comparison[] = [];
      for (const [name, what] of Object.entries(COMPARISONS) as [Comparison, string][]) {
        const compared = comparisons[name];
        if (compared === undefined) continue;
        if (compared.unfinished === undefined) {
          finished.push(name);
          continue;
        }
        unfinished.add(1, { comparison: name, reason: compared.unfinished });
        await gaps.open(tenant, incident, subjectOf(name), {
          what: `Not compared over the incident's window: ${what}. The query ${compared.unfinished}.`,
          kind: 'unanswered',
          why: 'What it would show is not among the evidence.',
          blocks: [],
        });
      }
      const gapOf = (name: Comparison): string => entryIdOf(tenant, incident.id, subjectOf(name));
      const open = await gaps.openAmong(tenant, incident, finished.map(gapOf));
      for (const name of finished) {
        if (open.has(gapOf(name)))
          await gaps.fill(tenant, incident, gapOf(name), `Compared: ${COMPARISONS[name]}.`, []);
      }
    },
  };
  return gaps;
}

function subjectOf(comparison: Comparison): string {
  return `not compared ${comparison}`;
}
