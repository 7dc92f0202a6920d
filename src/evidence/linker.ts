import type { Meter } from '@opentelemetry/api';
import type { BatchLimits, ConsumeOutcome, FrameBatch, FrameConsumer } from '../pipeline/consumer.ts';
import type { SpooledFrame } from '../pipeline/frame.ts';
import { createTimeSlice, type TimeSlice } from '../pipeline/time-slice.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { IncidentIndex } from '../record/incident-index.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Act } from './act.ts';
import { createActFiling, type ActFiling } from './act-filing.ts';
import { tenantKey } from './act-key.ts';
import { createActWindow, type ActWindow, type ActWindowOptions } from './act-window.ts';
import { alertOfRecord } from './alerts/alert-record.ts';
import type { TelemetryAlerts } from './alerts/telemetry-alerts.ts';
import { selectInTurns, type Selection } from './candidates.ts';
import {
  approvalContribution,
  askedCalls,
  asksForMore,
  contributionOf,
  failureContribution,
  incidentRefs,
  resourceRefs,
  requestContribution,
  type Contribution,
  type RecordContext,
} from './contribution.ts';
import { createEvidenceInstruments, type EvidenceInstruments } from './instruments.ts';
import { createPace } from './pace.ts';
import { recognise } from './recognise.ts';
import { spanParents } from './span-parents.ts';
import { createStoredActs, type StoredActs } from './stored-acts.ts';
import type { Recognised } from './recognised.ts';
import { createRowWriter, type RowWriter } from './row-writer.ts';
import { createSetAside, type SetAside } from './set-aside.ts';
import type { LogRecord, SpanRecord, TelemetryRecord } from './telemetry-record.ts';
import { textKey } from './window-key.ts';
import { reapplyToWindow, type PolicyAgain } from './window-again.ts';

export interface LinkerOptions {
  readonly evidenceLog: EvidenceLog;
  readonly incidents: IncidentIndex;
  /** Gets the alerts among the records; without it they are rows and no more. */
  readonly alerts?: TelemetryAlerts;
  readonly window?: ActWindowOptions;
  readonly meter: Meter;
  readonly logger: Logger;
}

/**
 * Turns redacted telemetry into evidence rows keyed to incidents: recognises agent work in every dialect, folds what
 * several records say about one act into one row, asks the incident index whose it is, and stores the rows. Rows no
 * incident claims are stored unfiled. Consuming a batch again changes nothing.
 */
export function createLinker(options: LinkerOptions): EvidenceLinker {
  return new Linker(options);
}

export interface EvidenceLinker extends FrameConsumer {
  /**
   * Redacts again what the linker remembers of a tenant, between batches. Resolves to the number of acts that held what another policy
   * had let in; 0 when nothing is left of it. Fails as the evidence log does, and with what `redact` throws.
   */
  reapply(policy: PolicyAgain): Promise<number>;
}

const NO_REDACTIONS: RecordContext['redactions'] = [];
const NOTHING_SAID: readonly Contribution[] = [];

/**
 * What a record says: of what it tells, then of what it decides and asks for. The record itself is not kept: a batch's would outlive
 * several collections, each of which copies them.
 */
interface Found {
  readonly said: readonly Contribution[];
  /** An alert's, which is handed on. */
  readonly alert: LogRecord | undefined;
}

/** An alert's record and the act it was added to. */
interface FoundAlert {
  readonly act: Act;
  readonly record: LogRecord;
}

interface ReadFrame {
  readonly frame: SpooledFrame;
  readonly found: readonly Found[];
  readonly setAside: number;
}

/** Traces by tenant. */
type Traces = Map<string, Set<string>>;

/** Of all frames of a batch. */
interface Heard {
  /** Traces of calls that may be stored. */
  readonly wanted: Traces;
  /** Records by dialect and kind. */
  readonly counts: Map<string, Map<string, number>>;
  /** Records whose model asks for more calls than are read. */
  askForMore: number;
}

class Linker implements EvidenceLinker {
  readonly name = 'linker';
  readonly #pace = createPace();
  readonly #alerts: TelemetryAlerts | undefined;
  readonly #logger: Logger;
  readonly #instruments: EvidenceInstruments;
  readonly #setAside: SetAside;
  readonly #window: ActWindow;
  readonly #filing: ActFiling;
  readonly #storedActs: StoredActs;
  readonly #writer: RowWriter;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LinkerOptions) {
    const { evidenceLog, incidents } = options;
    const instruments = createEvidenceInstruments(options.meter);
    const setAside = createSetAside(instruments, options.logger);
    const window = createActWindow(options.window);
    const filing = createActFiling(window, incidents, setAside);
    const storedActs = createStoredActs({ evidenceLog, window, filing });
    this.#alerts = options.alerts;
    this.#logger = options.logger;
    this.#instruments = instruments;
    this.#setAside = setAside;
    this.#window = window;
    this.#filing = filing;
    this.#storedActs = storedActs;
    this.#writer = createRowWriter({ evidenceLog, incidents, window, filing, storedActs, instruments });
  }

  /** Asked for before each batch. */
  get batch(): BatchLimits {
    return this.#pace.limits();
  }

  consume(batch: FrameBatch): Promise<ConsumeOutcome> {
    return this.#alone(() => this.#consume(batch));
  }

  reapply(policy: PolicyAgain): Promise<number> {
    return this.#alone(async () => {
      const { changed, touched } = await reapplyToWindow(this.#window, policy);
      if (touched.size > 0) await this.#writer.write(touched);
      return changed;
    });
  }

  /** One at a time: both work on the window between waits for the store. */
  #alone<Outcome>(work: () => Promise<Outcome>): Promise<Outcome> {
    const run = this.#last.then(work);
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #consume(batch: FrameBatch): Promise<ConsumeOutcome> {
    const touched = new Set<Act>();
    const alerts: FoundAlert[] = [];
    let setAside = 0;
    const read: ReadFrame[] = [];
    const heard: Heard = { wanted: new Map(), counts: new Map(), askForMore: 0 };
    const { refused, folded, crowded } = this.#window;
    const turnMs = this.#pace.begin(batch.frames[0]?.receivedAtUnixNano ?? 0n);
    const slice = createTimeSlice(turnMs);
    for (const frame of batch.frames) {
      const each = await this.#read(frame, touched, heard, slice);
      setAside += each.setAside;
      if (each.found.length > 0) read.push(each);
      if (slice.isOver()) await slice.next();
    }
    try {
      await this.#storedActs.recallTraces(heard.wanted);
      for (const [dialect, ofKind] of heard.counts) {
        for (const [kind, records] of ofKind) this.#instruments.recognised.add(records, { dialect, kind });
      }
      this.#instruments.bounded.add(heard.askForMore, { bound: 'requested_calls' });
      for (const each of read) {
        setAside += await this.#contributeAll(each, touched, alerts, slice);
        if (slice.isOver()) await slice.next();
      }
      this.#instruments.bounded.add(this.#window.refused - refused, { bound: 'failures_per_trace' });
      this.#instruments.bounded.add(this.#window.folded - folded, { bound: 'identical_calls' });
      this.#instruments.bounded.add(this.#window.crowded - crowded, { bound: 'records_of_act' });
      await this.#writer.write(touched, turnMs);
      for (const each of alerts) await this.#takeAlert(each);
    } catch (error) {
      const code = error instanceof Error ? error.name : 'unknown';
      this.#logger.warn({ error: code, batch: batch.id }, 'evidence rows could not be stored, trying again');
      return { kind: 'retryable', reason: 'evidence rows could not be stored' };
    }
    const now = BigInt(Date.now()) * 1_000_000n;
    for (const frame of batch.frames) {
      this.#instruments.delay.record(Number(now - frame.receivedAtUnixNano) / 1e9, { signal: frame.signal });
    }
    return { kind: 'accepted', setAside };
  }

  /** Recognises a frame's records and takes its span tree into the window. In turns, as one request may hold a million records. */
  async #read(frame: SpooledFrame, touched: Set<Act>, heard: Heard, slice: TimeSlice): Promise<ReadFrame> {
    let selection: Selection;
    try {
      const selecting = selectInTurns(frame.signal, frame.bytes);
      let step = selecting.next();
      for (; step.done !== true; step = selecting.next()) if (slice.isOver()) await slice.next();
      selection = step.value;
    } catch (error) {
      this.#setAside(frame.signal, error, frame.items);
      return { frame, found: [], setAside: frame.items };
    }
    const { records, naming, items } = selection;
    this.#instruments.seen.add(items, { signal: frame.signal });
    for (const span of naming) this.#rememberNaming(frame.tenant, span, touched);
    if (records.length === 0) {
      this.#rememberParents(frame, naming);
      return { frame, found: [], setAside: 0 };
    }
    this.#instruments.candidates.add(records.length, { signal: frame.signal });
    const facts = new Map(frame.facts.map((each) => [each.item, each]));
    const receipts = new Map(frame.receipts.map((each) => [each.item, each.redactions]));
    const found: Found[] = [];
    let setAside = 0;
    for (const record of records) {
      if (slice.isOver()) await slice.next();
      const context: RecordContext = {
        frame,
        record,
        facts: facts.get(record.ordinal),
        redactions: receipts.get(record.ordinal) ?? NO_REDACTIONS,
      };
      try {
        const recognised = recognise(record);
        if (recognised !== undefined) {
          if (asksForMore(recognised)) heard.askForMore += 1;
          count(heard.counts, recognised.dialect, recognised.kind ?? 'none');
          this.#rememberSpan(context, recognised, touched);
        } else if (record.signal === 'traces') this.#rememberNaming(frame.tenant, record, touched);
        const calls = recognised === undefined ? [] : askedCalls(recognised, context.facts);
        const said = saidBy(context, recognised, calls);
        if (calls.length > 0 || recognised?.kind === 'tool_call') this.#wantStored(context, heard.wanted);
        const mayBeAlert = recognised?.kind === 'alert' || recognised?.joinsSpan === true;
        const alert = mayBeAlert && record.signal === 'logs' ? record : undefined;
        if (said.length > 0) found.push({ said, alert });
      } catch (error) {
        setAside += 1;
        this.#setAside(frame.signal, error, 1);
      }
    }
    this.#rememberParents(frame, naming.length === 0 ? records : [...records, ...naming]);
    return { frame, found, setAside };
  }

  /** Adds what a frame's records say to their acts. Returns how many were set aside. */
  async #contributeAll(
    { frame, found }: ReadFrame,
    touched: Set<Act>,
    alerts: FoundAlert[],
    slice: TimeSlice,
  ): Promise<number> {
    let setAside = 0;
    for (const { said, alert } of found) {
      if (slice.isOver()) await slice.next();
      try {
        for (const contribution of said) {
          const act = this.#add(contribution, touched);
          if (act?.kind === 'alert' && alert !== undefined) alerts.push({ act, record: alert });
        }
      } catch (error) {
        setAside += 1;
        this.#setAside(frame.signal, error, 1);
      }
    }
    return setAside;
  }

  #rememberSpan({ frame, record }: RecordContext, recognised: Recognised, touched: Set<Act>): void {
    if (record.signal !== 'traces') return;
    const acts = this.#window.addSpan(frame.tenant, record.traceId, record.spanId, record.parentSpanId, {
      tenant: frame.tenant,
      agentName: recognised.agentName,
      agentId: recognised.agentId,
      conversationId: recognised.conversationId,
      sessionId: recognised.sessionId,
      refs: incidentRefs(record),
      resourceRefs: resourceRefs(record),
    });
    for (const act of acts) touched.add(act);
  }

  /** What an ordinary span names holds for agent work under it. What its resource names is about the service. */
  #rememberNaming(tenant: string, span: SpanRecord, touched: Set<Act>): void {
    const refs = incidentRefs(span);
    if (refs.length === 0) return;
    const { traceId, spanId, parentSpanId } = span;
    const context = { tenant, agentName: '', agentId: '', conversationId: '', sessionId: '', refs, resourceRefs: [] };
    for (const act of this.#window.addSpan(tenant, traceId, spanId, parentSpanId, context)) touched.add(act);
  }

  /** The span tree of traces with agent work, ordinary spans included. */
  #rememberParents(frame: SpooledFrame, records: readonly TelemetryRecord[]): void {
    if (frame.signal !== 'traces' || records.length === 0) return;
    const scope = tenantKey(frame.tenant);
    const traces = new Set(records.map((record) => textKey(scope, record.traceId)));
    this.#window.addParents(spanParents(frame.bytes, scope, traces));
  }

  #wantStored({ frame, record }: RecordContext, wanted: Traces): void {
    const { tenant, receivedAtUnixNano } = frame;
    const { traceId } = record;
    const startedAtUnixNano = record.signal === 'traces' ? record.startTimeUnixNano : record.timeUnixNano;
    if (!this.#storedActs.mayHaveCalls({ tenant, traceId, startedAtUnixNano, receivedAtUnixNano })) return;
    const traces = wanted.get(tenant) ?? new Set();
    traces.add(traceId);
    wanted.set(tenant, traces);
  }

  #add(contribution: Contribution, touched: Set<Act>): Act | undefined {
    const act = this.#window.add(contribution);
    if (act !== undefined) touched.add(act);
    return act;
  }

  /** After its row is stored, so that what fails here is delivered again. */
  async #takeAlert({ act, record }: FoundAlert): Promise<void> {
    if (this.#alerts === undefined) return;
    const row = this.#filing.rowOf(act);
    if (row === undefined) return;
    await this.#alerts.take(alertOfRecord(record, row), { ...row, incident: '', state: 'unfiled', link: null });
  }
}

/** Nothing, of a record that makes no act, or is about somebody else's. */
function saidBy(
  context: RecordContext,
  recognised: Recognised | undefined,
  calls: ReturnType<typeof askedCalls>,
): readonly Contribution[] {
  const { record } = context;
  if (recognised === undefined) {
    const failed = record.signal === 'logs' || record.statusCode === 2;
    const names = incidentRefs(record).length + resourceRefs(record).length > 0;
    return failed && names ? [failureContribution(context)] : NOTHING_SAID;
  }
  if (recognised.kind === null) return NOTHING_SAID;
  const contribution = contributionOf(context, recognised, recognised.kind);
  if (recognised.approval === '' && calls.length === 0) return [contribution];
  const said = [contribution];
  if (recognised.approval !== '') said.push(approvalContribution(contribution, recognised.approval));
  for (const call of calls) said.push(requestContribution(contribution, call));
  return said;
}

function count(counts: Map<string, Map<string, number>>, dialect: string, kind: string): void {
  const ofKind = counts.get(dialect) ?? new Map<string, number>();
  counts.set(dialect, ofKind);
  ofKind.set(kind, (ofKind.get(kind) ?? 0) + 1);
}
