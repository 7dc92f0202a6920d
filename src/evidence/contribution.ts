import { REQUESTED_CALLS_MAX } from '../otlp/semconv/requested-calls.ts';
import type { CallFacts, ItemFacts, RequestedCallFacts } from '../pipeline/facts.ts';
import type { SpooledFrame } from '../pipeline/frame.ts';
import type { Redaction } from '../pipeline/receipt.ts';
import type {
  EvidenceContent,
  EvidenceKind,
  EvidenceModel,
  EvidenceOutcome,
  EvidenceRow,
  EvidenceTokens,
} from '../record/evidence.ts';
import { first, text, wellFormed } from './attribute.ts';
import { contentOf } from './content.ts';
import type { Recognised, RecognisedTool, RequestedCall } from './recognised.ts';
import { INCIDENT_REF_KEYS } from './recognition-set.ts';
import type { AnyValue, Attributes, ResourceRecord, SpanRecord, TelemetryRecord } from './telemetry-record.ts';

/** Refs taken of one record, and the longest that can be one. */
const REFS_MAX = 8;
const REF_LENGTH_MAX = 200;
// Shared: an act is remembered, and few have any.
const NO_REFS: readonly string[] = [];
const NO_SPANS: readonly string[] = [];
const NO_REDACTIONS: readonly Redaction[] = [];
/** Longest id, name or key of a row that comes from a record. */
const NAME_LENGTH_MAX = 300;

/** Content by what it is (`arguments`, `result`, `input` …): names that the dialects give, never a sender's own. */
export type Contents = Readonly<Record<string, EvidenceContent>>;

/** What one record says about one act. An act's row is made of all that was said about it (./evidence-row.ts). */
export interface Contribution {
  readonly tenant: string;
  /** Names the record, so that a second delivery of it adds nothing. */
  readonly identity: string;
  readonly kind: EvidenceKind;
  readonly dialect: string;
  readonly operation: string;
  readonly signal: 'traces' | 'logs';
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint | null;
  readonly receivedAtUnixNano: bigint;
  readonly outcome: EvidenceOutcome;
  readonly agentName: string;
  readonly agentId: string;
  readonly conversationId: string;
  readonly sessionId: string;
  readonly service: string;
  readonly environment: string;
  /** Incident refs that the record itself names, or its events, or else its scope. */
  readonly refs: readonly string[];
  /** Those that its resource names, which count where neither the record nor a span above it names one. */
  readonly resourceRefs: readonly string[];
  readonly tool: RecognisedTool | null;
  readonly model: EvidenceModel | null;
  readonly tokens: EvidenceTokens | null;
  /** Taken out once the store has it, and taken back when the row changes (./act.ts). */
  content: Contents;
  readonly references: ReadonlyMap<string, string>;
  readonly detail: string;
  /** Adds to the row of the span it names, whatever kind that is. */
  readonly joinsSpan: boolean;
  /** Further spans this stands for: those of a row that was stored before. */
  readonly alsoSeenAs: readonly string[];
  readonly facts: CallFacts | undefined;
  readonly redactions: readonly Redaction[];
  readonly policyVersion: string;
}

/** What a record that only joins a span calls content, to what it is called on rows of the span's kind. */
const JOINED_CONTENT: ReadonlyMap<EvidenceKind, Readonly<Record<string, string>>> = new Map([
  ['tool_call', { input: 'arguments', output: 'result' }],
  ['model_call', { arguments: 'input', result: 'input' }],
]);

/** What a row of this kind calls this content: what was moved out of a span into a log record is named there for whatever the span is. */
export function nameOnRow(kind: EvidenceKind, { joinsSpan }: Contribution, said: string): string {
  return joinsSpan ? (JOINED_CONTENT.get(kind)?.[said] ?? said) : said;
}

/** Values of `incident.id` and `docket.incident.id`: of the record and its events, of its scope where these have none. */
export function incidentRefs(record: TelemetryRecord): readonly string[] {
  const events = record.signal === 'traces' ? record.events.map((event) => event.attributes) : [];
  const own = refsIn([record.attributes, ...events]);
  return own.length > 0 ? own : refsIn([record.scope.attributes]);
}

/** Records of one resource share its refs. */
const resourcesKnown = new WeakMap<ResourceRecord, readonly string[]>();

/** Those of its resource. */
export function resourceRefs({ resource }: TelemetryRecord): readonly string[] {
  let refs = resourcesKnown.get(resource);
  if (refs === undefined) {
    refs = refsIn([resource.attributes]);
    resourcesKnown.set(resource, refs);
  }
  return refs;
}

function refsIn(places: readonly Attributes[]): readonly string[] {
  let refs: string[] | undefined;
  for (const attributes of places) {
    for (const key of INCIDENT_REF_KEYS) {
      const values = attributes.get(key);
      if (values === undefined) continue;
      // Some write a list of one, or of several.
      for (const value of values.flatMap((each) => (Array.isArray(each) ? (each as readonly AnyValue[]) : each))) {
        const ref = refOf(value);
        if (ref === '') continue;
        refs ??= [];
        if (refs.length < REFS_MAX && !refs.includes(ref)) refs.push(ref);
      }
    }
  }
  return refs ?? NO_REFS;
}

/** `''` for what names no incident: nothing, too much, or what redaction left in its place. */
function refOf(value: AnyValue): string {
  // Some number their incidents.
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  const ref = typeof text === 'string' ? text.trim() : '';
  return ref.length > REF_LENGTH_MAX || /^\[(?:redacted|withheld):/.test(ref) ? '' : ref;
}

/** Everything a contribution takes from where the record stands, whatever it was recognised as. */
export interface RecordContext {
  readonly frame: SpooledFrame;
  readonly record: TelemetryRecord;
  readonly facts: ItemFacts | undefined;
  readonly redactions: readonly Redaction[];
}

type FromContext = Pick<
  Contribution,
  | 'tenant'
  | 'identity'
  | 'signal'
  | 'traceId'
  | 'spanId'
  | 'parentSpanId'
  | 'startUnixNano'
  | 'endUnixNano'
  | 'receivedAtUnixNano'
  | 'service'
  | 'environment'
  | 'refs'
  | 'resourceRefs'
  | 'facts'
  | 'redactions'
  | 'policyVersion'
>;

function fromContext({ frame, record, facts, redactions }: RecordContext): FromContext {
  const resource = record.resource.attributes;
  const isSpan = record.signal === 'traces';
  return {
    tenant: frame.tenant,
    identity: isSpan ? `span ${record.traceId} ${record.spanId}` : `log ${frame.contentHash} ${String(record.ordinal)}`,
    signal: record.signal,
    traceId: record.traceId,
    spanId: record.spanId,
    parentSpanId: isSpan ? record.parentSpanId : '',
    // What does not say when it was happened no later than it came.
    startUnixNano: (isSpan ? record.startTimeUnixNano : record.timeUnixNano) || frame.receivedAtUnixNano,
    endUnixNano: isSpan && record.endTimeUnixNano !== 0n ? endOf(record) : null,
    receivedAtUnixNano: frame.receivedAtUnixNano,
    service: short(text(resource, 'service.name')),
    environment: short(text(resource, 'deployment.environment.name', 'deployment.environment')),
    refs: incidentRefs(record),
    resourceRefs: resourceRefs(record),
    facts,
    redactions,
    policyVersion: frame.policyVersion,
  };
}

/** A clock that was set back while a span ran gives it an end before its start: it ended no earlier than it began. */
function endOf({ startTimeUnixNano, endTimeUnixNano }: SpanRecord): bigint {
  return endTimeUnixNano < startTimeUnixNano ? startTimeUnixNano : endTimeUnixNano;
}

function short(value: string): string {
  return wellFormed(value.length > NAME_LENGTH_MAX ? value.slice(0, NAME_LENGTH_MAX) : value);
}

/** A pointer that is longer points to nothing that anybody could open. */
const POINTER_LENGTH_MAX = 2_000;

function shortReferences(references: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (references.size === 0) return references;
  return new Map([...references].map(([name, pointer]) => [name, wellFormed(pointer.slice(0, POINTER_LENGTH_MAX))]));
}

/** The contribution of a recognised record; `kind` is the recognised one, which is not null. */
export function contributionOf(context: RecordContext, found: Recognised, kind: EvidenceKind): Contribution {
  const base = fromContext(context);
  const content: Record<string, EvidenceContent> = {};
  for (const [name, value] of found.content) content[name] = contentOf(value);
  const { tool, model } = found;
  const isLog = base.signal === 'logs';
  const isAlert = kind === 'alert';
  // Every property in its place and no spread: objects as wide as this one are slow to grow.
  return {
    tenant: base.tenant,
    // An alert that is sent again is the same alert, and it is about another service than the one that sends it.
    identity: isAlert && found.agentId !== '' ? `alert ${short(found.agentId)}` : base.identity,
    signal: base.signal,
    traceId: base.traceId,
    spanId: base.spanId,
    parentSpanId: base.parentSpanId,
    receivedAtUnixNano: base.receivedAtUnixNano,
    environment: base.environment,
    refs: base.refs,
    resourceRefs: base.resourceRefs,
    facts: base.facts,
    redactions: base.redactions,
    policyVersion: base.policyVersion,
    service: (isAlert && short(text(context.record.attributes, 'service.name'))) || base.service,
    kind,
    dialect: found.dialect,
    operation: short(found.operation),
    startUnixNano: found.startTimeUnixNano ?? base.startUnixNano,
    endUnixNano: isLog && found.startTimeUnixNano !== null ? base.startUnixNano : base.endUnixNano,
    outcome: found.outcome,
    agentName: short(found.agentName),
    agentId: short(found.agentId),
    conversationId: short(found.conversationId),
    sessionId: short(found.sessionId),
    tool:
      tool === null
        ? null
        : {
            name: short(tool.name),
            callId: short(tool.callId),
            type: tool.type === null ? null : short(tool.type),
            mcpServer: tool.mcpServer === null ? null : short(tool.mcpServer),
            role: tool.role,
          },
    model:
      model === null
        ? null
        : { name: short(model.name), provider: model.provider === null ? null : short(model.provider) },
    tokens: found.tokens,
    content,
    references: shortReferences(found.references),
    detail: short(found.detail),
    joinsSpan: found.joinsSpan,
    alsoSeenAs: NO_SPANS,
  };
}

/** A call that a model asked for: what its output shows of it, and what redaction knows of it. */
interface AskedCall extends RequestedCall {
  readonly facts: RequestedCallFacts | undefined;
}

/**
 * Every call that a record's model asks for. What its output shows once it is redacted stands first; the facts know of those that were
 * withheld with it, and of each how far it reaches.
 */
export function askedCalls(found: Recognised, facts: ItemFacts | undefined): readonly AskedCall[] {
  const known = [...(facts?.requestedCalls ?? [])];
  const asked = found.requestedCalls.slice(0, REQUESTED_CALLS_MAX).map((call): AskedCall => {
    const byId = known.findIndex((each) => each.callId !== '' && each.callId === call.callId);
    const at =
      byId === -1
        ? known.findIndex((each) => each.tool === call.name && (each.callId === '' || call.callId === ''))
        : byId;
    const [own] = at === -1 ? [] : known.splice(at, 1);
    return { ...call, callId: call.callId || (own?.callId ?? ''), facts: own };
  });
  // In other records a model's output is told again.
  if (found.kind !== 'model_call') return asked;
  for (const each of known) asked.push({ callId: each.callId, name: each.tool, arguments: undefined, facts: each });
  return asked;
}

/** True when a record's model asks for more calls than are kept of one record. */
export function asksForMore({ requestedCalls }: Recognised): boolean {
  return requestedCalls.length > REQUESTED_CALLS_MAX;
}

/** The model's request of a tool call, as a contribution to that call's act. It took place when the model had answered. */
export function requestContribution(of: Contribution, call: AskedCall): Contribution {
  const { facts } = call;
  return {
    ...of,
    identity: `${of.identity} request ${call.callId} ${call.name}`,
    kind: 'tool_call',
    operation: 'request',
    startUnixNano: of.endUnixNano ?? of.startUnixNano,
    endUnixNano: null,
    outcome: 'unknown',
    tool: { name: short(call.name), callId: short(call.callId), type: null, mcpServer: null, role: 'request' },
    // An event of the model's span is about the model call; what it asks for is another act.
    joinsSpan: false,
    model: null,
    tokens: null,
    content: requestedContent(call),
    references: new Map(),
    detail: '',
    facts,
    // Those of the record are about the model call.
    redactions: NO_REDACTIONS,
  };
}

function requestedContent({ arguments: given, facts }: AskedCall): Contents {
  if (given !== undefined) return { arguments: contentOf(given) };
  if (facts?.argumentsBytes === undefined) return {};
  const digest = facts.argumentsDigest ?? null;
  return { arguments: { bytes: facts.argumentsBytes, captured: true, digest, value: null } };
}

/** The decision of a person that a record of a call tells of, as an act of its own. */
export function approvalContribution(of: Contribution, decision: string): Contribution {
  return {
    ...of,
    identity: `${of.identity} approval`,
    kind: 'approval_signal',
    operation: 'tool_decision',
    endUnixNano: null,
    outcome: 'ok',
    model: null,
    tokens: null,
    content: {},
    detail: short(decision),
    redactions: NO_REDACTIONS,
  };
}

/** A failure that names an incident: an error span, or a log record about an exception. */
export function failureContribution(context: RecordContext): Contribution {
  const { record } = context;
  const exception =
    record.signal === 'traces'
      ? record.events.find((event) => event.attributes.has('exception.type'))?.attributes
      : record.attributes;
  const errorType = text(record.attributes, 'error.type') || (exception ? text(exception, 'exception.type') : '');
  const message = exception === undefined ? undefined : first(exception, 'exception.message');
  const body = record.signal === 'logs' ? (message ?? record.body) : message;
  const isError = record.signal === 'traces' || errorType !== '';
  return {
    ...fromContext(context),
    kind: isError ? 'error' : 'log',
    dialect: 'opentelemetry',
    operation: record.signal === 'traces' ? short(record.name) : short(record.eventName || 'log'),
    outcome: 'error',
    agentName: '',
    agentId: '',
    conversationId: '',
    sessionId: short(text(record.attributes, 'session.id')),
    tool: null,
    model: null,
    tokens: null,
    content: body === undefined || body === null ? {} : { body: contentOf(body) },
    references: new Map(),
    detail: short(errorType),
    joinsSpan: false,
    alsoSeenAs: NO_SPANS,
  };
}

/** What a stored row said about an act of which this process has forgotten, or never heard, the records. */
export function storedContribution(row: EvidenceRow): Contribution {
  const verb = row.facts['verb'];
  const shape = row.facts['argumentsShape'];
  const traceIds = row.facts['traceIds'];
  const digest = row.content['arguments']?.digest ?? null;
  return {
    tenant: row.tenant,
    identity: `stored ${row.id}`,
    kind: row.kind,
    dialect: row.dialect,
    operation: row.kind,
    signal: row.source.signal === 'logs' ? 'logs' : 'traces',
    traceId: row.source.traceId,
    spanId: row.source.spanId,
    parentSpanId: '',
    startUnixNano: row.occurredAtUnixNano,
    endUnixNano: row.endedAtUnixNano,
    receivedAtUnixNano: row.receivedAtUnixNano,
    outcome: row.outcome,
    agentName: row.actor.name === row.service ? '' : row.actor.name,
    agentId: row.actor.id ?? '',
    conversationId: row.conversationId,
    sessionId: row.sessionId,
    service: row.service,
    environment: row.environment,
    refs: row.namedRefs,
    resourceRefs: [],
    tool:
      row.tool === null
        ? null
        : {
            name: row.tool.name,
            callId: row.tool.callId ?? '',
            type: row.tool.type,
            mcpServer: row.tool.mcpServer,
            role: storedRole(row),
          },
    model: row.model,
    tokens: row.tokens,
    content: Object.fromEntries(Object.entries(row.content).filter(([, content]) => content.captured)),
    references: new Map(),
    detail: '',
    joinsSpan: false,
    alsoSeenAs: row.source.alsoSeenAs,
    facts: {
      ...(row.tool === null ? {} : { tier: row.tool.tier }),
      ...(row.tool?.tierRule == null ? {} : { tierRule: row.tool.tierRule }),
      ...(typeof verb === 'string' ? { verb } : {}),
      ...(typeof shape === 'string' ? { argumentsShape: shape } : {}),
      ...(digest === null ? {} : { argumentsDigest: digest }),
      ...(Array.isArray(traceIds) ? { traceIds: traceIds as readonly string[] } : {}),
    },
    // Read back from what redaction wrote.
    redactions: row.redactions as readonly Redaction[],
    policyVersion: row.policyVersion,
  };
}

/** Only a request has no end among the spans. */
function storedRole(row: EvidenceRow): RecognisedTool['role'] {
  if (row.source.signal === 'logs') return 'event';
  return row.endedAtUnixNano === null ? 'request' : 'execute';
}
