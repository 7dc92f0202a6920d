import type { Meter } from '@opentelemetry/api';
import type { ConsumeOutcome, FrameBatch, FrameConsumer } from '../pipeline/consumer.ts';
import type { SpooledFrame } from '../pipeline/frame.ts';
import { createTimeSlice } from '../pipeline/time-slice.ts';
import type { EvidenceLink, EvidenceRow, LinkMode } from '../record/evidence.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { IncidentIndex } from '../record/incident-index.ts';
import type { Logger } from '../telemetry/logger.ts';
import { isAsWritten, noteFiled, noteUnchanged, noteWritten, type Act, type Inherited } from './act.ts';
import { createActWindow, type ActWindow, type ActWindowOptions } from './act-window.ts';
import { alertOfRecord } from './alerts/alert-record.ts';
import type { TelemetryAlerts } from './alerts/telemetry-alerts.ts';
import { selectCandidates, type Selection } from './candidates.ts';
import {
  approvalContribution,
  contributionOf,
  failureContribution,
  incidentRefs,
  resourceRefs,
  requestContribution,
  storedContribution,
  type Contents,
  type RecordContext,
} from './contribution.ts';
import { rowOf } from './evidence-row.ts';
import { createEvidenceInstruments, type EvidenceInstruments } from './instruments.ts';
import { recognise } from './recognise.ts';
import type { Recognised } from './recognised.ts';
import { spanParents } from './span-parents.ts';
import type { LogRecord, TelemetryRecord } from './telemetry-record.ts';

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
export function createLinker(options: LinkerOptions): FrameConsumer {
  return new Linker(options);
}

/** For so long after the start, acts that began before it may have a row that this process did not write. */
const LOOK_UP_AFTER_START_MS = 10 * 60 * 1000;
/** Acts and incidents of one look-up. */
const ACTS_AT_ONCE = 200;
const INCIDENTS_AT_ONCE = 1_000;
/** A record that arrives so long after it began may be about a call that the window has forgotten. */
const LATE_NANOSECONDS = 60_000_000_000n;
/** Traces of one look-up. */
const TRACES_AT_ONCE = 200;
/** Ids of one call to the evidence log. */
const REMOVED_MAX = 1_000;
const NO_REDACTIONS: RecordContext['redactions'] = [];

interface Found {
  readonly context: RecordContext;
  readonly recognised: Recognised | undefined;
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

class Linker implements FrameConsumer {
  readonly name = 'linker';
  readonly batch = { framesMax: 256, bytesMax: 8 * 1024 * 1024, lingerMs: 20 };
  readonly #evidenceLog: EvidenceLog;
  readonly #incidents: IncidentIndex;
  readonly #alerts: TelemetryAlerts | undefined;
  readonly #logger: Logger;
  readonly #instruments: EvidenceInstruments;
  readonly #window: ActWindow;
  readonly #startedAtMs = Date.now();
  readonly #startedAtUnixNano = BigInt(this.#startedAtMs) * 1_000_000n;

  constructor(options: LinkerOptions) {
    this.#evidenceLog = options.evidenceLog;
    this.#incidents = options.incidents;
    this.#alerts = options.alerts;
    this.#logger = options.logger;
    this.#window = createActWindow(options.window);
    this.#instruments = createEvidenceInstruments(options.meter);
  }

  async consume(batch: FrameBatch): Promise<ConsumeOutcome> {
    const touched = new Set<Act>();
    const alerts: FoundAlert[] = [];
    let setAside = 0;
    const read: ReadFrame[] = [];
    const slice = createTimeSlice();
    for (const frame of batch.frames) {
      const each = this.#read(frame, touched);
      setAside += each.setAside;
      if (each.found.length > 0) read.push(each);
      if (slice.isOver()) await slice.next();
    }
    try {
      await this.#lookUpTraces(read);
      for (const each of read) {
        setAside += this.#contributeAll(each, touched, alerts);
        if (slice.isOver()) await slice.next();
      }
      await this.#write(touched);
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

  /** Recognises a frame's records and takes its span tree into the window. */
  #read(frame: SpooledFrame, touched: Set<Act>): ReadFrame {
    let selection: Selection;
    try {
      selection = selectCandidates(frame.signal, frame.bytes);
    } catch (error) {
      this.#setAside(frame.signal, error, frame.items);
      return { frame, found: [], setAside: frame.items };
    }
    const { records, items } = selection;
    this.#instruments.seen.add(items, { signal: frame.signal });
    if (records.length === 0) return { frame, found: [], setAside: 0 };
    this.#instruments.candidates.add(records.length, { signal: frame.signal });
    const facts = new Map(frame.facts.map((each) => [each.item, each]));
    const receipts = new Map(frame.receipts.map((each) => [each.item, each.redactions]));
    const found: Found[] = [];
    let setAside = 0;
    for (const record of records) {
      const context: RecordContext = {
        frame,
        record,
        facts: facts.get(record.ordinal),
        redactions: receipts.get(record.ordinal) ?? NO_REDACTIONS,
      };
      try {
        const recognised = recognise(record);
        if (recognised !== undefined) this.#rememberSpan(context, recognised, touched);
        found.push({ context, recognised });
      } catch (error) {
        setAside += 1;
        this.#setAside(frame.signal, error, 1);
      }
    }
    this.#rememberParents(frame, records);
    return { frame, found, setAside };
  }

  /** Brings the stored calls of traces that began before this process, or long ago, back into the window. */
  async #lookUpTraces(read: readonly ReadFrame[]): Promise<void> {
    const wanted = new Map<string, Set<string>>();
    for (const { frame, found } of read) {
      for (const { context, recognised } of found) {
        const { record } = context;
        const isCall = recognised?.kind === 'tool_call' || (recognised?.requestedCalls.length ?? 0) > 0;
        if (!isCall || record.traceId === '' || this.#window.knowsTrace(frame.tenant, record.traceId)) continue;
        const startedAt = record.signal === 'traces' ? record.startTimeUnixNano : record.timeUnixNano;
        const isLate = frame.receivedAtUnixNano - startedAt > LATE_NANOSECONDS;
        if (
          !isLate &&
          startedAt >= this.#startedAtUnixNano &&
          !this.#window.hasForgottenTrace(frame.tenant, record.traceId)
        ) {
          continue;
        }
        const traces = wanted.get(frame.tenant) ?? new Set();
        traces.add(record.traceId);
        wanted.set(frame.tenant, traces);
      }
    }
    for (const [tenant, traces] of wanted) {
      const ids = [...traces];
      for (let at = 0; at < ids.length; at += TRACES_AT_ONCE) {
        const chunk = ids.slice(at, at + TRACES_AT_ONCE);
        const rows = await this.#evidenceLog.toolCalls(tenant, chunk);
        for (const traceId of chunk) {
          const ofTrace = rows.filter((row) => row.source.traceId === traceId);
          this.#window.addStoredTrace(tenant, traceId, ofTrace);
        }
      }
    }
  }

  /** Adds what a frame's records say to their acts. Returns how many were set aside. */
  #contributeAll({ frame, found }: ReadFrame, touched: Set<Act>, alerts: FoundAlert[]): number {
    let setAside = 0;
    const { refused, folded } = this.#window;
    const counts = new Map<string, Map<string, number>>();
    for (const { context, recognised } of found) {
      try {
        if (recognised !== undefined) count(counts, recognised.dialect, recognised.kind ?? 'none');
        const act = this.#contribute(context, recognised, touched);
        const { record } = context;
        if (act?.kind === 'alert' && record.signal === 'logs') alerts.push({ act, record });
      } catch (error) {
        setAside += 1;
        this.#setAside(frame.signal, error, 1);
      }
    }
    for (const [dialect, ofKind] of counts) {
      for (const [kind, records] of ofKind) this.#instruments.recognised.add(records, { dialect, kind });
    }
    this.#instruments.bounded.add(this.#window.refused - refused, { bound: 'failures_per_trace' });
    this.#instruments.bounded.add(this.#window.folded - folded, { bound: 'identical_calls' });
    return setAside;
  }

  #setAside(signal: string, error: unknown, records: number): void {
    const reason = error instanceof Error ? error.name : 'unknown';
    this.#instruments.failed.add(records, { signal, reason });
    // The error's own message may quote the record.
    this.#logger.warn({ signal, records, reason }, 'records could not be made evidence');
  }

  #rememberSpan({ frame, record }: RecordContext, recognised: Recognised, touched: Set<Act>): void {
    if (record.signal !== 'traces') return;
    const acts = this.#window.addSpan(frame.tenant, record.traceId, record.spanId, record.parentSpanId, {
      agentName: recognised.agentName,
      agentId: recognised.agentId,
      conversationId: recognised.conversationId,
      sessionId: recognised.sessionId,
      refs: incidentRefs(record),
      resourceRefs: resourceRefs(record),
    });
    for (const act of acts) touched.add(act);
  }

  /** The span tree of traces with agent work, ordinary spans included. */
  #rememberParents(frame: SpooledFrame, records: readonly TelemetryRecord[]): void {
    if (frame.signal !== 'traces') return;
    const traces = new Set(records.map((record) => record.traceId));
    for (const [traceId, parents] of spanParents(frame.bytes, traces)) {
      this.#window.addParents(frame.tenant, traceId, parents);
    }
  }

  /** The act that the record tells of; undefined when it makes none, or is about somebody else's. */
  #contribute(context: RecordContext, recognised: Recognised | undefined, touched: Set<Act>): Act | undefined {
    const { record } = context;
    if (recognised === undefined) {
      const failed = record.signal === 'logs' || record.statusCode === 2;
      if (!failed || incidentRefs(record).length + resourceRefs(record).length === 0) return undefined;
      return this.#add(failureContribution(context), touched);
    }
    if (recognised.kind === null) return undefined;
    const contribution = contributionOf(context, recognised, recognised.kind);
    const act = this.#add(contribution, touched);
    if (recognised.approval !== '') this.#add(approvalContribution(contribution, recognised.approval), touched);
    for (const call of recognised.requestedCalls) this.#add(requestContribution(contribution, call), touched);
    return act;
  }

  #add(contribution: Parameters<ActWindow['add']>[0], touched: Set<Act>): Act | undefined {
    const act = this.#window.add(contribution);
    if (act !== undefined) touched.add(act);
    return act;
  }

  /** After its row is stored, so that what fails here is delivered again. */
  async #takeAlert({ act, record }: FoundAlert): Promise<void> {
    if (this.#alerts === undefined) return;
    const row = this.#rowOf(act);
    if (row === undefined) return;
    await this.#alerts.take(alertOfRecord(record, row), { ...row, incident: '', state: 'unfiled', link: null });
  }

  async #write(touched: ReadonlySet<Act>): Promise<void> {
    const version = this.#incidents.version;
    await this.#lookUpStored(touched);
    await this.#takeBackContent(touched);
    const absorbed = new Set([...touched].flatMap((act) => act.absorbed));
    const rows: EvidenceRow[] = [];
    const written: { act: Act; digest: string; inherited: Inherited; links: ReadonlyMap<string, EvidenceLink> }[] = [];
    const slice = createTimeSlice();
    for (const act of touched) {
      if (slice.isOver()) await slice.next();
      // What is still without its content is as it was written.
      if (absorbed.has(act) || act.released) continue;
      const inherited = this.#window.inherited(act);
      const row = this.#rowOf(act, inherited);
      if (row === undefined) continue;
      const links = this.#links(act, row);
      const changed =
        row.digest !== act.writtenDigest || [...links.keys()].some((incident) => !act.filed.has(incident));
      if (!changed) {
        noteUnchanged(act, inherited);
        continue;
      }
      const unknownRefs = row.namedRefs.filter((ref) => !this.#incidents.knows(act.tenant, ref));
      const namedRefs = unknownRefs.length === row.namedRefs.length ? row.namedRefs : unknownRefs;
      written.push({ act, digest: row.digest, inherited, links });
      if (links.size === 0) rows.push(namedRefs === row.namedRefs ? row : { ...row, namedRefs });
      for (const [incident, link] of links) rows.push({ ...row, namedRefs, incident, state: 'linked', link });
    }
    for (const { act, links } of written) {
      // Filing takes the row out of the unfiled ones, which writing it under an incident alone would not.
      const [first] = links;
      if (first !== undefined && act.filed.has('')) {
        await this.#evidenceLog.file(act.tenant, first[0], [act.id], first[1]);
      }
    }
    if (rows.length > 0) await this.#evidenceLog.put(rows);
    for (const { act, digest, inherited, links } of written) noteWritten(act, digest, inherited, links);
    await this.#removeAbsorbed(touched);
    this.#window.release();
    const byLink = new Map<LinkMode | 'unfiled', number>();
    for (const { link } of rows) byLink.set(link?.mode ?? 'unfiled', (byLink.get(link?.mode ?? 'unfiled') ?? 0) + 1);
    for (const [link, count] of byLink) this.#instruments.rows.add(count, { link });
    if (this.#incidents.version !== version) await this.#incidents.relink(version);
  }

  /** Undefined, and counted, when what was said about the act makes no row. */
  #rowOf(act: Act, inherited = this.#window.inherited(act)): EvidenceRow | undefined {
    try {
      return rowOf(act, inherited);
    } catch (error) {
      this.#setAside('row', error, 1);
      return undefined;
    }
  }

  /** Reads the content of acts whose rows change back from the store: the window keeps that of the latest acts only. */
  async #takeBackContent(touched: ReadonlySet<Act>): Promise<void> {
    const byTenant = new Map<string, Act[]>();
    for (const act of touched) {
      if (!this.#lacksContent(act)) continue;
      const lacking = byTenant.get(act.tenant);
      if (lacking === undefined) byTenant.set(act.tenant, [act]);
      else lacking.push(act);
    }
    for (const [tenant, lacking] of byTenant) {
      const ids = lacking.flatMap((act) => [...act.absorbed, act].filter((each) => each.released).map(({ id }) => id));
      const stored = new Map<string, Contents>();
      for (let at = 0; at < ids.length; at += ACTS_AT_ONCE) {
        const found = await this.#evidenceLog.contents(tenant, ids.slice(at, at + ACTS_AT_ONCE));
        for (const [id, content] of found) stored.set(id, content);
      }
      for (const act of lacking) this.#window.takeBack(act, stored);
    }
  }

  #lacksContent(act: Act): boolean {
    if (act.absorbed.some((each) => each.released)) return true;
    if (!act.released) return false;
    const inherited = this.#window.inherited(act);
    if (!isAsWritten(act, inherited)) return true;
    const row = this.#rowOf(act, inherited);
    return row !== undefined && [...this.#links(act, row).keys()].some((incident) => !act.filed.has(incident));
  }

  /**
   * Lays stored rows under acts that this process has not written: their first records may have come before a restart, or
   * so long ago that the window forgot them. Only acts with a call id have an id that a stored row can be found by.
   */
  async #lookUpStored(touched: ReadonlySet<Act>): Promise<void> {
    const byTenant = new Map<string, Act[]>();
    for (const act of touched) {
      if (!this.#mayBeStored(act)) continue;
      const pending = byTenant.get(act.tenant);
      if (pending === undefined) byTenant.set(act.tenant, [act]);
      else pending.push(act);
    }
    for (const [tenant, pending] of byTenant) {
      for (let at = 0; at < pending.length; at += ACTS_AT_ONCE) {
        await this.#lookUp(tenant, pending.slice(at, at + ACTS_AT_ONCE));
      }
    }
  }

  #mayBeStored(act: Act): boolean {
    if (act.kind !== 'tool_call' || act.filed.size > 0) return false;
    const { contributions } = act;
    if (!contributions.some((each) => each.tool !== null && each.tool.callId !== '')) return false;
    const isNew = Date.now() - this.#startedAtMs < LOOK_UP_AFTER_START_MS;
    const beganBefore = contributions.some((each) => each.startUnixNano < this.#startedAtUnixNano);
    // What leads the row is here; only a restart can have parted it from the rest.
    if (contributions.some((each) => each.tool?.role === 'execute')) return isNew && beganBefore;
    return (
      isNew ||
      beganBefore ||
      this.#window.hasForgotten(act.id) ||
      contributions.some((each) => each.receivedAtUnixNano - each.startUnixNano > LATE_NANOSECONDS)
    );
  }

  async #lookUp(tenant: string, pending: readonly Act[]): Promise<void> {
    const incidentsOf = new Map<string, { readonly act: Act; readonly incidents: ReadonlySet<string> }>();
    const incidents = new Set<string>();
    for (const act of pending) {
      const row = this.#rowOf(act);
      if (row === undefined) continue;
      const own = new Set(['', ...this.#links(act, row).keys()]);
      incidentsOf.set(act.id, { act, incidents: own });
      for (const incident of own) incidents.add(incident);
    }
    const all = [...incidents];
    for (let at = 0; at < all.length; at += INCIDENTS_AT_ONCE) {
      const stored = await this.#evidenceLog.copies(tenant, all.slice(at, at + INCIDENTS_AT_ONCE), [
        ...incidentsOf.keys(),
      ]);
      for (const row of stored) {
        const found = incidentsOf.get(row.id);
        if (found === undefined || !found.incidents.has(row.incident)) continue;
        this.#window.addStored(found.act, storedContribution(row));
        noteFiled(found.act, row.incident, row.link);
      }
    }
  }

  /** Rows of acts that turned out to be part of another one, whose row has just been written. */
  async #removeAbsorbed(touched: ReadonlySet<Act>): Promise<void> {
    const byTenant = new Map<string, string[]>();
    for (const act of touched) {
      for (const { id, filed } of act.absorbed) {
        if (filed.size > 0) byTenant.set(act.tenant, [...(byTenant.get(act.tenant) ?? []), id]);
      }
    }
    for (const [tenant, ids] of byTenant) {
      for (let at = 0; at < ids.length; at += REMOVED_MAX) {
        await this.#evidenceLog.remove(tenant, ids.slice(at, at + REMOVED_MAX));
      }
    }
    for (const act of touched) act.absorbed = [];
  }

  /** The strongest link per incident: those the row was written with and those the index knows now. */
  #links(act: Act, row: EvidenceRow): ReadonlyMap<string, EvidenceLink> {
    const links = new Map<string, EvidenceLink>();
    for (const { filed } of [...act.absorbed, act]) {
      for (const [incident, link] of filed) if (link !== null) links.set(incident, link);
    }
    const namedTraceIds = row.facts['traceIds'];
    const resolved = this.#incidents.resolve(act.tenant, {
      refs: row.namedRefs,
      traceId: row.source.traceId,
      conversationId: row.conversationId,
      sessionId: row.sessionId,
      agent: row.actor.kind === 'agent' ? row.actor.name : '',
      service: row.service,
      environment: row.environment,
      occurredAtUnixNano: row.occurredAtUnixNano,
      namedTraceIds: Array.isArray(namedTraceIds) ? (namedTraceIds as readonly string[]) : [],
    });
    for (const { incidentId, link } of resolved) {
      const known = links.get(incidentId);
      if (known === undefined || STRENGTH[link.mode] > STRENGTH[known.mode]) links.set(incidentId, link);
    }
    return links;
  }
}

function count(counts: Map<string, Map<string, number>>, dialect: string, kind: string): void {
  const ofKind = counts.get(dialect) ?? new Map<string, number>();
  counts.set(dialect, ofKind);
  ofKind.set(kind, (ofKind.get(kind) ?? 0) + 1);
}

const STRENGTH: Readonly<Record<LinkMode, number>> = { inferred: 0, bound: 1, explicit: 2, manual: 3 };
