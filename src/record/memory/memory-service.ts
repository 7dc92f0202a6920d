import type { Logger } from '../../telemetry/logger.ts';
import type { EvidenceLog } from '../evidence-log.ts';
import type { EvidenceKind, EvidenceRow } from '../evidence.ts';
import type { IncidentSummary } from '../incident-record.ts';
import type { RecordHead } from '../record-log.ts';
import type { RecordService } from '../record-service.ts';
import type { ChangeFeed } from './change-feed.ts';
import { firstEntries } from './first-entries.ts';
import { extractFeatures } from './extract-features.ts';
import type { IncidentMemory, RememberedIncident, SimilarIncident } from './incident-memory.ts';
import { outcomeOf } from './incident-outcome.ts';
import { investigationsOf, type Investigation } from './investigation.ts';

export interface MemoryServiceOptions {
  readonly record: Pick<RecordService, 'record' | 'entries' | 'summary'>;
  readonly evidenceLog: Pick<EvidenceLog, 'page'>;
  readonly memory: IncidentMemory;
  readonly changes: Pick<ChangeFeed, 'subscribe'>;
  /** Every incident with its last entry: what was not remembered yet is caught up with at start. */
  readonly heads: () => Promise<readonly RecordHead[]>;
  readonly logger: Logger;
  /** How long an incident must be left alone before it is remembered anew; 2 s when left out. */
  readonly quietMilliseconds?: number;
  readonly clock?: () => Date;
}

export interface SimilarAnswer {
  readonly incident: { readonly id: string; readonly ref: string };
  readonly compared: number;
  readonly items: readonly (Omit<SimilarIncident, 'incident'> & { readonly incident: IncidentSummary })[];
  /** Questions this incident asked more than once, or that another asked too. */
  readonly repeated: readonly RepeatedInvestigation[];
}

export interface RepeatedInvestigation extends Omit<Investigation, 'signature'> {
  readonly elsewhere: readonly {
    readonly incident: { readonly id: string; readonly ref: string; readonly title: string };
    readonly times: number;
    readonly ids: readonly string[];
    readonly cameOf: string;
  }[];
}

export interface MemoryService {
  /** Starts to follow changes, and to catch up in the background with what changed while nobody did. */
  start(): Promise<void>;
  /** Undefined when the incident is not there. What changed in it is taken in first. `limit` 1 to 50. */
  similar(tenant: string, refOrId: string, limit: number): Promise<SimilarAnswer | undefined>;
  /** The questions of one incident that were asked before, there or elsewhere. */
  repeated(tenant: string, refOrId: string): Promise<readonly RepeatedInvestigation[] | undefined>;
  /** Resolves when everything that had changed is remembered. */
  settled(): Promise<void>;
  /** Remembers what has just changed, for at most some seconds: an incident under way is finished. What is left is logged. */
  close(): Promise<void>;
}

const QUIET_MILLISECONDS = 2_000;
/** How long an incident may at most keep changing until it is remembered anew. */
const PATIENCE_MILLISECONDS = 15_000;
/** How long an end waits for what is pending. */
const CLOSE_MILLISECONDS = 3_000;
/** Evidence rows of one kind looked at; the newest. */
const ROWS_OF_A_KIND_MAX = 500;
const REPEATED_MAX = 50;
const REFRESHED_FIRST_MAX = 8;
const SIGNATURES_MAX = 200;
/** Rows that bear features, a kind at a time so that many calls do not crowd out the errors. */
const KINDS: readonly (readonly EvidenceKind[])[] = [
  ['error', 'log'],
  ['tool_call'],
  ['change', 'alert'],
  ['note', 'transcript', 'check_result'],
];

interface Pending {
  readonly tenant: string;
  readonly incidentId: string;
  readonly since: number;
  timer: NodeJS.Timeout;
}

/** What past incidents teach about this one. Keeps `memory` current and answers from it. */
export function createMemoryService(options: MemoryServiceOptions): MemoryService {
  const { record, evidenceLog, memory, logger } = options;
  const clock = options.clock ?? (() => new Date());
  const quiet = options.quietMilliseconds ?? QUIET_MILLISECONDS;
  const pending = new Map<string, Pending>();
  // One refresh after the other: remembering must not crowd out who waits for an answer.
  let tail: Promise<unknown> = Promise.resolve();
  let catchingUp: Promise<void> = Promise.resolve();
  let unsubscribe: (() => void) | undefined;
  let closed = false;

  function changed(tenant: string, incidentId: string): void {
    if (closed) return;
    const key = `${tenant}\n${incidentId}`;
    const known = pending.get(key);
    const now = performance.now();
    if (known !== undefined) clearTimeout(known.timer);
    const since = known?.since ?? now;
    const wait = Math.max(0, Math.min(quiet, since + PATIENCE_MILLISECONDS - now));
    const timer = setTimeout(() => void refresh(key), wait);
    timer.unref();
    pending.set(key, { tenant, incidentId, since, timer });
  }

  function refresh(key: string): Promise<void> {
    const due = pending.get(key);
    if (due === undefined) return Promise.resolve();
    clearTimeout(due.timer);
    pending.delete(key);
    return rememberLater(due.tenant, due.incidentId);
  }

  function rememberLater(tenant: string, incidentId: string): Promise<void> {
    const mine = tail.then(() => remember(tenant, incidentId));
    const settled = mine.catch((error: unknown) => {
      logger.warn(
        { incident: incidentId, error: error instanceof Error ? error.name : 'unknown' },
        'an incident could not be remembered; it is tried again at its next change or the next start',
      );
    });
    tail = settled;
    return settled;
  }

  async function remember(tenant: string, incidentId: string): Promise<void> {
    const derived = await derive(tenant, incidentId);
    if (derived !== undefined) await memory.put([derived]);
  }

  async function derive(tenant: string, incidentId: string): Promise<RememberedIncident | undefined> {
    const found = await record.record(tenant, incidentId);
    if (found === undefined) return undefined;
    const rows: EvidenceRow[] = [];
    for (const kinds of KINDS) {
      const page = await evidenceLog.page(tenant, found.id, { kinds, limit: ROWS_OF_A_KIND_MAX });
      rows.push(...page.items);
    }
    const withdrawn = new Set(found.evidence.withdrawn);
    const standing = rows.filter((row) => !withdrawn.has(row.id));
    return {
      tenant,
      incident: found.id,
      version: clock().getTime(),
      headSeq: found.head.seq,
      features: extractFeatures(found, standing),
      investigations: investigationsOf(found, standing),
      outcome: outcomeOf(found, await firstEntries(record, tenant, found.id)),
    };
  }

  async function catchUp(): Promise<void> {
    const remembered = new Map(
      (await memory.heads()).map((head) => [`${head.tenant}\n${head.incident}`, head.seq] as const),
    );
    for (const head of await options.heads()) {
      if (closed) return;
      if (remembered.get(`${head.tenant}\n${head.incident}`) === head.seq) continue;
      await rememberLater(head.tenant, head.incident);
    }
  }

  async function repeatedOf(tenant: string, incidentId: string): Promise<readonly RepeatedInvestigation[]> {
    const here = await memory.investigations(tenant, incidentId);
    const elsewhere = await memory.investigatedElsewhere(
      tenant,
      incidentId,
      here.slice(0, SIGNATURES_MAX).map((each) => each.signature),
    );
    const repeated: RepeatedInvestigation[] = [];
    for (const { signature, ...investigation } of here) {
      if (repeated.length >= REPEATED_MAX) break;
      const others: RepeatedInvestigation['elsewhere'][number][] = [];
      for (const { incident, investigation: other } of elsewhere) {
        if (other.signature !== signature) continue;
        const summary = await record.summary(tenant, incident);
        if (summary === undefined) continue;
        const { id, ref, title } = summary;
        others.push({ incident: { id, ref, title }, times: other.times, ids: other.ids, cameOf: other.cameOf });
      }
      if (investigation.times > 1 || others.length > 0) repeated.push({ ...investigation, elsewhere: others });
    }
    return repeated;
  }

  /** The incident, once what changed in it is remembered. */
  async function current(tenant: string, refOrId: string): Promise<IncidentSummary | undefined> {
    const summary = await record.summary(tenant, refOrId);
    if (summary === undefined) return undefined;
    // The latest changes of others, too, as far as that does not keep the caller waiting: somebody may have just entered them.
    const others = [...pending.entries()].filter(([, each]) => each.tenant === tenant).slice(-REFRESHED_FIRST_MAX);
    const keys = new Set([`${tenant}\n${summary.id}`, ...others.map(([key]) => key)]);
    await Promise.all([...keys].map((key) => refresh(key)));
    return summary;
  }

  return {
    async start() {
      unsubscribe = options.changes.subscribe(changed);
      catchingUp = catchUp().catch((error: unknown) => {
        logger.warn(
          { error: error instanceof Error ? error.name : 'unknown' },
          'incidents that changed while the service was down are not all remembered yet',
        );
      });
    },
    async similar(tenant, refOrId, limit) {
      const summary = await current(tenant, refOrId);
      if (summary === undefined) return undefined;
      const [found, repeated] = await Promise.all([
        memory.similar(tenant, summary.id, limit),
        repeatedOf(tenant, summary.id),
      ]);
      const items: SimilarAnswer['items'][number][] = [];
      for (const { incident, ...similar } of found.items) {
        const other = await record.summary(tenant, incident);
        if (other !== undefined) items.push({ ...similar, incident: other });
      }
      return { incident: { id: summary.id, ref: summary.ref }, compared: found.compared, items, repeated };
    },
    async repeated(tenant, refOrId) {
      const summary = await current(tenant, refOrId);
      return summary === undefined ? undefined : repeatedOf(tenant, summary.id);
    },
    async settled() {
      await catchingUp;
      while (pending.size > 0) await Promise.all([...pending.keys()].map((key) => refresh(key)));
      await tail;
    },
    async close() {
      closed = true;
      unsubscribe?.();
      for (const { timer } of pending.values()) clearTimeout(timer);
      await catchingUp;
      // The next start sees by an incident's last entry what it missed, and evidence adds none: what is pending is taken in now.
      const until = performance.now() + CLOSE_MILLISECONDS;
      for (const key of pending.keys()) {
        if (performance.now() >= until) break;
        await refresh(key);
      }
      if (pending.size > 0) {
        logger.warn(
          { incidents: pending.size },
          'incidents that just changed are remembered anew at their next change',
        );
        pending.clear();
      }
      await tail;
    },
  };
}
