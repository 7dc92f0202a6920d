import {
  INSTRUMENTATION_SCOPE_FIELD,
  LOG_RECORD_FIELD,
  RESOURCE_FIELD,
  SPAN_EVENT_FIELD,
  SPAN_FIELD,
  STATUS_FIELD,
} from '../otlp/protobuf/fields.ts';
import { WireReader } from '../otlp/protobuf/reader.ts';
import { readAnyValue, readAttribute } from './decode-value.ts';
import type {
  AnyValue,
  LogRecord,
  ResourceRecord,
  ScopeRecord,
  SpanEventRecord,
  SpanRecord,
} from './telemetry-record.ts';

const NO_EVENTS: readonly SpanEventRecord[] = [];
const NO_SCOPE: ScopeRecord = { name: '', version: '', attributes: new Map() };

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

/** Decodes the Span the reader stands in; read to its end. */
export function decodeSpan(
  reader: WireReader,
  ordinal: number,
  resource: ResourceRecord,
  scope: ScopeRecord,
): SpanRecord {
  const attributes = new Map<string, AnyValue[]>();
  let events: SpanEventRecord[] | undefined;
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
        traceId = reader.hex();
        break;
      case (SPAN_FIELD.spanId << 3) | 2:
        spanId = reader.hex();
        break;
      case (SPAN_FIELD.parentSpanId << 3) | 2:
        parentSpanId = presentSpanId(reader.hex());
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
        (events ??= []).push(readSpanEvent(reader));
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
    events: events ?? NO_EVENTS,
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

/** Decodes the LogRecord the reader stands in; read to its end. */
export function decodeLogRecord(
  reader: WireReader,
  ordinal: number,
  resource: ResourceRecord,
  scope: ScopeRecord,
): LogRecord {
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
        traceId = presentTraceId(reader.hex());
        break;
      case (LOG_RECORD_FIELD.spanId << 3) | 2:
        spanId = presentSpanId(reader.hex());
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
