import { randomBytes } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import { uuidv7 } from 'uuidv7';
import type { Logger } from '../telemetry/logger.ts';
import { actorSchema, DOCKET_ACTOR, sameActor, type Actor } from './actor.ts';
import { assemble, assembleWithoutBrief, summaryOf, type AssembleOptions } from './assemble.ts';
import { bindingRule, bindingSchema, selectorOf } from './binding.ts';
import { millis } from './body-field.ts';
import { briefMarkdown } from './brief/brief-markdown.ts';
import { canonicalJson } from './canonical-json.ts';
import { describeEntryTypes, entryKindOf } from './catalogue.ts';
import { sealEntries, verifyChain } from './chain.ts';
import { CheckpointConflict, type CheckpointSigner } from './checkpoint-signer.ts';
import { standingOf } from './checkpoint.ts';
import { commandSchema, openIncidentSchema } from './command-schema.ts';
import { composeBrief } from './brief/compose-brief.ts';
import type { ContentEraser } from './content-erasure.ts';
import type { Entry, EntryDraft } from './entry.ts';
import {
  fieldProblems,
  type DecisionContext,
  type FollowOn,
  type JsonObject,
  type ParsedEntry,
  type PolicyDecision,
} from './entry-kind.ts';
import {
  applyCited,
  citedFact,
  contentDigest,
  evidenceAddRequest,
  evidenceFromRequest,
  type EvidenceAddRequest,
} from './evidence-by-hand.ts';
import { createCensusReader } from './evidence-census.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { EvidenceQueries, MutatingCall } from './evidence-queries.ts';
import type { EvidenceVersions } from './evidence-version.ts';
import type { EvidenceRow } from './evidence.ts';
import { applyEntry, fold } from './fold.ts';
import type { IncidentRecord, IncidentSummary, RecordHeadRef } from './incident-record.ts';
import { isKnown, isOver, type IncidentState } from './incident-state.ts';
import { createRecordInstruments } from './instruments.ts';
import { createLiveIndex } from './live-index.ts';
import { mutatingCallOf, overdueEntries, unapprovedMutations } from './overdue.ts';
import { queryAimOf } from './query-aim.ts';
import type { IncidentOutline, RecordLog } from './record-log.ts';
import { createRecordHistory, type RecordHistory } from './record-history.ts';
import { recordMarkdown } from './record-markdown.ts';
import { DEFAULT_RECORD_POLICY, type RecordPolicy } from './record-policy.ts';
import type {
  Appended,
  BindResult,
  Command,
  CommandResult,
  IncidentFilter,
  IncidentPage,
  OpenIncident,
  OpenResult,
  RecordService,
} from './record-service.ts';
import type { FieldProblem, Rejection } from './rejection.ts';
import { listIncidents } from './incident-list.ts';
import { claimRef, isClaimLog } from './ref-claim.ts';
import { whyOf } from './why.ts';

export interface RecordServiceOptions {
  readonly recordLog: RecordLog;
  readonly evidenceLog: EvidenceLog;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Thresholds; the built-in ones when left out. */
  readonly policy?: RecordPolicy;
  /** Applied to every text of every command before anything else sees it. What it throws refuses the command. */
  readonly scrub?: (text: string, tenant: string, incidentId: string | undefined) => string;
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

const MAX_BODY_BYTES = 128 * 1024;
const MAX_ATTEMPTS = 8;
const MAX_CHANGED = 100;
const SWEEP_INTERVAL_MILLISECONDS = 30_000;
const POLL_INTERVAL_MILLISECONDS = 2_000;
const MAX_CALLS_PER_READ = 500;
const MAX_REF_ATTEMPTS = 1_000;
/** Where others write evidence too, nobody tells when it changes. */
const SHARED_CENSUS_MAX_AGE_MILLISECONDS = 1_000;
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
const MAX_CLOCK_AHEAD_MILLISECONDS = 5 * 60 * 1000;

interface Loaded {
  readonly state: IncidentState;
  readonly entries: Entry[];
  verified: boolean;
  readonly history: RecordHistory;
  /** Mutating calls that an approved action accounts for. */
  readonly accounted: Set<string>;
  /** Version of the evidence that was swept last. */
  sweptVersion: number | null;
  sweptSeq: number;
  /** The record as it was last assembled, and from what: many look within the same second. */
  assembled: { readonly seq: number; readonly from: AssembleOptions; readonly record: IncidentRecord } | null;
}

export interface SweepingRecordService extends RecordService {
  /** Enters what time has made due in incidents that go on. Runs by itself at an interval; idempotent. */
  sweep(): Promise<void>;
  /** Where the log is shared: takes in what others opened, bound and entered. Runs by itself at an interval. */
  poll(): Promise<void>;
}

/** The record: validates and decides commands, keeps the folded records, and answers every reader. */
export function createRecordService(options: RecordServiceOptions): SweepingRecordService {
  const { recordLog, evidenceLog, logger, checkpoints, eraser } = options;
  const policy = options.policy ?? DEFAULT_RECORD_POLICY;
  const clock = options.clock ?? (() => new Date());
  const maxCachedEntries = options.maxCachedEntries ?? 200_000;
  const instruments = createRecordInstruments(options.meter);
  const index = createLiveIndex(evidenceLog);
  // In order of last use, oldest first.
  const cache = new Map<string, Loaded>();
  const loading = new Map<string, Promise<Loaded>>();
  const queues = new Map<string, Promise<unknown>>();
  const summaries = new Map<string, Map<string, IncidentSummary>>();
  const listeners = new Map<string, Set<(entry: Entry) => void>>();
  const census = createCensusReader({
    evidenceLog,
    ...(options.queries === undefined ? {} : { queries: options.queries }),
    ...(options.evidenceVersions === undefined ? {} : { versions: options.evidenceVersions }),
    ...(options.sharedLog === true ? { maxAgeMilliseconds: SHARED_CENSUS_MAX_AGE_MILLISECONDS } : {}),
  });
  let cachedEntries = 0;
  let sweeper: NodeJS.Timeout | undefined;
  let poller: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  const background = new Set<Promise<void>>();

  async function start(): Promise<void> {
    if (recordLog.outlines === undefined) await readEverything();
    else learnOutlines(await recordLog.outlines(OUTLINE_TYPES));
    compareWithAnchors();
    logger.info({ incidents: [...summaries.values()].reduce((sum, each) => sum + each.size, 0) }, 'record ready');
    sweeper = every(options.sweepIntervalMilliseconds ?? SWEEP_INTERVAL_MILLISECONDS, sweep, 'looking for what is due');
    if (options.sharedLog === true) {
      poller = every(options.pollIntervalMilliseconds ?? POLL_INTERVAL_MILLISECONDS, poll, 'looking for new entries');
    }
  }

  /** Runs `work` again and again, never twice at a time; 0 never. */
  function every(milliseconds: number, work: () => Promise<void>, what: string): NodeJS.Timeout | undefined {
    if (milliseconds === 0) return undefined;
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      const running = work()
        .catch((error: unknown) => logger.warn({ error: errorName(error) }, `${what} failed`))
        .finally(() => {
          busy = false;
          background.delete(running);
        });
      background.add(running);
    }, milliseconds);
    timer.unref();
    return timer;
  }

  async function readEverything(): Promise<void> {
    const heads = (await recordLog.heads()).filter((head) => !isClaimLog(head.incident));
    const workers = Array.from({ length: 8 }, async () => {
      for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
        const loaded = await load(head.tenant, head.incident);
        if (loaded.state.head.seq > 0) learn(loaded.state);
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
    for (const head of await recordLog.heads()) {
      if (isClaimLog(head.incident)) continue;
      if ((summaries.get(head.tenant)?.get(head.incident)?.head.seq ?? 0) >= head.seq) continue;
      await exclusively(keyOf(head.tenant, head.incident), async () => {
        const loaded = await load(head.tenant, head.incident);
        await refresh(loaded);
        // A log that was read whole just now has nothing to refresh, and is still news to the index.
        for (const { selector, link } of learn(loaded.state)) {
          await evidenceLog.link(head.tenant, head.incident, selector, link);
        }
      });
    }
  }

  /** The incident's id; where others open incidents too, after a look at what they opened. */
  async function find(tenant: string, refOrId: string): Promise<string | undefined> {
    const known = index.idOf(tenant, refOrId);
    if (known !== undefined || options.sharedLog !== true) return known;
    looking ??= poll().finally(() => {
      looking = undefined;
    });
    await looking;
    return index.idOf(tenant, refOrId);
  }

  async function sweep(): Promise<void> {
    for (const [tenant, ofTenant] of summaries) {
      for (const { id, status, head } of ofTenant.values()) {
        const signed = checkpoints === undefined || (checkpoints.latest(tenant, id)?.seq ?? 0) >= head.seq;
        if (isOver(status) && signed) continue;
        await exclusively(keyOf(tenant, id), async () => {
          if (!isOver(status)) await sweepOne(tenant, id);
          if (checkpoints !== undefined) await signHead(checkpoints, await load(tenant, id));
        });
      }
    }
  }

  async function signHead(checkpoints: CheckpointSigner, loaded: Loaded): Promise<void> {
    const { tenant, id, head } = loaded.state;
    if (!loaded.verified || head.seq === 0) return;
    try {
      await checkpoints.sign(tenant, id, head);
    } catch (error) {
      if (!(error instanceof CheckpointConflict)) throw error;
      loaded.verified = false;
      logger.error({ incident: id, seq: error.signed.seq }, 'the log disagrees with what was signed of it');
    }
  }

  async function sweepOne(tenant: string, incidentId: string): Promise<void> {
    const loaded = await load(tenant, incidentId);
    const { state } = loaded;
    const now = clock();
    const version = options.evidenceVersions?.of(tenant, incidentId) ?? null;
    // Calls are judged again when evidence came or the record moved on, not every half minute for the same answer.
    const quiet =
      version !== null &&
      options.sharedLog !== true &&
      loaded.sweptVersion === version &&
      loaded.sweptSeq === state.head.seq;
    const calls = quiet ? [] : await mutatingCalls(tenant, incidentId);
    if (!quiet) for (const [id] of state.erased) await eraser?.erase(tenant, id, now);
    const unapproved = unapprovedMutations(state, calls, loaded.accounted);
    const aim = (await census.aim(tenant, incidentId, queryAimOf(state), true)) ?? null;
    const due = [...overdueEntries(state, now, policy, aim), ...unapproved];
    if (due.length > 0) {
      const drafts = await Promise.all(due.map((entry) => draftOf(state, entry, now)));
      // Lost to another writer: the next sweep looks again at what is there then.
      if ((await commit(loaded, drafts)) === 'conflict') return refresh(loaded);
    }
    const open = new Set(unapproved.flatMap((each) => each.body['blocks']));
    for (const call of calls) if (!open.has(call.id)) loaded.accounted.add(call.id);
    loaded.sweptVersion = version;
    loaded.sweptSeq = state.head.seq;
  }

  async function draftOf(state: IncidentState, entry: FollowOn, now: Date): Promise<EntryDraft> {
    const cited = await Promise.all(
      citedIn(entry).map(async (id) => {
        const row = isKnown(state, id) ? undefined : await evidenceLog.get(state.tenant, state.id, id);
        return row === undefined ? [] : [citedFact(row)];
      }),
    );
    const facts = cited.flat();
    const body = normalised(entry.type, entry.body);
    return {
      tenant: state.tenant,
      incident: state.id,
      occurredAt: now.toISOString(),
      recordedAt: now.toISOString(),
      entryId: uuidv7(),
      type: entry.type,
      actor: DOCKET_ACTOR,
      body: facts.length === 0 ? body : { ...body, docket: { cited: facts } },
      basis: [],
    };
  }

  async function mutatingCalls(tenant: string, incidentId: string): Promise<readonly MutatingCall[]> {
    if (options.queries !== undefined) return options.queries.mutatingCalls(tenant, incidentId);
    const calls: MutatingCall[] = [];
    let cursor: string | null = null;
    do {
      const page = await evidenceLog.page(tenant, incidentId, {
        kinds: ['tool_call'],
        limit: MAX_CALLS_PER_READ,
        ...(cursor === null ? {} : { cursor }),
      });
      calls.push(...page.items.flatMap((row) => mutatingCallOf(row) ?? []));
      cursor = page.next;
    } while (cursor !== null);
    return calls.reverse();
  }

  async function load(tenant: string, incidentId: string): Promise<Loaded> {
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

  async function read(tenant: string, incidentId: string): Promise<Loaded> {
    const entries = [...(await recordLog.read(tenant, incidentId))];
    const verdict = verifyChain(entries);
    if (!verdict.ok)
      logger.error({ incident: incidentId, seq: verdict.seq, problem: verdict.problem }, 'log does not verify');
    const signed = checkpoints?.latest(tenant, incidentId);
    const standing =
      signed === undefined ? 'agrees' : standingOf(signed, (seq) => entries.find((each) => each.seq === seq)?.hash);
    if (signed !== undefined && standing !== 'agrees') {
      logger.error({ incident: incidentId, seq: signed.seq, standing }, 'the log disagrees with what was signed of it');
    }
    const loaded = freshlyLoaded(fold(tenant, incidentId, entries), entries, verdict.ok && standing === 'agrees');
    cache.set(keyOf(tenant, incidentId), loaded);
    cachedEntries += entries.length;
    evict(keyOf(tenant, incidentId));
    return loaded;
  }

  function evict(keep: string): void {
    for (const [key, loaded] of cache) {
      if (cachedEntries <= maxCachedEntries) return;
      if (key === keep) continue;
      cache.delete(key);
      cachedEntries -= loaded.entries.length;
    }
  }

  function forget(tenant: string, incidentId: string): void {
    const key = keyOf(tenant, incidentId);
    const loaded = cache.get(key);
    if (loaded === undefined) return;
    cache.delete(key);
    cachedEntries -= loaded.entries.length;
  }

  /** Reads what other writers appended since. */
  async function refresh(loaded: Loaded): Promise<void> {
    const { tenant, id } = loaded.state;
    const newer = await recordLog.read(tenant, id, loaded.state.head.seq);
    // Another refresh of the same record may have applied some of them while this one read.
    const fresh = newer.filter((entry) => entry.seq > loaded.state.head.seq);
    if (fresh.length === 0) return;
    const verdict = verifyChain(fresh, loaded.state.head);
    if (!verdict.ok) loaded.verified = false;
    await take(loaded, fresh);
  }

  /** Applies durable entries, tells the index and the followers, and files what arrived before. Returns rows filed. */
  async function take(loaded: Loaded, entries: readonly Entry[]): Promise<number> {
    const { state } = loaded;
    for (const entry of entries) {
      applyEntry(state, entry);
      loaded.entries.push(entry);
      instruments.entries.add(1, { type: entry.type });
    }
    if (cache.get(keyOf(state.tenant, state.id)) === loaded) cachedEntries += entries.length;
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
        logger.warn({ incident: entry.incident, seq: entry.seq, error: errorName(error) }, 'a follower failed');
      }
    }
  }

  /** One command of an incident after the other. */
  async function exclusively<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = queues.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    queues.set(key, settled);
    try {
      return await mine;
    } finally {
      if (queues.get(key) === settled) queues.delete(key);
    }
  }

  async function append(tenant: string, refOrId: string, actor: Actor, command: Command): Promise<CommandResult> {
    const started = performance.now();
    const incidentId = await find(tenant, refOrId);
    if (incidentId === undefined) return { kind: 'unknown_incident' };
    const result = await exclusively(keyOf(tenant, incidentId), () => appendNow(tenant, incidentId, actor, command));
    instruments.appendSeconds.record((performance.now() - started) / 1000, { result: result.kind });
    if (result.kind === 'rejected') instruments.rejections.add(1, { code: result.rejection.code });
    if (result.kind === 'conflict') instruments.conflicts.add(1, { code: result.code });
    return result;
  }

  async function appendNow(
    tenant: string,
    incidentId: string,
    actor: Actor,
    untrusted: Command,
  ): Promise<CommandResult> {
    const checked = checkCommand(tenant, incidentId, actor, untrusted);
    if (!checked.ok) return rejected(checked.rejection);
    const { command } = checked;
    const kind = entryKindOf(command.type);
    if (kind === undefined) return rejected(unknownType());
    if (command.type === 'content.erase' && eraser === undefined) return rejected(cannotErase());
    const isEvidence = command.type === 'evidence.add';
    const schema = isEvidence ? evidenceAddRequest : kind.schema;
    const body = schema.safeParse(command.body);
    if (!body.success) return rejected(invalidBody(fieldProblems(body.error)));
    if (Buffer.byteLength(canonicalJson(body.data)) > MAX_BODY_BYTES) return rejected(tooLarge());

    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const loaded = await load(tenant, incidentId);
      if (options.sharedLog === true && attempt === 0) await refresh(loaded);
      const { state } = loaded;
      if (command.entryId !== undefined) {
        const seq = state.seqByEntryId.get(command.entryId);
        const earlier = seq === undefined ? undefined : loaded.entries[seq - 1];
        if (earlier !== undefined) {
          const same = isEvidence
            ? await repeatsEvidence(earlier, actor, body.data as EvidenceAddRequest, command)
            : repeats(earlier, actor, command.type, body.data, command.basis);
          if (!same) return reused(state.head);
          // What could not be destroyed when it was entered is destroyed when it is sent again.
          if (earlier.type === 'content.erase') await eraseContent(state, earlier);
          return { kind: 'repeated', ...appendedOf(earlier, state.head) };
        }
      }
      if (command.expectedSeq !== undefined && command.expectedSeq !== state.head.seq) {
        return {
          kind: 'conflict',
          code: 'record.stale_expected_seq',
          message: `The record is at entry ${state.head.seq}, not ${command.expectedSeq}.`,
          head: state.head,
          changed: loaded.entries.slice(command.expectedSeq, command.expectedSeq + MAX_CHANGED),
        };
      }
      if (!kind.allowed.includes(actor.kind)) return rejected(notAllowed(command.type, kind.allowed));
      const now = clock();
      const occurredAt = command.occurredAt ?? now.toISOString();
      if (millis(occurredAt) > now.getTime() + MAX_CLOCK_AHEAD_MILLISECONDS) return rejected(inFuture());
      const entryId = command.entryId ?? uuidv7();

      let logged = body.data as JsonObject;
      let row: EvidenceRow | undefined;
      if (isEvidence) {
        const made = evidenceFromRequest({
          tenant,
          incidentId,
          actor,
          entryId,
          request: body.data as EvidenceAddRequest,
          occurredAt,
          receivedAt: now,
          salt: randomBytes(32).toString('hex'),
          policyVersion: policy.version,
        });
        logged = made.body;
        row = made.row;
      }
      const parsed = kind.parse(logged);
      if (!parsed.ok) return rejected(invalidBody(parsed.fields));
      const cited = await citations(state, parsed.parsed, command.basis);
      if (cited.unknown.length > 0) return rejected(unknownBasis(command.type));
      const context: DecisionContext = {
        actor,
        now,
        entryId,
        basis: command.basis,
        policy,
        policyDecision: await policyDecision(tenant, command.policyDecision),
        knowsIncident: (other) => index.knows(tenant, other),
        seal: checkpoints && ((head) => checkpoints.seal(tenant, incidentId, head)),
      };
      const ruling = parsed.parsed.decide(withCited(state, cited.facts), context);
      if (ruling.kind === 'rejected') return rejected(ruling.rejection);

      const docket: JsonObject = {
        ...ruling.docket,
        ...(cited.facts.length === 0 ? {} : { cited: cited.facts }),
      };
      const base = { tenant, incident: incidentId, occurredAt, recordedAt: now.toISOString() };
      const drafts: EntryDraft[] = [
        {
          ...base,
          entryId,
          type: command.type,
          actor,
          body: Object.keys(docket).length === 0 ? parsed.parsed.body : { ...parsed.parsed.body, docket },
          basis: command.basis,
          ...(command.policyDecision === undefined ? {} : { policyDecision: command.policyDecision }),
          ...(command.traceId === undefined ? {} : { traceId: command.traceId }),
          ...(command.spanId === undefined ? {} : { spanId: command.spanId }),
        },
        ...ruling.followOns.map((follow) => ({
          ...base,
          entryId: uuidv7(),
          type: follow.type,
          actor: follow.actor ?? DOCKET_ACTOR,
          body: normalised(follow.type, follow.body),
          basis: [entryId],
        })),
      ];
      // Jumping the queue between here and `append` is what `conflict` is for; the row may wait, the log may not dangle.
      if (row !== undefined) await evidenceLog.put([row]);
      const outcome = await commit(loaded, drafts);
      if (outcome === 'conflict') {
        instruments.conflicts.add(1, { code: 'record.lost_seq' });
        await refresh(loaded);
        continue;
      }
      const [first] = outcome;
      if (first === undefined) throw new Error('an accepted command made no entry');
      if (first.type === 'content.erase') await eraseContent(state, first);
      // What the entry carries is the head before it; the one with it is anchored like any other.
      if (first.type === 'checkpoint.sign' && checkpoints !== undefined) await signHead(checkpoints, loaded);
      return { kind: 'appended', ...appendedOf(first, state.head) };
    }
    const { state } = await load(tenant, incidentId);
    return {
      kind: 'conflict',
      code: 'record.busy',
      message: 'Other writers kept taking the next place in the log.',
      head: state.head,
      changed: [],
    };
  }

  /** The entry is first and says so; the content goes now, and again if this fails and the command is repeated. */
  async function eraseContent(state: IncidentState, entry: Entry): Promise<void> {
    const { evidence } = entry.body;
    if (typeof evidence !== 'string' || eraser === undefined) return;
    await eraser.erase(state.tenant, evidence, clock());
    options.evidenceVersions?.changed(state.tenant);
  }

  /** Seals, stores and takes in. */
  async function commit(loaded: Loaded, drafts: readonly EntryDraft[]): Promise<'conflict' | readonly Entry[]> {
    const { state } = loaded;
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
    await take(loaded, entries);
    return entries;
  }

  /** Which evidence a command cites for the first time, and which ids name nothing of this incident. */
  async function citations(
    state: IncidentState,
    parsed: ParsedEntry,
    basis: readonly string[],
  ): Promise<{ readonly facts: readonly JsonObject[]; readonly unknown: readonly string[] }> {
    const fresh = [...new Set([...parsed.cites, ...basis])].filter((id) => !isKnown(state, id));
    if (fresh.length === 0) return { facts: [], unknown: [] };
    const rows = await Promise.all(fresh.map((id) => evidenceLog.get(state.tenant, state.id, id)));
    return {
      facts: rows.flatMap((row) => (row === undefined ? [] : [citedFact(row)])),
      unknown: fresh.filter((_, position) => rows[position] === undefined),
    };
  }

  async function policyDecision(tenant: string, id: string | undefined): Promise<PolicyDecision | undefined> {
    if (id === undefined || options.findPolicyDecision === undefined) return undefined;
    try {
      return await options.findPolicyDecision(tenant, id);
    } catch (error) {
      logger.warn({ error: errorName(error) }, 'a policy decision could not be read; that denies');
      return undefined;
    }
  }

  async function repeatsEvidence(
    earlier: Entry,
    actor: Actor,
    request: EvidenceAddRequest,
    command: { readonly basis: readonly string[] },
  ): Promise<boolean> {
    if (earlier.type !== 'evidence.add' || !sameActor(earlier.actor, actor)) return false;
    if (canonicalJson(earlier.basis) !== canonicalJson(command.basis)) return false;
    const { evidence } = earlier.body;
    if (typeof evidence !== 'string') return false;
    const row = await evidenceLog.get(earlier.tenant, earlier.incident, evidence);
    const salt = row?.facts['salt'];
    return typeof salt === 'string' && contentDigest(request, salt) === earlier.body['digest'];
  }

  function checkCommand(tenant: string, incidentId: string, actor: Actor, untrusted: Command) {
    const who = actorSchema.safeParse(actor);
    if (!who.success) return { ok: false as const, rejection: invalidCommand(fieldProblems(who.error, 'actor')) };
    const scrubbed = scrubbedOf(untrusted, tenant, incidentId);
    if (!scrubbed.ok) return scrubbed;
    const command = commandSchema.safeParse(scrubbed.value);
    if (!command.success)
      return { ok: false as const, rejection: invalidCommand(fieldProblems(command.error, 'command')) };
    return { ok: true as const, command: command.data };
  }

  function scrubbedOf(
    value: unknown,
    tenant: string,
    incidentId?: string,
  ): { ok: true; value: unknown } | { ok: false; rejection: Rejection } {
    const { scrub } = options;
    try {
      return {
        ok: true,
        value: scrub === undefined ? value : mapText(value, (text) => scrub(text, tenant, incidentId), 0),
      };
    } catch {
      return {
        ok: false,
        rejection: {
          code: 'command.scrub_failed',
          rule: 'invariant 5: nothing unredacted is kept',
          message: 'The text could not be checked for secrets, so it was not kept.',
          satisfiedBy: 'Send it again; if it fails again, send less text.',
        },
      };
    }
  }

  async function open(tenant: string, actor: Actor, request: OpenIncident): Promise<OpenResult> {
    const who = actorSchema.safeParse(actor);
    if (!who.success) return rejected(invalidCommand(fieldProblems(who.error, 'actor')));
    const scrubbed = scrubbedOf(request, tenant);
    if (!scrubbed.ok) return rejected(scrubbed.rejection);
    const parsed = openIncidentSchema.safeParse(scrubbed.value);
    if (!parsed.success) return rejected(invalidCommand(fieldProblems(parsed.error, 'body')));
    const wanted = parsed.data;
    const incidentId = wanted.entryId ?? uuidv7();
    // Another process may have opened it for a request that was sent again here.
    if (wanted.entryId !== undefined) await find(tenant, incidentId);
    return exclusively(keyOf(tenant, incidentId), async (): Promise<OpenResult> => {
      if (index.idOf(tenant, incidentId) === incidentId) return reopened(tenant, incidentId, actor, wanted);
      const now = clock();
      if (wanted.startedAt !== undefined && millis(wanted.startedAt) > now.getTime() + MAX_CLOCK_AHEAD_MILLISECONDS) {
        return rejected(inFuture());
      }
      if (wanted.ref !== undefined && !index.reserveRef(tenant, wanted.ref)) {
        const existing = summaries.get(tenant)?.get(index.idOf(tenant, wanted.ref) ?? '') ?? null;
        return {
          kind: 'conflict',
          code: 'incident.ref_taken',
          message: 'Another incident has this ref.',
          existing,
        };
      }
      const ref = wanted.ref ?? (await nextRef(tenant, incidentId, now));
      try {
        if (wanted.ref !== undefined && !(await claimed(tenant, ref, incidentId, now))) {
          return {
            kind: 'conflict',
            code: 'incident.ref_taken',
            message: 'Another incident has this ref.',
            existing: summaries.get(tenant)?.get(index.idOf(tenant, ref) ?? '') ?? null,
          };
        }
        const base = { tenant, incident: incidentId, occurredAt: now.toISOString(), recordedAt: now.toISOString() };
        const { trigger, bind } = wanted;
        const drafts: EntryDraft[] = [
          {
            ...base,
            entryId: incidentId,
            type: 'incident.open',
            actor,
            body: openBody(wanted, ref),
            basis: [],
          },
          ...(trigger === undefined
            ? []
            : [{ ...base, entryId: uuidv7(), type: 'trigger.add', actor, body: json(trigger), basis: [] }]),
          ...bind.map((binding) => ({
            ...base,
            entryId: uuidv7(),
            type: 'binding.add',
            actor,
            body: json(binding),
            basis: [],
          })),
        ];
        const loaded = freshlyLoaded(fold(tenant, incidentId, []), [], true);
        const entries = sealEntries(loaded.state.head, drafts);
        const outcome = await recordLog.append(entries);
        if (outcome.kind === 'conflict') return reused(loaded.state.head, null);
        cache.set(keyOf(tenant, incidentId), loaded);
        const filed = await take(loaded, entries);
        evict(keyOf(tenant, incidentId));
        return { kind: 'opened', incident: summaryOf(loaded.state), filed };
      } finally {
        index.releaseRef(tenant, ref);
      }
    });
  }

  /** The next `INC-<n>`, held here and, where others open incidents too, claimed before them. */
  async function nextRef(tenant: string, incidentId: string, now: Date): Promise<string> {
    for (let attempt = 0; attempt < MAX_REF_ATTEMPTS; attempt += 1) {
      const ref = index.allocateRef(tenant);
      try {
        if (await claimed(tenant, ref, incidentId, now)) return ref;
      } catch (error) {
        index.releaseRef(tenant, ref);
        throw error;
      }
      index.skipRef(tenant, ref);
    }
    throw new Error('every ref tried was taken by others');
  }

  async function claimed(tenant: string, ref: string, incidentId: string, now: Date): Promise<boolean> {
    if (options.sharedLog !== true) return true;
    return (await claimRef(recordLog, { tenant, ref, incidentId, now })) === 'claimed';
  }

  async function reopened(
    tenant: string,
    incidentId: string,
    actor: Actor,
    wanted: ReturnType<typeof openIncidentSchema.parse>,
  ): Promise<OpenResult> {
    const { state, entries } = await load(tenant, incidentId);
    const [first, ...others] = entries;
    const asked = [
      openBody(wanted, wanted.ref ?? state.ref),
      ...(wanted.trigger === undefined ? [] : [json(wanted.trigger)]),
      ...wanted.bind.map(json),
    ];
    const then = [first, ...others].slice(0, asked.length).map((entry) => entry?.body);
    const openedRef = typeof first?.body['ref'] === 'string' ? first.body['ref'] : '';
    const sameRef = wanted.ref === undefined || wanted.ref === openedRef;
    const same =
      first !== undefined &&
      sameActor(first.actor, actor) &&
      sameRef &&
      canonicalJson(then) === canonicalJson([openBody(wanted, openedRef), ...asked.slice(1)]);
    return same ? { kind: 'repeated', incident: summaryOf(state) } : reused(state.head, null);
  }

  async function bind(tenant: string, refOrId: string, actor: Actor, binding: unknown): Promise<BindResult> {
    const incidentId = await find(tenant, refOrId);
    if (incidentId === undefined) return { kind: 'unknown_incident' };
    const parsed = bindingSchema.safeParse(binding);
    if (!parsed.success) return rejected(invalidBody(fieldProblems(parsed.error)));
    const rule = bindingRule(selectorOf(parsed.data));
    return exclusively(keyOf(tenant, incidentId), async (): Promise<BindResult> => {
      const loaded = await load(tenant, incidentId);
      const existing = loaded.state.bindings.all().find((each) => each.rule === rule);
      const earlier = existing === undefined ? undefined : loaded.entries[existing.seq - 1];
      if (earlier !== undefined) {
        // What could not be filed when it was bound is filed when it is bound again.
        const selector = selectorOf(parsed.data);
        await evidenceLog.link(tenant, incidentId, selector, { mode: 'bound', rule, score: 1 });
        return { kind: 'existing', ...appendedOf(earlier, loaded.state.head) };
      }
      const before = (await evidenceLog.counts(tenant, incidentId)).total;
      const result = await appendNow(tenant, incidentId, actor, { type: 'binding.add', body: json(parsed.data) });
      if (result.kind === 'appended') {
        const { total } = await evidenceLog.counts(tenant, incidentId);
        return { ...result, kind: 'created', filed: Math.max(0, total - before) };
      }
      if (result.kind === 'rejected') return result;
      throw new Error('the log was busy');
    });
  }

  async function current(tenant: string, refOrId: string): Promise<Loaded | undefined> {
    const incidentId = await find(tenant, refOrId);
    if (incidentId === undefined) return undefined;
    const loaded = await load(tenant, incidentId);
    if (options.sharedLog === true) await refresh(loaded);
    return loaded;
  }

  /** What a record is assembled from besides its entries. */
  async function surroundings(loaded: Loaded) {
    const { tenant, id } = loaded.state;
    const [evidence, aim] = await Promise.all([
      census.read(tenant, id),
      census.aim(tenant, id, queryAimOf(loaded.state)),
    ]);
    return {
      evidence,
      aim: aim ?? null,
      policy,
      verified: loaded.verified,
      checkpoint: checkpoints?.latest(tenant, id) ?? null,
    };
  }

  async function record(
    tenant: string,
    refOrId: string,
    { at }: { readonly at?: number } = {},
  ): Promise<IncidentRecord | undefined> {
    const loaded = await current(tenant, refOrId);
    if (loaded === undefined) return undefined;
    const around = await surroundings(loaded);
    if (at === undefined) return assembledNow(loaded, { ...around, now: second(clock()) });
    const last = loaded.entries[at - 1];
    if (last === undefined) return undefined;
    return assemble(stateAt(loaded, at), { ...around, now: new Date(last.recordedAt) });
  }

  async function brief(tenant: string, refOrId: string, { since }: { readonly since?: number } = {}) {
    const loaded = await current(tenant, refOrId);
    if (loaded === undefined) return undefined;
    const shared = { ...(await surroundings(loaded)), now: second(clock()) };
    const full = assembledNow(loaded, shared);
    if (since === undefined) return { json: full.brief, markdown: briefMarkdown(full.brief) };
    const before = since <= 0 ? undefined : assembleWithoutBrief(stateAt(loaded, since), shared);
    const json = composeBrief(full, { now: shared.now, since, ...(before === undefined ? {} : { before }) });
    return { json, markdown: briefMarkdown(json) };
  }

  return {
    index,
    start,
    open,
    append,
    record,
    brief,
    bind,
    markdown: recordMarkdown,
    entryTypes: describeEntryTypes,
    async summary(tenant, refOrId) {
      const loaded = await current(tenant, refOrId);
      return loaded === undefined ? undefined : summaryOf(loaded.state);
    },
    async list(tenant: string, filter: IncidentFilter): Promise<IncidentPage> {
      return listIncidents([...(summaries.get(tenant)?.values() ?? [])], filter);
    },
    async entries(tenant, refOrId, { after, limit }) {
      const loaded = await current(tenant, refOrId);
      if (loaded === undefined) return undefined;
      const from = Math.max(0, after);
      const items = loaded.entries.slice(from, from + Math.min(1_000, Math.max(1, limit)));
      const last = items.at(-1);
      return { items, next: last === undefined || last.seq >= loaded.state.head.seq ? null : last.seq };
    },
    async why(tenant, refOrId, target) {
      const loaded = await current(tenant, refOrId);
      return loaded === undefined ? undefined : whyOf(loaded.state, target);
    },
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
    sweep,
    poll,
    async close() {
      clearInterval(sweeper);
      clearInterval(poller);
      await Promise.allSettled(background);
      await Promise.allSettled(queues.values());
      listeners.clear();
      cache.clear();
      cachedEntries = 0;
    },
  };
}

function freshlyLoaded(state: IncidentState, entries: Entry[], verified: boolean): Loaded {
  return {
    state,
    entries,
    verified,
    history: createRecordHistory(state.tenant, state.id),
    accounted: new Set(),
    sweptVersion: null,
    sweptSeq: 0,
    assembled: null,
  };
}

function assembledNow(loaded: Loaded, from: AssembleOptions): IncidentRecord {
  const { state, assembled } = loaded;
  if (assembled !== null && assembled.seq === state.head.seq && sameOptions(assembled.from, from)) {
    return assembled.record;
  }
  const record = assemble(state, from);
  loaded.assembled = { seq: state.head.seq, from, record };
  return record;
}

function sameOptions(one: AssembleOptions, other: AssembleOptions): boolean {
  return (
    one.now.getTime() === other.now.getTime() &&
    one.evidence === other.evidence &&
    one.aim === other.aim &&
    one.checkpoint === other.checkpoint &&
    one.verified === other.verified
  );
}

// Freshness is told in seconds at most, so all who look within one see the same record.
function second(now: Date): Date {
  return new Date(Math.floor(now.getTime() / 1_000) * 1_000);
}

function stateAt({ state, entries, history }: Loaded, seq: number): IncidentState {
  return seq >= entries.length ? state : history.at(entries, seq);
}

function keyOf(tenant: string, incidentId: string): string {
  return `${tenant}\n${incidentId}`;
}

function rejected(rejection: Rejection): { readonly kind: 'rejected'; readonly rejection: Rejection } {
  return { kind: 'rejected', rejection };
}

function appendedOf(entry: Entry, head: RecordHeadRef): Appended {
  return { seq: entry.seq, hash: entry.hash, entryId: entry.entryId, incidentId: entry.incident, head };
}

// Only what the sender chose is compared: what Docket added, and when it was sent, may differ.
function repeats(earlier: Entry, actor: Actor, type: string, body: unknown, basis: readonly string[]): boolean {
  const { docket: _docket, ...sent } = earlier.body;
  return (
    earlier.type === type &&
    sameActor(earlier.actor, actor) &&
    canonicalJson([sent, earlier.basis]) === canonicalJson([body, basis])
  );
}

function reused(head: RecordHeadRef): CommandResult;
function reused(head: RecordHeadRef, existing: null): OpenResult;
function reused(head: RecordHeadRef, existing?: null): CommandResult | OpenResult {
  const conflict = {
    kind: 'conflict',
    code: 'record.entry_id_reused',
    message: 'Another entry has this entryId. Sending it again must send the same.',
  } as const;
  return existing === null ? { ...conflict, existing } : { ...conflict, head, changed: [] };
}

function withCited(state: IncidentState, facts: readonly JsonObject[]): IncidentState {
  if (facts.length === 0) return state;
  const view = { ...state, evidence: new Map(state.evidence) };
  applyCited(view, { body: { docket: { cited: facts } } });
  return view;
}

function citedIn(entry: FollowOn): readonly string[] {
  const result = entryKindOf(entry.type)?.parse(entry.body);
  return result?.ok === true ? result.parsed.cites : [];
}

/** A body that Docket makes itself, with the defaults filled in as for any other. */
function normalised(type: string, body: JsonObject): JsonObject {
  const result = entryKindOf(type)?.parse(body);
  if (result?.ok !== true) throw new Error(`Docket made a body that ${type} does not allow`);
  return result.parsed.body;
}

function openBody(wanted: ReturnType<typeof openIncidentSchema.parse>, ref: string): JsonObject {
  const { title, severity, services, environments, startedAt } = wanted;
  return { title, ref, severity, services, environments, ...(startedAt === undefined ? {} : { startedAt }) };
}

/** Drops what is undefined: schemas mark optional keys so, JSON does not know them. */
function json(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

const MAX_DEPTH = 64;

// Ids, digests and times are not prose: masking one would break what it names.
const MACHINE_MADE =
  /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64}|\d{4}-\d\d-\d\dT[\d:.]{5,20}(?:Z|[+-]\d\d:\d\d))$/;

function mapText(value: unknown, change: (text: string) => string, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deeply');
  if (typeof value === 'string') return MACHINE_MADE.test(value) ? value : change(value);
  if (Array.isArray(value)) return value.map((each) => mapText(each, change, depth + 1));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapText(each, change, depth + 1)]));
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}

function invalidCommand(fields: readonly FieldProblem[]): Rejection {
  return {
    code: 'command.invalid',
    rule: 'shape',
    message: 'The command does not have the right shape.',
    satisfiedBy: 'Correct the fields named.',
    fields,
  };
}

function invalidBody(fields: readonly FieldProblem[]): Rejection {
  return {
    code: 'command.invalid_body',
    rule: 'shape',
    message: 'The body does not fit the type.',
    satisfiedBy: 'Correct the fields named; the catalogue of entry types has the schema.',
    fields,
  };
}

function unknownType(): Rejection {
  return {
    code: 'command.unknown_type',
    rule: 'shape',
    message: 'There is no such type of entry.',
    satisfiedBy: 'Use a type of the catalogue of entry types.',
  };
}

function tooLarge(): Rejection {
  return {
    code: 'command.too_large',
    rule: 'shape',
    message: `The body is larger than ${MAX_BODY_BYTES / 1024} KB.`,
    satisfiedBy: 'Send less text, or split it.',
  };
}

function inFuture(): Rejection {
  return {
    code: 'command.time_in_future',
    rule: 'shape',
    message: 'The time given lies in the future.',
    satisfiedBy: 'Send when it happened, or leave it out.',
  };
}

function unknownBasis(type: string): Rejection {
  return {
    code: type === 'stance.take' ? 'stance.evidence_unknown' : 'command.unknown_reference',
    rule: 'rule 4: of this incident',
    message: 'It names something that is not of this incident.',
    satisfiedBy: 'Name evidence, entries or items of this incident.',
  };
}

function cannotErase(): Rejection {
  return {
    code: 'content.cannot_erase',
    rule: 'invariant 31: erasure',
    message: 'This Docket cannot destroy content.',
    satisfiedBy: 'Run it with a store that can.',
  };
}

function notAllowed(type: string, allowed: readonly Actor['kind'][]): Rejection {
  return {
    code: allowed.includes('human') ? `${type}_needs_human` : `${type}_is_dockets_own`,
    rule: 'rule 5 and 12: what an agent may not decide',
    message: `This type is not open to this kind of actor.`,
    satisfiedBy: `One of these sends it: ${allowed.join(', ')}.`,
  };
}
