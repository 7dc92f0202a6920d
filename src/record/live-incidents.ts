import type { Logger } from '../telemetry/logger.ts';
import { sealEntries, verifyChain } from './chain.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';
import { standingOf } from './checkpoint.ts';
import { eachIncident } from './each-incident.ts';
import type { Entry, EntryDraft } from './entry.ts';
import type { EvidenceLog } from './evidence-log.ts';
import { applyEntry, fold } from './fold.ts';
import type { IncidentSummary } from './incident-record.ts';
import type { IncidentState } from './incident-state.ts';
import type { RecordInstruments } from './instruments.ts';
import { createKeyedTurns } from './keyed-turns.ts';
import { liveIncidentOf, type LiveIncident } from './live-incident.ts';
import type { LiveIndex } from './live-index.ts';
import type { IncidentOutline, RecordLog } from './record-log.ts';
import { isClaimLog } from './ref-claim.ts';
import { summaryOf } from './incident-summary.ts';

export interface LiveIncidentsOptions {
  readonly recordLog: RecordLog;
  readonly evidenceLog: EvidenceLog;
  readonly index: LiveIndex;
  readonly instruments: RecordInstruments;
  readonly logger: Logger;
  readonly checkpoints?: CheckpointSigner;
  /** True when other processes append to the same log. */
  readonly sharedLog: boolean;
  /** Entries kept in memory over all incidents; the least recently used incident goes first. */
  readonly maxCachedEntries: number;
}

/** The incidents of every tenant: the folded ones in memory, a summary of each, and who follows them. */
export interface LiveIncidents {
  /** Reads what lists and the index need. Resolves when the rest may be used. */
  start(): Promise<void>;
  /** The incident's id; where others open incidents too, after a look at what they opened. */
  find(tenant: string, refOrId: string): Promise<string | undefined>;
  /** The incident with everything in its log; undefined when there is none. */
  current(tenant: string, refOrId: string): Promise<LiveIncident | undefined>;
  load(tenant: string, incidentId: string): Promise<LiveIncident>;
  /** Reads what other writers appended since. */
  refresh(live: LiveIncident): Promise<void>;
  /** Runs one piece of work of an incident after the other. */
  exclusively<T>(tenant: string, incidentId: string, work: () => Promise<T>): Promise<T>;
  /** Seals, stores and takes in. What it throws leaves open whether the entries are stored: the incident is read again. */
  commit(live: LiveIncident, drafts: readonly EntryDraft[]): Promise<Committed | 'conflict'>;
  /** Where the log is shared: takes in what others opened, bound and entered. */
  poll(): Promise<void>;
  summaries(tenant: string): ReadonlyMap<string, IncidentSummary>;
  tenants(): Iterable<string>;
  subscribe(tenant: string, incidentId: string, listener: (entry: Entry) => void): () => void;
  /** Waits for what runs, then forgets everything. */
  close(): Promise<void>;
}

export interface Committed {
  readonly entries: readonly Entry[];
  /** Rows that had arrived before and belong to the incident now. */
  readonly filed: number;
}

/** What summaries and the index are made from. */
const OUTLINE_TYPES = [
  'incident.open',
  'incident.status',
  'incident.severity',
  'incident.scope',
  'incident.merge',
  'incident.reopen',
  'binding.add',
];
const READERS_AT_START = 8;
const NONE: ReadonlyMap<string, IncidentSummary> = new Map();

export function createLiveIncidents(options: LiveIncidentsOptions): LiveIncidents {
  const { recordLog, evidenceLog, index, instruments, logger, checkpoints } = options;
  // In order of last use, oldest first.
  const cache = new Map<string, LiveIncident>();
  const loading = new Map<string, Promise<LiveIncident>>();
  const turns = createKeyedTurns();
  const summaries = new Map<string, Map<string, IncidentSummary>>();
  const listeners = new Map<string, Set<(entry: Entry) => void>>();
  let cachedEntries = 0;
  let looking: Promise<void> | undefined;

  async function start(): Promise<void> {
    if (recordLog.outlines === undefined) await readEverything();
    else learnOutlines(await recordLog.outlines(OUTLINE_TYPES));
    compareWithAnchors();
    logger.info({ incidents: [...summaries.values()].reduce((sum, each) => sum + each.size, 0) }, 'record ready');
  }

  async function readEverything(): Promise<void> {
    const heads = (await recordLog.heads()).filter((head) => !isClaimLog(head.incident));
    const workers = Array.from({ length: READERS_AT_START }, async () => {
      for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
        const live = await load(head.tenant, head.incident);
        if (live.state.head.seq > 0) learn(live.state);
      }
    });
    await Promise.all(workers);
  }

  /** A few types of entries say all that lists and the index need: whole logs are read when somebody asks. */
  function learnOutlines(outlines: readonly IncidentOutline[]): void {
    for (const { tenant, incident, head, recordedAt, entries } of outlines) {
      if (isClaimLog(incident) || entries.length === 0) continue;
      const outline = fold(tenant, incident, entries);
      outline.head = head;
      outline.updatedAt = recordedAt;
      learn(outline);
    }
  }

  /** What was signed must still be there: a log that was cut or rewritten is named at once. */
  function compareWithAnchors(): void {
    if (checkpoints === undefined) return;
    for (const [tenant, ofTenant] of summaries) {
      for (const { id, head } of ofTenant.values()) {
        const signed = checkpoints.latest(tenant, id);
        if (signed === undefined || signed.seq < head.seq) continue;
        if (signed.seq === head.seq && signed.hash === head.hash) continue;
        logger.error({ incident: id, seq: signed.seq, head: head.seq }, 'the log disagrees with what was signed of it');
      }
    }
  }

  async function poll(): Promise<void> {
    await eachIncident(await recordLog.heads(), async (head) => {
      if (isClaimLog(head.incident)) return;
      if ((summaries.get(head.tenant)?.get(head.incident)?.head.seq ?? 0) >= head.seq) return;
      await turns.take(keyOf(head.tenant, head.incident), async () => {
        const live = await load(head.tenant, head.incident);
        await refresh(live);
        // A log that was read whole just now has nothing to refresh, and is still news to the index.
        for (const { selector, link } of learn(live.state)) {
          await evidenceLog.link(head.tenant, head.incident, selector, link);
        }
      });
    });
  }

  async function find(tenant: string, refOrId: string): Promise<string | undefined> {
    const known = index.idOf(tenant, refOrId);
    if (known !== undefined || !options.sharedLog) return known;
    looking ??= poll().finally(() => {
      looking = undefined;
    });
    await looking;
    return index.idOf(tenant, refOrId);
  }

  async function load(tenant: string, incidentId: string): Promise<LiveIncident> {
    const key = keyOf(tenant, incidentId);
    const cached = cache.get(key);
    if (cached !== undefined) {
      cache.delete(key);
      cache.set(key, cached);
      return cached;
    }
    let pending = loading.get(key);
    if (pending === undefined) {
      pending = read(tenant, incidentId).finally(() => loading.delete(key));
      loading.set(key, pending);
    }
    return pending;
  }

  async function read(tenant: string, incidentId: string): Promise<LiveIncident> {
    const entries = await readWhole(tenant, incidentId);
    const verdict = verifyChain(entries);
    if (!verdict.ok) {
      logger.error({ incident: incidentId, seq: verdict.seq, problem: verdict.problem }, 'log does not verify');
    }
    const signed = checkpoints?.latest(tenant, incidentId);
    const standing =
      signed === undefined ? 'agrees' : standingOf(signed, (seq) => entries.find((each) => each.seq === seq)?.hash);
    if (signed !== undefined && standing !== 'agrees') {
      logger.error({ incident: incidentId, seq: signed.seq, standing }, 'the log disagrees with what was signed of it');
    }
    const whole = verdict.ok && standing === 'agrees' && recordLog.isDamaged?.(tenant, incidentId) !== true;
    const live = liveIncidentOf(fold(tenant, incidentId, entries), entries, whole);
    keep(live);
    return live;
  }

  /** The whole log. What was taken in while it was read is in it: else an older record would stand in for a newer one. */
  async function readWhole(tenant: string, incidentId: string): Promise<Entry[]> {
    for (let before = -1; ;) {
      const entries = [...(await recordLog.read(tenant, incidentId))];
      const last = entries.at(-1)?.seq ?? 0;
      // A log that was cut ends earlier than what is known of it, and does not grow.
      if (last >= (summaries.get(tenant)?.get(incidentId)?.head.seq ?? 0) || last === before) return entries;
      before = last;
    }
  }

  function keep(live: LiveIncident): void {
    const { tenant, id } = live.state;
    const before = cache.get(keyOf(tenant, id));
    if (before === live) return;
    cachedEntries += live.entries.length - (before?.entries.length ?? 0);
    cache.set(keyOf(tenant, id), live);
    for (const [key, other] of cache) {
      if (cachedEntries <= options.maxCachedEntries) return;
      if (other === live) continue;
      cache.delete(key);
      cachedEntries -= other.entries.length;
    }
  }

  function forget(tenant: string, incidentId: string): void {
    const key = keyOf(tenant, incidentId);
    const live = cache.get(key);
    if (live === undefined) return;
    cache.delete(key);
    cachedEntries -= live.entries.length;
  }

  async function refresh(live: LiveIncident): Promise<void> {
    const { tenant, id } = live.state;
    const newer = await recordLog.read(tenant, id, live.state.head.seq);
    // Another refresh of the same record may have applied some of them while this one read.
    const fresh = newer.filter((entry) => entry.seq > live.state.head.seq);
    if (fresh.length === 0) return;
    const verdict = verifyChain(fresh, live.state.head);
    if (!verdict.ok) live.verified = false;
    await take(live, fresh);
  }

  /** Applies durable entries, tells the index and the followers, and files what arrived before. Returns rows filed. */
  async function take(live: LiveIncident, entries: readonly Entry[]): Promise<number> {
    const { state } = live;
    for (const entry of entries) {
      applyEntry(state, entry);
      live.entries.push(entry);
      instruments.entries.add(1, { type: entry.type });
    }
    if (cache.get(keyOf(state.tenant, state.id)) === live) cachedEntries += entries.length;
    const added = learn(state);
    for (const entry of entries) notify(entry);
    let filed = 0;
    for (const { selector, link } of added) filed += await evidenceLog.link(state.tenant, state.id, selector, link);
    return filed;
  }

  function learn(state: IncidentState) {
    const added = index.learn(state);
    let ofTenant = summaries.get(state.tenant);
    if (ofTenant === undefined) {
      ofTenant = new Map();
      summaries.set(state.tenant, ofTenant);
    }
    ofTenant.set(state.id, summaryOf(state));
    return added;
  }

  function notify(entry: Entry): void {
    for (const listener of listeners.get(keyOf(entry.tenant, entry.incident)) ?? []) {
      try {
        listener(entry);
      } catch (error) {
        const name = error instanceof Error ? error.name : 'unknown';
        logger.warn({ incident: entry.incident, seq: entry.seq, error: name }, 'a follower failed');
      }
    }
  }

  return {
    start,
    find,
    load,
    refresh,
    exclusively: (tenant, incidentId, work) => turns.take(keyOf(tenant, incidentId), work),
    poll,
    async current(tenant, refOrId) {
      const incidentId = await find(tenant, refOrId);
      if (incidentId === undefined) return undefined;
      const live = await load(tenant, incidentId);
      if (options.sharedLog) await refresh(live);
      return live;
    },
    async commit(live, drafts) {
      const { state } = live;
      const entries = sealEntries(state.head, drafts);
      let outcome: Awaited<ReturnType<RecordLog['append']>>;
      try {
        outcome = await recordLog.append(entries);
      } catch (error) {
        // Whether the entries are stored is not known: what is in memory cannot be trusted any more.
        forget(state.tenant, state.id);
        throw error;
      }
      if (outcome.kind === 'conflict') return 'conflict';
      // It may have been put out of memory meanwhile, and read again by somebody without what is in the log now.
      keep(live);
      return { entries, filed: await take(live, entries) };
    },
    summaries: (tenant) => summaries.get(tenant) ?? NONE,
    tenants: () => summaries.keys(),
    subscribe(tenant, incidentId, listener) {
      const key = keyOf(tenant, incidentId);
      const following = listeners.get(key) ?? new Set();
      listeners.set(key, following);
      // Wrapped, so that one function subscribed twice is two followers.
      const follower = (entry: Entry) => listener(entry);
      following.add(follower);
      return () => {
        following.delete(follower);
        if (following.size === 0 && listeners.get(key) === following) listeners.delete(key);
      };
    },
    async close() {
      await turns.settled();
      listeners.clear();
      cache.clear();
      cachedEntries = 0;
    },
  };
}

function keyOf(tenant: string, incidentId: string): string {
  return `${tenant}\n${incidentId}`;
}
