import type { Meter } from '@opentelemetry/api';
import { DOCKET_ACTOR, sameActor } from '../record/actor.ts';
import { instantOf } from '../record/evidence-by-hand.ts';
import type { EvidenceRow } from '../record/evidence.ts';
import type { Gap, IncidentStatus, IncidentSummary } from '../record/incident-record.ts';
import type { RecordService } from '../record/record-service.ts';
import type { Figures, Unfinished } from '../record/service-signals.ts';
import { entryIdOf } from './entry-id.ts';
import { surplus } from './surplus.ts';

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
  /**
   * What the store could not finish is said on the record, and that it did once it does; by a gap of its own each time anew. A person
   * who closed one is not overruled by the next look that does not finish, only by one after a look that did.
   */
  noteUnfinished(
    tenant: string,
    incident: IncidentSummary,
    look: {
      readonly comparisons: Readonly<Partial<Record<Comparison, Figures<unknown>>>>;
      /** When the look began. */
      readonly atUnixNano: bigint;
    },
  ): Promise<void>;
}

/** Gaps of which it is known at once how they stand. */
const GAPS_KNOWN_MAX = 20_000;
/** Gaps that one comparison of an incident can come to have. The last one stays open until a person closes it. */
const GAPS_PER_COMPARISON_MAX = 10;

export function createIncidentGaps(options: {
  readonly record: Pick<RecordService, 'record' | 'append'>;
  readonly meter: Meter;
}): IncidentGaps {
  const { record } = options;
  const unfinished = options.meter.createCounter('docket.evidence.comparisons_unfinished', {
    unit: '{comparison}',
    description: 'Comparisons of an incident given up for the time or memory they take',
  });
  // What is forgotten of these is asked of the record again, or told to it again, which changes nothing.
  /** Gaps known to be in the record. */
  const opened = new Set<string>();
  /** Gaps known to be closed, or to have never been opened. */
  const closed = new Set<string>();
  /** First gaps of comparisons that finished when they were last made, and have no gap left that this would fill. */
  const answered = new Set<string>();

  const gaps: IncidentGaps = {
    async open(tenant, incident, subject, body) {
      if (!ACTIVE.has(incident.status)) return;
      const entryId = entryIdOf(tenant, incident.id, subject);
      if (opened.has(entryId)) return;
      const result = await record.append(tenant, incident.id, DOCKET_ACTOR, { type: 'gap.open', entryId, body });
      // A gap that is there already, with other words, stays as it is.
      if (result.kind === 'unknown_incident') return;
      note(opened, entryId);
      closed.delete(entryId);
    },
    async fill(tenant, incident, gap, reason, basis) {
      const body = { gap, reason: reason.slice(0, 2_000), evidence: basis.slice(0, 20).map((row) => row.id) };
      const entryId = entryIdOf(tenant, incident.id, 'filled', gap);
      const result = await record.append(tenant, incident.id, DOCKET_ACTOR, { type: 'gap.fill', entryId, body });
      if (result.kind === 'unknown_incident') return;
      note(closed, gap);
    },
    async openAmong(tenant, incident, among) {
      if (among.every((gap) => closed.has(gap))) return new Set();
      const found = await record.record(tenant, incident.id);
      const open = new Set(found?.gaps.filter((gap) => gap.state === 'open').map((gap) => gap.id));
      for (const gap of among) if (!open.has(gap)) note(closed, gap);
      return open;
    },
    async noteUnfinished(tenant, incident, { comparisons, atUnixNano }) {
      const finished: Comparison[] = [];
      const givenUp = new Map<Comparison, Unfinished>();
      for (const name of Object.keys(COMPARISONS) as Comparison[]) {
        const compared = comparisons[name];
        if (compared?.unfinished !== undefined) givenUp.set(name, compared.unfinished);
        else if (compared !== undefined) finished.push(name);
      }
      for (const [comparison, reason] of givenUp) unfinished.add(1, { comparison, reason });
      const keyOf = (name: Comparison): string => entryIdOf(tenant, incident.id, subjectOf(name, 1));
      if (givenUp.size === 0 && finished.every((name) => answered.has(keyOf(name)))) return;
      const found = await record.record(tenant, incident.id);
      const latestOf = (name: Comparison) => latestGap(found?.gaps ?? [], tenant, incident.id, name);
      for (const name of finished) {
        const { nth, gap } = latestOf(name);
        note(answered, keyOf(name));
        if (gap?.state !== 'open' || nth === GAPS_PER_COMPARISON_MAX) continue;
        await gaps.fill(tenant, incident, gap.id, `Compared: ${COMPARISONS[name]}.`, []);
      }
      for (const [name, reason] of givenUp) {
        const { nth, gap } = latestOf(name);
        const known = answered.delete(keyOf(name));
        const filledByDocket = gap?.closed != null && sameActor(gap.closed.by, DOCKET_ACTOR);
        if (nth === GAPS_PER_COMPARISON_MAX || (gap !== undefined && gap.state === 'open')) continue;
        if (gap !== undefined && !filledByDocket && !known) continue;
        const what = `${COMPARISONS[name]}. The query ${reason}.`;
        await gaps.open(tenant, incident, subjectOf(name, nth + 1), {
          what:
            gap === undefined
              ? `Not compared over the incident's window: ${what}`
              : `Not compared since ${instantOf(atUnixNano).slice(0, 19)}Z, though it was before: ${what}`,
          kind: 'unanswered',
          why: 'What it would show is not among the evidence.',
          blocks: [],
        });
      }
    },
  };
  return gaps;
}

function note(known: Set<string>, gap: string): void {
  known.add(gap);
  for (const oldest of surplus(known, GAPS_KNOWN_MAX)) known.delete(oldest);
}

/** What the nth gap of a comparison is named by, from 1. */
function subjectOf(comparison: Comparison, nth: number): string {
  return `not compared ${comparison}${nth === 1 ? '' : ` ${nth}`}`;
}

/** The last gap that the comparison has, and the how manieth it is; 0 when it has none. */
function latestGap(
  gaps: readonly Gap[],
  tenant: string,
  incidentId: string,
  comparison: Comparison,
): { readonly nth: number; readonly gap: Gap | undefined } {
  for (let nth = GAPS_PER_COMPARISON_MAX; nth >= 1; nth -= 1) {
    const id = entryIdOf(tenant, incidentId, subjectOf(comparison, nth));
    const gap = gaps.find((each) => each.id === id);
    if (gap !== undefined) return { nth, gap };
  }
  return { nth: 0, gap: undefined };
}
