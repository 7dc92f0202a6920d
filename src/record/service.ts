import type { Meter } from '@opentelemetry/api';
import type { Logger } from '../telemetry/logger.ts';
import { assemble, assembleWithoutBrief, evidenceStandingOf } from './assemble.ts';
import { briefMarkdown } from './brief/brief-markdown.ts';
import { composeBrief } from './brief/compose-brief.ts';
import { describeEntryTypes } from './catalogue.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';
import type { ContentEraser } from './content-erasure.ts';
import { createDueSweep } from './due-sweep.ts';
import type { PolicyDecision } from './entry-kind.ts';
import { createCensusReader } from './evidence-census.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { EvidenceQueries } from './evidence-queries.ts';
import type { EvidenceVersions } from './evidence-version.ts';
import { createIncidentCommands } from './incident-commands.ts';
import { listIncidents } from './incident-list.ts';
import { createIncidentOpener } from './incident-opener.ts';
import type { IncidentRecord } from './incident-record.ts';
import { createRecordInstruments } from './instruments.ts';
import { assembledNow, second, stateAt, type LiveIncident } from './live-incident.ts';
import { createLiveIncidents } from './live-incidents.ts';
import { createLiveIndex } from './live-index.ts';
import { queryAimOf } from './query-aim.ts';
import type { RecordLog } from './record-log.ts';
import { recordMarkdown } from './record-markdown.ts';
import { DEFAULT_RECORD_POLICY, type RecordPolicy } from './record-policy.ts';
import type { RecordService } from './record-service.ts';
import { createRepetition } from './repetition.ts';
import { summaryOf } from './incident-summary.ts';
import type { ScrubText } from './scrub-texts.ts';
import { whyOf } from './why.ts';

export interface RecordServiceOptions {
  readonly recordLog: RecordLog;
  readonly evidenceLog: EvidenceLog;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Thresholds; the built-in ones when left out. */
  readonly policy?: RecordPolicy;
  /** Applied to every text of every command before anything else sees it. What it throws refuses the command. */
  readonly scrub?: ScrubText;
  /** Entries kept in memory over all incidents; the least recently used incident goes first. */
  readonly maxCachedEntries?: number;
  /** How often what is overdue is looked for; 0 leaves it to `sweep`. 30 s when left out. */
  readonly sweepIntervalMilliseconds?: number;
  /** True when other processes append to the same log: reads then look for newer entries first. */
  readonly sharedLog?: boolean;
  /** Questions that the store answers by SQL. Without it, rows are read page by page and the aim of queries is not known. */
  readonly queries?: EvidenceQueries;
  /** Tells when an incident's evidence may have changed; without it, it is counted for every look. */
  readonly evidenceVersions?: EvidenceVersions;
  /** Signs heads and anchors them outside the database. */
  readonly checkpoints?: CheckpointSigner;
  /** Destroys content; without it `content.erase` is refused. */
  readonly eraser?: ContentEraser;
  /** Where the log is shared, how often the others' entries are looked for. 2 s when left out; 0 leaves it to `poll`. */
  readonly pollIntervalMilliseconds?: number;
  /** The policy decision by that id; undefined when there is none. What it throws denies. */
  readonly findPolicyDecision?: (tenant: string, decisionId: string) => Promise<PolicyDecision | undefined>;
  readonly clock?: () => Date;
}

const SWEEP_INTERVAL_MILLISECONDS = 30_000;
const POLL_INTERVAL_MILLISECONDS = 2_000;
const MAX_CACHED_ENTRIES = 200_000;
const ENTRIES_PER_PAGE_MAX = 1_000;
/** Where others write evidence too, nobody tells when it changes. */
const SHARED_CENSUS_MAX_AGE_MILLISECONDS = 1_000;

export interface SweepingRecordService extends RecordService {
  /** Enters what time has made due in incidents that go on. Runs by itself at an interval; idempotent. */
  sweep(): Promise<void>;
  /** Where the log is shared: takes in what others opened, bound and entered. Runs by itself at an interval. */
  poll(): Promise<void>;
}

/** The record: wires what decides commands, what keeps the folded records and what time makes due, and answers every reader. */
export function createRecordService(options: RecordServiceOptions): SweepingRecordService {
  const { recordLog, evidenceLog, evidenceVersions, queries, logger, checkpoints, eraser, scrub, findPolicyDecision } =
    options;
  const policy = options.policy ?? DEFAULT_RECORD_POLICY;
  const clock = options.clock ?? (() => new Date());
  const sharedLog = options.sharedLog === true;
  const instruments = createRecordInstruments(options.meter);
  const index = createLiveIndex(evidenceLog);
  const census = createCensusReader({
    evidenceLog,
    ...(queries === undefined ? {} : { queries }),
    ...(evidenceVersions === undefined ? {} : { versions: evidenceVersions }),
    ...(sharedLog ? { maxAgeMilliseconds: SHARED_CENSUS_MAX_AGE_MILLISECONDS } : {}),
  });
  const incidents = createLiveIncidents({
    recordLog,
    evidenceLog,
    index,
    instruments,
    logger,
    sharedLog,
    maxCachedEntries: options.maxCachedEntries ?? MAX_CACHED_ENTRIES,
    ...(checkpoints === undefined ? {} : { checkpoints }),
  });
  const { sweep, signHead } = createDueSweep({
    incidents,
    evidenceLog,
    census,
    logger,
    policy,
    clock,
    sharedLog,
    queries,
    evidenceVersions,
    checkpoints,
    eraser,
  });
  const commands = createIncidentCommands({
    incidents,
    evidenceLog,
    instruments,
    logger,
    policy,
    clock,
    sharedLog,
    scrub,
    evidenceVersions,
    eraser,
    findPolicyDecision,
    knowsIncident: index.knows,
    seal:
      checkpoints === undefined
        ? undefined
        : (tenant, incidentId) => (head) => checkpoints.seal(tenant, incidentId, head),
    signHead,
  });
  const opener = createIncidentOpener({ incidents, commands, recordLog, evidenceLog, index, clock, sharedLog, scrub });
  const repetition = createRepetition(logger);

  /** What a record is assembled from besides its entries. */
  async function surroundings(live: LiveIncident) {
    const { tenant, id } = live.state;
    const [evidence, aim] = await Promise.all([
      census.read(tenant, id),
      census.aim(tenant, id, queryAimOf(live.state)),
    ]);
    return {
      evidence,
      aim: aim ?? null,
      policy,
      verified: live.verified,
      checkpoint: checkpoints?.latest(tenant, id) ?? null,
    };
  }

  async function record(
    tenant: string,
    refOrId: string,
    { at }: { readonly at?: number } = {},
  ): Promise<IncidentRecord | undefined> {
    const live = await incidents.current(tenant, refOrId);
    if (live === undefined) return undefined;
    const around = await surroundings(live);
    if (at === undefined) return assembledNow(live, { ...around, now: second(clock()) });
    const last = live.entries[at - 1];
    if (last === undefined) return undefined;
    return assemble(stateAt(live, at), { ...around, now: new Date(last.recordedAt) });
  }

  async function brief(tenant: string, refOrId: string, { since }: { readonly since?: number } = {}) {
    const live = await incidents.current(tenant, refOrId);
    if (live === undefined) return undefined;
    const shared = { ...(await surroundings(live)), now: second(clock()) };
    const full = assembledNow(live, shared);
    if (since === undefined) return { json: full.brief, markdown: briefMarkdown(full.brief) };
    const before = since <= 0 ? undefined : assembleWithoutBrief(stateAt(live, since), shared);
    const json = composeBrief(full, { now: shared.now, since, ...(before === undefined ? {} : { before }) });
    return { json, markdown: briefMarkdown(json) };
  }

  return {
    index,
    async start() {
      await incidents.start();
      repetition.every(
        options.sweepIntervalMilliseconds ?? SWEEP_INTERVAL_MILLISECONDS,
        sweep,
        'looking for what is due',
      );
      if (sharedLog) {
        const interval = options.pollIntervalMilliseconds ?? POLL_INTERVAL_MILLISECONDS;
        repetition.every(interval, incidents.poll, 'looking for new entries');
      }
    },
    open: opener.open,
    bind: opener.bind,
    append: commands.append,
    record,
    brief,
    markdown: recordMarkdown,
    entryTypes: describeEntryTypes,
    async summary(tenant, refOrId) {
      const live = await incidents.current(tenant, refOrId);
      return live === undefined ? undefined : summaryOf(live.state);
    },
    async evidenceStanding(tenant, refOrId) {
      const live = await incidents.current(tenant, refOrId);
      if (live === undefined) return undefined;
      const { id, ref } = live.state;
      return { id, ref, ...evidenceStandingOf(live.state) };
    },
    async list(tenant, filter) {
      return listIncidents([...incidents.summaries(tenant).values()], filter);
    },
    async entries(tenant, refOrId, { after, limit }) {
      const live = await incidents.current(tenant, refOrId);
      if (live === undefined) return undefined;
      const from = Math.max(0, after);
      const items = live.entries.slice(from, from + Math.min(ENTRIES_PER_PAGE_MAX, Math.max(1, limit)));
      const last = items.at(-1);
      return { items, next: last === undefined || last.seq >= live.state.head.seq ? null : last.seq };
    },
    async why(tenant, refOrId, target) {
      const live = await incidents.current(tenant, refOrId);
      return live === undefined ? undefined : whyOf(live.state, target);
    },
    subscribe: incidents.subscribe,
    sweep,
    poll: incidents.poll,
    async close() {
      await repetition.stop();
      await incidents.close();
    },
  };
}
