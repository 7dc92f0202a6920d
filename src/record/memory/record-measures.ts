import type { Actor } from '../actor.ts';
import type { EvidenceLog } from '../evidence-log.ts';
import type { IncidentSummary } from '../incident-record.ts';
import type { RecordService } from '../record-service.ts';
import { agentClaims, gradeAgents, judgedEvidence, type AgentClaim, type AgentGrade } from './agent-grade.ts';
import { firstEntries } from './first-entries.ts';
import { measureIncident, type Counted, type IncidentMeasures } from './measures.ts';

/** Which incidents, by when they started; all of them when nothing is given. */
export interface MeasureWindow {
  /** RFC 3339. */
  readonly from?: string;
  readonly to?: string;
  /** Ref or id: only this one. */
  readonly incident?: string;
}

export interface MeasuredIncident extends IncidentMeasures {
  readonly incident: { readonly id: string; readonly ref: string; readonly title: string; readonly startedAt: string };
}

/** A share of what could be counted; null where there was nothing to count. */
export interface Share {
  readonly share: number | null;
  readonly of: number;
  readonly count: number;
}

export interface RecordMeasures {
  readonly window: { readonly from: string | null; readonly to: string | null };
  readonly measured: number;
  /** Imported incidents: their record was written afterwards, so it says nothing of how the work went. */
  readonly imported: number;
  /** True when the window has more incidents than are measured in one answer. */
  readonly truncated: boolean;
  readonly timeToContext: {
    readonly medianSeconds: number | null;
    readonly worstSeconds: number | null;
    readonly reached: number;
    readonly notReached: number;
  };
  readonly handoffQuality: Share & { readonly reopenedWithinHour: number };
  readonly followThrough: Share & { readonly overdue: number; readonly repeatedChecks: number };
  readonly explainedChanges: Share & { readonly unapproved: number };
  readonly incidents: readonly MeasuredIncident[];
}

export interface AgentMeasures {
  readonly window: { readonly from: string | null; readonly to: string | null };
  readonly truncated: boolean;
  readonly agents: readonly AgentGrade[];
}

export interface RecordMeasuresOptions {
  readonly record: Pick<RecordService, 'list' | 'summary' | 'entries'>;
  readonly evidenceLog: Pick<EvidenceLog, 'get'>;
  readonly clock?: () => Date;
}

/** Incidents measured in one answer; the newest. */
const INCIDENTS_MAX = 500;
const JUDGED_MAX = 200;

/** The four measures, and agents' grades, over a window of incidents; read from their logs at every asking. */
export interface MeasureReader {
  record(tenant: string, window: MeasureWindow): Promise<RecordMeasures | undefined>;
  agents(tenant: string, window: MeasureWindow): Promise<AgentMeasures | undefined>;
}

export function createMeasureReader(options: RecordMeasuresOptions): MeasureReader {
  const { record, evidenceLog } = options;
  const clock = options.clock ?? (() => new Date());

  async function incidentsOf(
    tenant: string,
    window: MeasureWindow,
  ): Promise<{ readonly items: readonly IncidentSummary[]; readonly truncated: boolean } | undefined> {
    if (window.incident !== undefined) {
      const summary = await record.summary(tenant, window.incident);
      return summary === undefined ? undefined : { items: [summary], truncated: false };
    }
    const items: IncidentSummary[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await record.list(tenant, {
        limit: 200,
        ...(window.from === undefined ? {} : { from: window.from }),
        ...(window.to === undefined ? {} : { to: window.to }),
        ...(cursor == null ? {} : { cursor }),
      });
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== null && items.length < INCIDENTS_MAX);
    return { items: items.slice(0, INCIDENTS_MAX), truncated: cursor !== null || items.length > INCIDENTS_MAX };
  }

  return {
    async record(tenant, window) {
      const found = await incidentsOf(tenant, window);
      if (found === undefined) return undefined;
      const now = clock();
      const measured: MeasuredIncident[] = [];
      let imported = 0;
      for (const { id, ref, title, startedAt } of found.items) {
        const entries = await firstEntries(record, tenant, id);
        if (entries[0]?.actor.kind === 'import') {
          imported += 1;
          continue;
        }
        measured.push({ incident: { id, ref, title, startedAt }, ...measureIncident(entries, now) });
      }
      return summarise(measured, { window, imported, truncated: found.truncated });
    },
    async agents(tenant, window) {
      const found = await incidentsOf(tenant, window);
      if (found === undefined) return undefined;
      const claims: AgentClaim[] = [];
      for (const { id } of found.items) {
        const entries = await firstEntries(record, tenant, id);
        const authors = new Map<string, Actor>();
        for (const evidenceId of judgedEvidence(entries).slice(0, JUDGED_MAX)) {
          const row = await evidenceLog.get(tenant, id, evidenceId);
          if (row !== undefined) authors.set(evidenceId, row.actor);
        }
        claims.push(...agentClaims(entries, authors));
      }
      return { window: shownWindow(window), truncated: found.truncated, agents: gradeAgents(claims) };
    },
  };
}

function shownWindow({ from, to }: MeasureWindow): RecordMeasures['window'] {
  return { from: from ?? null, to: to ?? null };
}

function summarise(
  incidents: readonly MeasuredIncident[],
  about: { readonly window: MeasureWindow; readonly imported: number; readonly truncated: boolean },
): RecordMeasures {
  const total = (of: (each: MeasuredIncident) => Counted): number =>
    incidents.reduce((sum, each) => sum + of(each).count, 0);
  const seconds = incidents.flatMap((each) => each.timeToContext.seconds ?? []).sort((one, other) => one - other);
  return {
    window: shownWindow(about.window),
    measured: incidents.length,
    imported: about.imported,
    truncated: about.truncated,
    timeToContext: {
      medianSeconds: median(seconds),
      worstSeconds: seconds.at(-1) ?? null,
      reached: seconds.length,
      notReached: incidents.length - seconds.length,
    },
    handoffQuality: {
      ...share(
        total((each) => each.handoffs.clean),
        total((each) => each.handoffs.accepted),
      ),
      reopenedWithinHour: total((each) => each.handoffs.reopenedWithinHour),
    },
    followThrough: {
      ...share(
        total((each) => each.followThrough.closedWithProof),
        total((each) => each.followThrough.followUps),
      ),
      overdue: total((each) => each.followThrough.overdue),
      repeatedChecks: total((each) => each.followThrough.repeatedChecks),
    },
    explainedChanges: {
      ...share(
        total((each) => each.explainedChanges.explained),
        total((each) => each.explainedChanges.changes),
      ),
      unapproved: total((each) => each.explainedChanges.unapproved),
    },
    incidents,
  };
}

function share(count: number, of: number): Share {
  return { share: of === 0 ? null : Math.round((count / of) * 1e3) / 1e3, of, count };
}

/** Of numbers in ascending order. */
function median(sorted: readonly number[]): number | null {
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) return null;
  const lower = sorted[middle - 1];
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}
