import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { ANY_VALUE_DEPTH_MAX } from '../otlp/limits.ts';
import {
  ANY_VALUE_FIELD,
  ARRAY_VALUE_FIELD,
  INSTRUMENTATION_SCOPE_FIELD,
  KEY_VALUE_FIELD,
  KEY_VALUE_LIST_FIELD,
  LOG_RECORD_FIELD,
  RESOURCE_FIELD,
  SPAN_EVENT_FIELD,
  SPAN_FIELD,
  STATUS_FIELD,
} from '../otlp/protobuf/fields.ts';
import { WireReader } from '../otlp/protobuf/reader.ts';

/**
 * Spans and log records as objects. Only records that may be evidence are decoded this way (see ./candidates.ts); the
 * bytes they come from are redacted already, so nothing here holds more than what may be stored.
 */

/** An attribute's value. Integers beyond 2^53 stay `bigint`; the others are numbers. Null is an AnyValue with nothing set. */
export type AnyValue =
  | null
  | string
  | boolean
  | number
  | bigint
  | Uint8Array
  | readonly AnyValue[]
  | ReadonlyMap<string, AnyValue>;

/**
 * Attributes by key, every occurrence in wire order. A key should occur once; when it does not, readers take the first,
 * as the Collector's `pcommon.Map.Get` and ClickHouse's map access do.
 */
export type Attributes = ReadonlyMap<string, readonly AnyValue[]>;

export interface ResourceRecord {
  readonly attributes: Attributes;
}

export interface ScopeRecord {
  readonly name: string;
  readonly version: string;
  readonly attributes: Attributes;
}

export interface SpanEventRecord {
  readonly timeUnixNano: bigint;
  readonly name: string;
  readonly attributes: Attributes;
}

interface RecordPosition {
  /** Position in the request in wire order from 0: what receipts and facts call `item`. */
  readonly ordinal: number;
  readonly resource: ResourceRecord;
  readonly scope: ScopeRecord;
  /** Lower-case hex; `''` when absent. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface SpanRecord extends RecordPosition {
  readonly signal: 'traces';
  readonly parentSpanId: string;
  readonly name: string;
  /** OTLP SpanKind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: Attributes;
  readonly events: readonly SpanEventRecord[];
  /** OTLP status code: 0 unset, 1 ok, 2 error. */
  readonly statusCode: number;
}

export interface LogRecord extends RecordPosition {
  readonly signal: 'logs';
  /** `time_unix_nano`, or `observed_time_unix_nano` when the former is 0. */
  readonly timeUnixNano: bigint;
  readonly severityNumber: number;
  /** The `event_name` field, or else the attribute `event.name`; `''` when neither is there. */
  readonly eventName: string;
  readonly body: AnyValue;
  readonly attributes: Attributes;
}

export type TelemetryRecord = SpanRecord | LogRecord;

const NO_ATTRIBUTES: Attributes = new Map();
const NO_SCOPE: ScopeRecord = { name: '', version: '', attributes: NO_ATTRIBUTES };

/** Reads the AnyValue message the reader stands in (after `enter`). */
function readAnyValue(reader: WireReader, depth: number): AnyValue {
  if (depth > ANY_VALUE_DEPTH_MAX) throw new OtlpDecodeError(`AnyValue nested deeper than ${ANY_VALUE_DEPTH_MAX}`);
  let value: AnyValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (ANY_VALUE_FIELD.stringValue << 3) | 2:
        value = reader.string();
        break;
      case ANY_VALUE_FIELD.boolValue << 3:
        value = reader.varint32() !== 0;
        break;
      case ANY_VALUE_FIELD.intValue << 3: {
        const int = BigInt.asIntN(64, reader.varint64());
        value = Number.isSafeInteger(Number(int)) ? Number(int) : int;
        break;
      }
      case (ANY_VALUE_FIELD.doubleValue << 3) | 1:
        value = reader.double();
        break;
      case (ANY_VALUE_FIELD.arrayValue << 3) | 2: {
        const outer = reader.enter();
        value = readArray(reader, depth);
        reader.leave(outer);
        break;
      }
      case (ANY_VALUE_FIELD.kvlistValue << 3) | 2: {
        const outer = reader.enter();
        value = readKeyValueList(reader, depth);
        reader.leave(outer);
        break;
      }
      case (ANY_VALUE_FIELD.bytesValue << 3) | 2:
        value = Buffer.from(reader.view());
        break;
      default:
        reader.skip(tag);
    }
  }
  return value;
}

function readArray(reader: WireReader, depth: number): AnyValue[] {
  const values: AnyValue[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((ARRAY_VALUE_FIELD.values << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    values.push(readAnyValue(reader, depth + 1));
    reader.leave(outer);
  }
  return values;
}

function readKeyValueList(reader: WireReader, depth: number): Map<string, AnyValue> {
  const values = new Map<string, AnyValue>();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((KEY_VALUE_LIST_FIELD.values << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    const [key, value] = readKeyValue(reader, depth + 1);
    if (!values.has(key)) values.set(key, value);
    reader.leave(outer);
  }
  return values;
}

function readKeyValue(reader: WireReader, depth: number): [string, AnyValue] {
  let key = '';
  let value: AnyValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((KEY_VALUE_FIELD.key << 3) | 2)) {
      key = reader.string();
    } else if (tag === ((KEY_VALUE_FIELD.value << 3) | 2)) {
      const outer = reader.enter();
      value = readAnyValue(reader, depth);
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  return [key, value];
}

/** Reads one KeyValue field at the cursor into `attributes`. */
function readAttribute(reader: WireReader, attributes: Map<string, AnyValue[]>): void {
  const outer = reader.enter();
  const [key, value] = readKeyValue(reader, 1);
  reader.leave(outer);
  const values = attributes.get(key);
  if (values === undefined) attributes.set(key, [value]);
  else values.push(value);
}

/** Decodes a Resource; several occurrences of the field merge, as protobuf says. */
export function decodeResource(ranges: readonly Uint8Array[]): ResourceRecord {
  const attributes = new Map<string, AnyValue[]>();
  for (const range of ranges) {
    const reader = new WireReader(range);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === ((RESOURCE_FIELD.attributes << 3) | 2)) readAttribute(reader, attributes);
      else reader.skip(tag);
    }
  }
  return { attributes };
}

/** Decodes an InstrumentationScope; several occurrences of the field merge. */
export function decodeScope(ranges: readonly Uint8Array[]): ScopeRecord {
  if (ranges.length === 0) return NO_SCOPE;
  const attributes = new Map<string, AnyValue[]>();
  let name = '';
  let version = '';
  for (const range of ranges) {
    const reader = new WireReader(range);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      switch (tag) {
        case (INSTRUMENTATION_SCOPE_FIELD.name << 3) | 2:
          name = reader.string();
          break;
        case (INSTRUMENTATION_SCOPE_FIELD.version << 3) | 2:
          version = reader.string();
          break;
        case (INSTRUMENTATION_SCOPE_FIELD.attributes << 3) | 2:
          readAttribute(reader, attributes);
          break;
        default:
          reader.skip(tag);
      }
    }
  }
  return { name, version, attributes };
}

/** Decodes one Span. */
export function decodeSpan(
  bytes: Uint8Array,
  ordinal: number,
  resource: ResourceRecord,
  scope: ScopeRecord,
): SpanRecord {
  const reader = new WireReader(bytes);
  const attributes = new Map<string, AnyValue[]>();
  const events: SpanEventRecord[] = [];
  let traceId = '';
  let spanId = '';
  let parentSpanId = '';
  let name = '';
  let kind = 0;
  let startTimeUnixNano = 0n;
  let endTimeUnixNano = 0n;
  let statusCode = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (SPAN_FIELD.traceId << 3) | 2:
        traceId = reader.view().toString('hex');
        break;
      case (SPAN_FIELD.spanId << 3) | 2:
        spanId = reader.view().toString('hex');
        break;
      case (SPAN_FIELD.parentSpanId << 3) | 2:
        parentSpanId = presentSpanId(reader.view().toString('hex'));
        break;
      case (SPAN_FIELD.name << 3) | 2:
        name = reader.string();
        break;
      case SPAN_FIELD.kind << 3:
        kind = reader.varint32();
        break;
      case (SPAN_FIELD.startTimeUnixNano << 3) | 1:
        startTimeUnixNano = reader.fixed64();
        break;
      case (SPAN_FIELD.endTimeUnixNano << 3) | 1:
        endTimeUnixNano = reader.fixed64();
        break;
      case (SPAN_FIELD.attributes << 3) | 2:
        readAttribute(reader, attributes);
        break;
      case (SPAN_FIELD.events << 3) | 2: {
        const outer = reader.enter();
        events.push(readSpanEvent(reader));
        reader.leave(outer);
        break;
      }
      case (SPAN_FIELD.status << 3) | 2: {
        const outer = reader.enter();
        for (let inner = reader.tag(); inner !== 0; inner = reader.tag()) {
          if (inner === STATUS_FIELD.code << 3) statusCode = reader.varint32();
          else reader.skip(inner);
        }
        reader.leave(outer);
        break;
      }
      default:
        reader.skip(tag);
    }
  }
  return {
    signal: 'traces',
    ordinal,
    resource,
    scope,
    traceId,
    spanId,
    parentSpanId,
    name,
    kind,
    startTimeUnixNano,
    endTimeUnixNano,
    attributes,
    events,
    statusCode,
  };
}

function readSpanEvent(reader: WireReader): SpanEventRecord {
  const attributes = new Map<string, AnyValue[]>();
  let timeUnixNano = 0n;
  let name = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (SPAN_EVENT_FIELD.timeUnixNano << 3) | 1:
        timeUnixNano = reader.fixed64();
        break;
      case (SPAN_EVENT_FIELD.name << 3) | 2:
        name = reader.string();
        break;
      case (SPAN_EVENT_FIELD.attributes << 3) | 2:
        readAttribute(reader, attributes);
        break;
      default:
        reader.skip(tag);
    }
  }
  return { timeUnixNano, name, attributes };
}

/** Decodes one LogRecord. */
export function decodeLogRecord(
  bytes: Uint8Array,
  ordinal: number,
  resource: ResourceRecord,
  scope: ScopeRecord,
): LogRecord {
  const reader = new WireReader(bytes);
  const attributes = new Map<string, AnyValue[]>();
  let traceId = '';
  let spanId = '';
  let timeUnixNano = 0n;
  let observedTimeUnixNano = 0n;
  let severityNumber = 0;
  let eventName = '';
  let body: AnyValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (LOG_RECORD_FIELD.timeUnixNano << 3) | 1:
        timeUnixNano = reader.fixed64();
        break;
      case (LOG_RECORD_FIELD.observedTimeUnixNano << 3) | 1:
        observedTimeUnixNano = reader.fixed64();
        break;
      case LOG_RECORD_FIELD.severityNumber << 3:
        severityNumber = reader.varint32();
        break;
      case (LOG_RECORD_FIELD.body << 3) | 2: {
        const outer = reader.enter();
        body = readAnyValue(reader, 1);
        reader.leave(outer);
        break;
      }
      case (LOG_RECORD_FIELD.attributes << 3) | 2:
        readAttribute(reader, attributes);
        break;
      case (LOG_RECORD_FIELD.traceId << 3) | 2:
        traceId = presentTraceId(reader.view().toString('hex'));
        break;
      case (LOG_RECORD_FIELD.spanId << 3) | 2:
        spanId = presentSpanId(reader.view().toString('hex'));
        break;
      case (LOG_RECORD_FIELD.eventName << 3) | 2:
        eventName = reader.string();
        break;
      default:
        reader.skip(tag);
    }
  }
  if (eventName === '') {
    const named = attributes.get('event.name')?.[0];
    if (typeof named === 'string') eventName = named;
  }
  return {
    signal: 'logs',
    ordinal,
    resource,
    scope,
    traceId,
    spanId,
    timeUnixNano: timeUnixNano === 0n ? observedTimeUnixNano : timeUnixNano,
    severityNumber,
    eventName,
    body,
    attributes,
  };
}

/** Some exporters write "no id" as zeroes. */
function presentSpanId(hex: string): string {
  return hex === '0000000000000000' ? '' : hex;
}

function presentTraceId(hex: string): string {
  return hex === '00000000000000000000000000000000' ? '' : hex;
}
