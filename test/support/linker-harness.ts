import { createHash } from 'node:crypto';
import { metrics, type Meter } from '@opentelemetry/api';
import type { ActWindowOptions } from '../../src/evidence/act-window.ts';
import { createLinker } from '../../src/evidence/linker.ts';
import { transcodeJson } from '../../src/otlp/json/transcode.ts';
import type { Signal } from '../../src/otlp/signal.ts';
import type { BatchLimits, ConsumeOutcome, FrameBatch } from '../../src/pipeline/consumer.ts';
import type { ItemFacts } from '../../src/pipeline/facts.ts';
import type { SpooledFrame } from '../../src/pipeline/frame.ts';
import type { RecordReceipt } from '../../src/pipeline/receipt.ts';
import { markRedacted } from '../../src/pipeline/redacted.ts';
import type { BindingSelector, EvidenceLog } from '../../src/record/evidence-log.ts';
import type { EvidenceLink, EvidenceRow } from '../../src/record/evidence.ts';
import type { IncidentIndex, LinkKeys, ResolvedLink } from '../../src/record/incident-index.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

/** An OTLP/JSON key and value, from plain data: strings, numbers, booleans, arrays and objects. */
export function keyValue(key: string, value: unknown): object {
  return { key, value: anyValue(value) };
}

export function anyValue(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { kvlistValue: { values: attributes(value as Readonly<Record<string, unknown>>) } };
}

export function attributes(values: Readonly<Record<string, unknown>>): object[] {
  return Object.entries(values).map(([key, value]) => keyValue(key, value));
}

export interface SpanSketch {
  readonly name?: string;
  readonly scope?: string;
  readonly scopeAttributes?: Readonly<Record<string, unknown>>;
  readonly service?: string;
  readonly resource?: Readonly<Record<string, unknown>>;
  /** Small numbers; padded to ids. */
  readonly trace?: number;
  readonly span?: number;
  readonly parent?: number;
  readonly kind?: number;
  /** Milliseconds after the sketch's epoch. */
  readonly start?: number;
  readonly end?: number;
  readonly error?: boolean;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly events?: readonly { readonly name: string; readonly attributes?: Readonly<Record<string, unknown>> }[];
}

export interface LogSketch {
  readonly scope?: string;
  readonly service?: string;
  readonly resource?: Readonly<Record<string, unknown>>;
  readonly trace?: number;
  readonly span?: number;
  readonly at?: number;
  readonly eventName?: string;
  readonly severity?: number;
  readonly body?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export const SKETCH_EPOCH_MS = 1_790_000_000_000;

const traceHex = (number: number): string => number.toString(16).padStart(32, '0');
const spanHex = (number: number): string => number.toString(16).padStart(16, '0');
const nano = (ms: number): string => `${SKETCH_EPOCH_MS + ms}000000`;

/** An OTLP/JSON traces request with one span a scope. */
export function tracesOf(...spans: readonly SpanSketch[]): object {
  return {
    resourceSpans: spans.map((span) => ({
      resource: { attributes: attributes({ 'service.name': span.service ?? 'sre-agent', ...span.resource }) },
      scopeSpans: [
        {
          scope: { name: span.scope ?? '', attributes: attributes(span.scopeAttributes ?? {}) },
          spans: [
            {
              traceId: traceHex(span.trace ?? 1),
              spanId: spanHex(span.span ?? 1),
              ...(span.parent === undefined ? {} : { parentSpanId: spanHex(span.parent) }),
              name: span.name ?? '',
              kind: span.kind ?? 1,
              startTimeUnixNano: nano(span.start ?? 0),
              endTimeUnixNano: nano(span.end ?? 10),
              attributes: attributes(span.attributes ?? {}),
              events: (span.events ?? []).map((event) => ({
                timeUnixNano: nano(span.start ?? 0),
                name: event.name,
                attributes: attributes(event.attributes ?? {}),
              })),
              status: span.error === true ? { code: 2 } : {},
            },
          ],
        },
      ],
    })),
  };
}

/** An OTLP/JSON logs request with one record a scope. */
export function logsOf(...records: readonly LogSketch[]): object {
  return {
    resourceLogs: records.map((record) => ({
      resource: { attributes: attributes({ 'service.name': record.service ?? 'sre-agent', ...record.resource }) },
      scopeLogs: [
        {
          scope: { name: record.scope ?? '' },
          logRecords: [
            {
              timeUnixNano: nano(record.at ?? 0),
              severityNumber: record.severity ?? 9,
              ...(record.eventName === undefined ? {} : { eventName: record.eventName }),
              ...(record.body === undefined ? {} : { body: anyValue(record.body) }),
              ...(record.trace === undefined ? {} : { traceId: traceHex(record.trace) }),
              ...(record.span === undefined ? {} : { spanId: spanHex(record.span) }),
              attributes: attributes(record.attributes ?? {}),
            },
          ],
        },
      ],
    })),
  };
}

export interface FrameParts {
  readonly tenant?: string;
  readonly facts?: readonly ItemFacts[];
  readonly receipts?: readonly RecordReceipt[];
}

/** A frame as the spool gives it out, of OTLP/JSON that is taken to be redacted. */
export function frameOf(signal: Signal, json: object, parts: FrameParts = {}): SpooledFrame {
  const { bytes } = transcodeJson(signal, Buffer.from(JSON.stringify(json)));
  return {
    tenant: parts.tenant ?? 'default',
    signal,
    receivedAtUnixNano: BigInt(SKETCH_EPOCH_MS) * 1_000_000n,
    policyVersion: 'test@000000000000',
    items: 0,
    receipts: parts.receipts ?? [],
    facts: parts.facts ?? [],
    bytes: markRedacted(bytes),
    contentHash: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** An EvidenceLog in memory, with the contract of the real one. */
export class MemoryEvidenceLog {
  readonly rows = new Map<string, EvidenceRow>();
  readonly #filed = new Set<string>();
  puts = 0;
  lookUps = 0;
  contentLookUps = 0;
  failPuts = 0;
  onPut: () => void = () => {};

  get log(): EvidenceLog {
    return {
      put: async (rows) => {
        if (this.failPuts > 0) {
          this.failPuts -= 1;
          throw new Error('the store is away');
        }
        this.puts += 1;
        for (const row of rows) this.#put(row);
        this.onPut();
      },
      page: async () => ({ items: [], next: null }),
      unfiled: async () => ({ items: [], next: null }),
      get: async (tenant, incident, id) => this.rows.get(`${tenant} ${incident} ${id}`),
      copies: async (tenant, incidents, ids) => {
        this.lookUps += 1;
        return [...this.rows.values()].filter(
          (row) => row.tenant === tenant && incidents.includes(row.incident) && ids.includes(row.id),
        );
      },
      contents: async (tenant, ids) => {
        this.contentLookUps += 1;
        const found = [...this.rows.values()].filter((row) => row.tenant === tenant && ids.includes(row.id));
        return new Map(found.map((row) => [row.id, row.content]));
      },
      existing: async () => new Set(),
      counts: async () => ({ total: 0, byKind: {}, agents: [] }),
      link: async (tenant, incident, selector, link) =>
        this.#file(tenant, incident, (row) => matches(selector, row), link),
      remove: async (tenant, ids) => this.#remove(tenant, ids),
      toolCalls: async (tenant, traceIds) =>
        [...this.rows.values()].filter(
          (row) => row.tenant === tenant && row.kind === 'tool_call' && traceIds.includes(row.source.traceId),
        ),
      file: async (tenant, incident, ids, link) => this.#file(tenant, incident, (row) => ids.includes(row.id), link),
    };
  }

  #remove(tenant: string, ids: readonly string[]): void {
    for (const [key, row] of this.rows) if (row.tenant === tenant && ids.includes(row.id)) this.rows.delete(key);
  }

  #put(row: EvidenceRow): void {
    // What was filed once stays filed.
    if (row.incident === '' && this.#filed.has(`${row.tenant} ${row.id}`)) return;
    this.rows.set(`${row.tenant} ${row.incident} ${row.id}`, row);
  }

  #file(tenant: string, incident: string, wanted: (row: EvidenceRow) => boolean, link: EvidenceLink): number {
    let filed = 0;
    for (const [key, row] of this.rows) {
      if (row.tenant !== tenant || row.incident === incident || !wanted(row)) continue;
      if (!this.rows.has(`${tenant} ${incident} ${row.id}`)) {
        this.rows.set(`${tenant} ${incident} ${row.id}`, { ...row, incident, state: 'linked', link });
        filed += 1;
      }
      if (row.incident === '') {
        this.rows.delete(key);
        this.#filed.add(`${tenant} ${row.id}`);
      }
    }
    return filed;
  }

  /** Rows of an incident (`''` unfiled), oldest first. */
  of(incident: string): readonly EvidenceRow[] {
    return [...this.rows.values()]
      .filter((row) => row.incident === incident)
      .sort((a, b) => Number(a.occurredAtUnixNano - b.occurredAtUnixNano) || (a.id < b.id ? -1 : 1));
  }
}

function matches(selector: BindingSelector, row: EvidenceRow): boolean {
  switch (selector.kind) {
    case 'trace':
      return row.source.traceId === selector.traceId;
    case 'conversation':
      return row.conversationId === selector.conversationId;
    case 'session':
      return row.sessionId === selector.sessionId;
    case 'agent':
      return row.actor.kind === 'agent' && row.actor.name === selector.agent;
    case 'service':
      return row.service === selector.service;
    default:
      return row.namedRefs.some((ref) => selector.refs.includes(ref));
  }
}

/** An IncidentIndex that is told what is open and bound. */
export class MemoryIncidentIndex implements IncidentIndex {
  version = 0;
  readonly relinked: number[] = [];
  readonly #selectors: { incident: string; selector: BindingSelector }[] = [];
  readonly #refs = new Map<string, string>();
  relinkInto: EvidenceLog | undefined;

  open(incident: string, ref: string): void {
    this.#refs.set(ref, incident);
    this.#selectors.push({ incident, selector: { kind: 'ref', refs: [ref, incident] } });
    this.version += 1;
  }

  bind(incident: string, selector: BindingSelector): void {
    this.#selectors.push({ incident, selector });
    this.version += 1;
  }

  knows(_tenant: string, ref: string): boolean {
    return this.#refs.has(ref) || [...this.#refs.values()].includes(ref);
  }

  boundTraces(): readonly string[] {
    return [];
  }

  resolve(_tenant: string, keys: LinkKeys): readonly ResolvedLink[] {
    const links = new Map<string, ResolvedLink>();
    for (const ref of keys.refs) {
      const incidentId = this.#refs.get(ref);
      if (incidentId !== undefined) {
        links.set(incidentId, { incidentId, link: { mode: 'explicit', rule: 'attribute incident.id', score: 1 } });
      }
    }
    for (const { incident, selector } of this.#selectors) {
      const bound =
        (selector.kind === 'trace' && selector.traceId === keys.traceId) ||
        (selector.kind === 'conversation' && selector.conversationId === keys.conversationId) ||
        (selector.kind === 'session' && selector.sessionId === keys.sessionId) ||
        (selector.kind === 'agent' && selector.agent === keys.agent) ||
        (selector.kind === 'service' && selector.service === keys.service);
      if (bound && !links.has(incident)) {
        links.set(incident, {
          incidentId: incident,
          link: { mode: 'bound', rule: `binding ${selector.kind}`, score: 1 },
        });
      }
    }
    return [...links.values()];
  }

  async relink(sinceVersion: number): Promise<void> {
    this.relinked.push(sinceVersion);
    for (const { incident, selector } of this.#selectors) {
      await this.relinkInto?.link('default', incident, selector, { mode: 'bound', rule: 'relink', score: 1 });
    }
  }
}

/** A linker over in-memory evidence and incidents. */
export class LinkerHarness {
  readonly evidence = new MemoryEvidenceLog();
  readonly incidents = new MemoryIncidentIndex();
  readonly #window: ActWindowOptions;
  readonly #meter: Meter;
  #linker: ReturnType<typeof createLinker>;

  constructor(window: ActWindowOptions = {}, meter: Meter = metrics.getMeter('test')) {
    this.#window = window;
    this.#meter = meter;
    this.#linker = this.#create();
  }

  #create(): ReturnType<typeof createLinker> {
    return createLinker({
      evidenceLog: this.evidence.log,
      incidents: this.incidents,
      window: this.#window,
      meter: this.#meter,
      logger: createLogger('silent'),
    });
  }

  /** Forgets everything that is not stored. */
  restart(): void {
    this.#linker = this.#create();
  }

  consume(frames: readonly SpooledFrame[], redelivered = false): Promise<ConsumeOutcome> {
    const batch: FrameBatch = { id: frames.map((frame) => frame.contentHash).join(), frames, redelivered };
    return this.#linker.consume(batch);
  }

  /** What the linker asks for next. */
  get limits(): BatchLimits {
    return this.#linker.batch;
  }

  async spans(...spans: readonly SpanSketch[]): Promise<void> {
    await this.consume([frameOf('traces', tracesOf(...spans))]);
  }

  async logs(...records: readonly LogSketch[]): Promise<void> {
    await this.consume([frameOf('logs', logsOf(...records))]);
  }
}
