/**
 * The OTLP messages Docket reads, as data: opentelemetry-proto v1.11.0 (trace, logs, metrics, common, resource and their
 * collector services). One table drives the JSON transcoder, the structural check and the redaction walk; hot loops use
 * the field numbers in `./fields.ts` directly. A field missing here is *unknown*: kept on the wire, scrubbed by
 * redaction as what it looks like, ignored by everything else.
 */
import type { Signal } from '../signal.ts';
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT } from './reader.ts';

/**
 * How a field's value is encoded. `traceId`/`spanId` are bytes that OTLP/JSON writes as hex; `base64` are all other bytes.
 * Scalars that may repeat are packed.
 */
export type FieldKind =
  | 'message'
  | 'string'
  | 'base64'
  | 'traceId'
  | 'spanId'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'sint32'
  | 'int64'
  | 'uint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'double';

/** The wire type of one value of a kind; a repeated scalar may also come packed, as WIRE_BYTES. */
export const WIRE_TYPE: Readonly<Record<FieldKind, number>> = {
  message: WIRE_BYTES,
  string: WIRE_BYTES,
  base64: WIRE_BYTES,
  traceId: WIRE_BYTES,
  spanId: WIRE_BYTES,
  bool: WIRE_VARINT,
  enum: WIRE_VARINT,
  uint32: WIRE_VARINT,
  sint32: WIRE_VARINT,
  int64: WIRE_VARINT,
  uint64: WIRE_VARINT,
  fixed32: WIRE_FIXED32,
  fixed64: WIRE_FIXED64,
  sfixed64: WIRE_FIXED64,
  double: WIRE_FIXED64,
};

export interface FieldSchema {
  readonly number: number;
  /** lowerCamelCase, as OTLP/JSON writes it (R34). */
  readonly name: string;
  readonly kind: FieldKind;
  readonly repeated: boolean;
  /** The message type of a `message` field. */
  readonly message: MessageName | undefined;
  /** proto3 explicit presence (`optional` or a oneof member): a default value is still written. */
  readonly presence: boolean;
}

export interface MessageSchema {
  readonly name: MessageName;
  /** Spans, log records and data points: what requests are counted by, and receipts and facts. */
  readonly isItem: boolean;
  /** Items lie in it, however deep; none lie in an item. */
  readonly holdsItems: boolean;
  readonly fields: readonly FieldSchema[];
  readonly byName: ReadonlyMap<string, FieldSchema>;
  readonly byNumber: ReadonlyMap<number, FieldSchema>;
}

export type MessageName =
  | 'ExportTraceServiceRequest'
  | 'ExportLogsServiceRequest'
  | 'ExportMetricsServiceRequest'
  | 'ResourceSpans'
  | 'ScopeSpans'
  | 'ResourceLogs'
  | 'ScopeLogs'
  | 'ResourceMetrics'
  | 'ScopeMetrics'
  | 'Resource'
  | 'EntityRef'
  | 'InstrumentationScope'
  | 'KeyValue'
  | 'KeyValueList'
  | 'ArrayValue'
  | 'AnyValue'
  | 'Span'
  | 'SpanEvent'
  | 'SpanLink'
  | 'Status'
  | 'LogRecord'
  | 'Metric'
  | 'Gauge'
  | 'Sum'
  | 'Histogram'
  | 'ExponentialHistogram'
  | 'Summary'
  | 'NumberDataPoint'
  | 'HistogramDataPoint'
  | 'ExponentialHistogramDataPoint'
  | 'Buckets'
  | 'SummaryDataPoint'
  | 'ValueAtQuantile'
  | 'Exemplar';

const field = (number: number, name: string, kind: Exclude<FieldKind, 'message'>, presence = false): FieldSchema => ({
  number,
  name,
  kind,
  repeated: false,
  message: undefined,
  presence,
});
const many = (number: number, name: string, kind: Exclude<FieldKind, 'message'>): FieldSchema => ({
  ...field(number, name, kind),
  repeated: true,
});
const message = (number: number, name: string, type: MessageName): FieldSchema => ({
  number,
  name,
  kind: 'message',
  repeated: false,
  message: type,
  presence: true,
});
const messages = (number: number, name: string, type: MessageName): FieldSchema => ({
  ...message(number, name, type),
  repeated: true,
});

const attributes = (number: number): FieldSchema => messages(number, 'attributes', 'KeyValue');
const droppedAttributes = (number: number): FieldSchema => field(number, 'droppedAttributesCount', 'uint32');

const FIELDS: Readonly<Record<MessageName, readonly FieldSchema[]>> = {
  ExportTraceServiceRequest: [messages(1, 'resourceSpans', 'ResourceSpans')],
  ExportLogsServiceRequest: [messages(1, 'resourceLogs', 'ResourceLogs')],
  ExportMetricsServiceRequest: [messages(1, 'resourceMetrics', 'ResourceMetrics')],
  ResourceSpans: [
    message(1, 'resource', 'Resource'),
    messages(2, 'scopeSpans', 'ScopeSpans'),
    field(3, 'schemaUrl', 'string'),
  ],
  ScopeSpans: [
    message(1, 'scope', 'InstrumentationScope'),
    messages(2, 'spans', 'Span'),
    field(3, 'schemaUrl', 'string'),
  ],
  ResourceLogs: [
    message(1, 'resource', 'Resource'),
    messages(2, 'scopeLogs', 'ScopeLogs'),
    field(3, 'schemaUrl', 'string'),
  ],
  ScopeLogs: [
    message(1, 'scope', 'InstrumentationScope'),
    messages(2, 'logRecords', 'LogRecord'),
    field(3, 'schemaUrl', 'string'),
  ],
  ResourceMetrics: [
    message(1, 'resource', 'Resource'),
    messages(2, 'scopeMetrics', 'ScopeMetrics'),
    field(3, 'schemaUrl', 'string'),
  ],
  ScopeMetrics: [
    message(1, 'scope', 'InstrumentationScope'),
    messages(2, 'metrics', 'Metric'),
    field(3, 'schemaUrl', 'string'),
  ],
  Resource: [attributes(1), droppedAttributes(2), messages(3, 'entityRefs', 'EntityRef')],
  EntityRef: [
    field(1, 'schemaUrl', 'string'),
    field(2, 'type', 'string'),
    many(3, 'idKeys', 'string'),
    many(4, 'descriptionKeys', 'string'),
  ],
  InstrumentationScope: [
    field(1, 'name', 'string'),
    field(2, 'version', 'string'),
    attributes(3),
    droppedAttributes(4),
  ],
  KeyValue: [field(1, 'key', 'string'), message(2, 'value', 'AnyValue')],
  KeyValueList: [messages(1, 'values', 'KeyValue')],
  ArrayValue: [messages(1, 'values', 'AnyValue')],
  AnyValue: [
    field(1, 'stringValue', 'string', true),
    field(2, 'boolValue', 'bool', true),
    field(3, 'intValue', 'int64', true),
    field(4, 'doubleValue', 'double', true),
    message(5, 'arrayValue', 'ArrayValue'),
    message(6, 'kvlistValue', 'KeyValueList'),
    field(7, 'bytesValue', 'base64', true),
  ],
  Span: [
    field(1, 'traceId', 'traceId'),
    field(2, 'spanId', 'spanId'),
    field(3, 'traceState', 'string'),
    field(4, 'parentSpanId', 'spanId'),
    field(5, 'name', 'string'),
    field(6, 'kind', 'enum'),
    field(7, 'startTimeUnixNano', 'fixed64'),
    field(8, 'endTimeUnixNano', 'fixed64'),
    attributes(9),
    droppedAttributes(10),
    messages(11, 'events', 'SpanEvent'),
    field(12, 'droppedEventsCount', 'uint32'),
    messages(13, 'links', 'SpanLink'),
    field(14, 'droppedLinksCount', 'uint32'),
    message(15, 'status', 'Status'),
    field(16, 'flags', 'fixed32'),
  ],
  SpanEvent: [field(1, 'timeUnixNano', 'fixed64'), field(2, 'name', 'string'), attributes(3), droppedAttributes(4)],
  SpanLink: [
    field(1, 'traceId', 'traceId'),
    field(2, 'spanId', 'spanId'),
    field(3, 'traceState', 'string'),
    attributes(4),
    droppedAttributes(5),
    field(6, 'flags', 'fixed32'),
  ],
  Status: [field(2, 'message', 'string'), field(3, 'code', 'enum')],
  LogRecord: [
    field(1, 'timeUnixNano', 'fixed64'),
    field(2, 'severityNumber', 'enum'),
    field(3, 'severityText', 'string'),
    message(5, 'body', 'AnyValue'),
    attributes(6),
    droppedAttributes(7),
    field(8, 'flags', 'fixed32'),
    field(9, 'traceId', 'traceId'),
    field(10, 'spanId', 'spanId'),
    field(11, 'observedTimeUnixNano', 'fixed64'),
    field(12, 'eventName', 'string'),
  ],
  Metric: [
    field(1, 'name', 'string'),
    field(2, 'description', 'string'),
    field(3, 'unit', 'string'),
    message(5, 'gauge', 'Gauge'),
    message(7, 'sum', 'Sum'),
    message(9, 'histogram', 'Histogram'),
    message(10, 'exponentialHistogram', 'ExponentialHistogram'),
    message(11, 'summary', 'Summary'),
    messages(12, 'metadata', 'KeyValue'),
  ],
  Gauge: [messages(1, 'dataPoints', 'NumberDataPoint')],
  Sum: [
    messages(1, 'dataPoints', 'NumberDataPoint'),
    field(2, 'aggregationTemporality', 'enum'),
    field(3, 'isMonotonic', 'bool'),
  ],
  Histogram: [messages(1, 'dataPoints', 'HistogramDataPoint'), field(2, 'aggregationTemporality', 'enum')],
  ExponentialHistogram: [
    messages(1, 'dataPoints', 'ExponentialHistogramDataPoint'),
    field(2, 'aggregationTemporality', 'enum'),
  ],
  Summary: [messages(1, 'dataPoints', 'SummaryDataPoint')],
  NumberDataPoint: [
    field(2, 'startTimeUnixNano', 'fixed64'),
    field(3, 'timeUnixNano', 'fixed64'),
    field(4, 'asDouble', 'double', true),
    messages(5, 'exemplars', 'Exemplar'),
    field(6, 'asInt', 'sfixed64', true),
    attributes(7),
    field(8, 'flags', 'uint32'),
  ],
  HistogramDataPoint: [
    field(2, 'startTimeUnixNano', 'fixed64'),
    field(3, 'timeUnixNano', 'fixed64'),
    field(4, 'count', 'fixed64'),
    field(5, 'sum', 'double', true),
    many(6, 'bucketCounts', 'fixed64'),
    many(7, 'explicitBounds', 'double'),
    messages(8, 'exemplars', 'Exemplar'),
    attributes(9),
    field(10, 'flags', 'uint32'),
    field(11, 'min', 'double', true),
    field(12, 'max', 'double', true),
  ],
  ExponentialHistogramDataPoint: [
    attributes(1),
    field(2, 'startTimeUnixNano', 'fixed64'),
    field(3, 'timeUnixNano', 'fixed64'),
    field(4, 'count', 'fixed64'),
    field(5, 'sum', 'double', true),
    field(6, 'scale', 'sint32'),
    field(7, 'zeroCount', 'fixed64'),
    message(8, 'positive', 'Buckets'),
    message(9, 'negative', 'Buckets'),
    field(10, 'flags', 'uint32'),
    messages(11, 'exemplars', 'Exemplar'),
    field(12, 'min', 'double', true),
    field(13, 'max', 'double', true),
    field(14, 'zeroThreshold', 'double'),
  ],
  Buckets: [field(1, 'offset', 'sint32'), many(2, 'bucketCounts', 'uint64')],
  SummaryDataPoint: [
    field(2, 'startTimeUnixNano', 'fixed64'),
    field(3, 'timeUnixNano', 'fixed64'),
    field(4, 'count', 'fixed64'),
    field(5, 'sum', 'double'),
    messages(6, 'quantileValues', 'ValueAtQuantile'),
    attributes(7),
    field(8, 'flags', 'uint32'),
  ],
  ValueAtQuantile: [field(1, 'quantile', 'double'), field(2, 'value', 'double')],
  Exemplar: [
    field(2, 'timeUnixNano', 'fixed64'),
    field(3, 'asDouble', 'double', true),
    field(4, 'spanId', 'spanId'),
    field(5, 'traceId', 'traceId'),
    field(6, 'asInt', 'sfixed64', true),
    messages(7, 'filteredAttributes', 'KeyValue'),
  ],
};

/** Every message there is; the cast says of the keys of FIELDS what Object.keys does not. */
export const MESSAGE_NAMES = Object.keys(FIELDS) as readonly MessageName[];

const ITEMS: readonly MessageName[] = [
  'Span',
  'LogRecord',
  'NumberDataPoint',
  'HistogramDataPoint',
  'ExponentialHistogramDataPoint',
  'SummaryDataPoint',
];

const ATTRIBUTES: readonly MessageName[] = ['KeyValue', 'AnyValue'];

function holdsItems(name: MessageName): boolean {
  return FIELDS[name].some(({ message: inner }) => {
    // Attributes hold each other, without end, and no items.
    if (inner === undefined || ATTRIBUTES.includes(inner)) return false;
    return ITEMS.includes(inner) || holdsItems(inner);
  });
}

const SCHEMAS: ReadonlyMap<MessageName, MessageSchema> = new Map(
  (Object.entries(FIELDS) as [MessageName, readonly FieldSchema[]][]).map(([name, fields]) => [
    name,
    {
      name,
      isItem: ITEMS.includes(name),
      holdsItems: holdsItems(name),
      fields,
      byName: new Map(fields.map((each) => [each.name, each])),
      byNumber: new Map(fields.map((each) => [each.number, each])),
    },
  ]),
);

/** The schema of one message type. */
export function messageSchema(name: MessageName): MessageSchema {
  const schema = SCHEMAS.get(name);
  if (schema === undefined) throw new Error(`no schema for message ${name}`);
  return schema;
}

const REQUESTS: Readonly<Record<Signal, MessageName>> = {
  traces: 'ExportTraceServiceRequest',
  logs: 'ExportLogsServiceRequest',
  metrics: 'ExportMetricsServiceRequest',
};

/** The request message of a signal's Export call. */
export function requestSchema(signal: Signal): MessageSchema {
  return messageSchema(REQUESTS[signal]);
}
