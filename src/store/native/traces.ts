import type { WireReader } from '../../otlp/protobuf/reader.ts';
import type { BlockMemory } from './block-memory.ts';
import { bytesWritten, type FlatColumn } from './column.ts';
import { createOwner, writeAttribute, writeId, writeRange, writeTime } from './envelope.ts';
import { walkItems } from './scope-walk.ts';
import type { SliceEncoder } from './slice.ts';
import { createTableColumns } from './table-columns.ts';

/** Names as the Collector's exporter writes them (pdata's SpanKind and StatusCode). */
const SPAN_KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'].map(encoded);
const STATUS_CODES = ['Unset', 'Ok', 'Error'].map(encoded);
const UNKNOWN_KIND = encoded('');

function encoded(text: string): Buffer {
  return Buffer.from(`${String.fromCharCode(text.length)}${text}`, 'latin1');
}

/** Spans to `otel_traces`, straight from the request's bytes. */
export function createTraceEncoder(memory: BlockMemory): SliceEncoder {
  const table = createTableColumns(memory);
  const { columns, flat, array, map, mapArray, run } = table;

  const timestamp = flat('Timestamp', 'DateTime64(9)');
  const traceId = flat('TraceId');
  const spanId = flat('SpanId');
  const parentSpanId = flat('ParentSpanId');
  const traceState = flat('TraceState');
  const spanName = flat('SpanName');
  const spanKind = flat('SpanKind');
  const serviceName = flat('ServiceName');
  const resourceAttributes = map('ResourceAttributes');
  const scopeName = flat('ScopeName');
  const scopeVersion = flat('ScopeVersion');
  const spanAttributes = map('SpanAttributes');
  const duration = flat('Duration', 'UInt64');
  const statusCode = flat('StatusCode');
  const statusMessage = flat('StatusMessage');
  const eventTime = array('Events.Timestamp', 'DateTime64(9)');
  const eventName = array('Events.Name', 'String');
  const eventAttributes = mapArray('Events.Attributes');
  const linkTraceId = array('Links.TraceId', 'String');
  const linkSpanId = array('Links.SpanId', 'String');
  const linkTraceState = array('Links.TraceState', 'String');
  const linkAttributes = mapArray('Links.Attributes');
  const frame = table.frame();
  const resourceSchemaUrl = flat('ResourceSchemaUrl');
  const scopeSchemaUrl = flat('ScopeSchemaUrl');
  const scopeAttributes = map('ScopeAttributes');
  const traceFlags = run('TraceFlags');
  const resourceDropped = run('ResourceDroppedAttributesCount');
  const scopeDropped = run('ScopeDroppedAttributesCount');
  const droppedAttributes = run('DroppedAttributesCount');
  const droppedEvents = run('DroppedEventsCount');
  const droppedLinks = run('DroppedLinksCount');
  const eventDropped = array('EventsDroppedAttributesCount', 'UInt32');
  const linkDropped = array('LinksDroppedAttributesCount', 'UInt32');
  const linkFlags = array('LinksFlags', 'UInt32');
  const outOfRange = table.outOfRange();

  const resource = createOwner();
  const scope = createOwner();
  let rows = 0;

  function writeEvent(reader: WireReader, ordinal: number): void {
    const bytes = reader.bytes;
    let low = 0;
    let high = 0;
    let nameStart = -1;
    let nameEnd = -1;
    let dropped = 0;
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x09) {
        low = reader.fixed32();
        high = reader.fixed32();
      } else if (tag === 0x12) {
        nameEnd = reader.lengthEnd();
        nameStart = reader.pos;
        reader.pos = nameEnd;
      } else if (tag === 0x1a) writeAttribute(reader, eventAttributes.maps);
      else if (tag === 0x20) dropped = reader.varint32();
      else reader.skip(tag);
    }
    reader.leave(outer);
    writeTime(eventTime.values, low, high, `events[${ordinal}].time_unix_nano`, outOfRange);
    writeRange(eventName.values, bytes, nameStart, nameEnd);
    eventAttributes.maps.closeRow();
    eventDropped.values.uint32(dropped);
    eventDropped.offsets.total += 1;
    eventTime.offsets.total += 1;
    eventName.offsets.total += 1;
    eventAttributes.offsets.total += 1;
  }

  function writeLink(reader: WireReader): void {
    const bytes = reader.bytes;
    let traceStart = -1;
    let traceEnd = -1;
    let spanStart = -1;
    let spanEnd = -1;
    let stateStart = -1;
    let stateEnd = -1;
    let dropped = 0;
    let flags = 0;
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x0a) {
        traceEnd = reader.lengthEnd();
        traceStart = reader.pos;
        reader.pos = traceEnd;
      } else if (tag === 0x12) {
        spanEnd = reader.lengthEnd();
        spanStart = reader.pos;
        reader.pos = spanEnd;
      } else if (tag === 0x1a) {
        stateEnd = reader.lengthEnd();
        stateStart = reader.pos;
        reader.pos = stateEnd;
      } else if (tag === 0x22) writeAttribute(reader, linkAttributes.maps);
      else if (tag === 0x28) dropped = reader.varint32();
      else if (tag === 0x35) flags = reader.fixed32();
      else reader.skip(tag);
    }
    reader.leave(outer);
    writeId(linkTraceId.values, bytes, traceStart, traceEnd, 16);
    writeId(linkSpanId.values, bytes, spanStart, spanEnd, 8);
    writeRange(linkTraceState.values, bytes, stateStart, stateEnd);
    linkAttributes.maps.closeRow();
    linkDropped.values.uint32(dropped);
    linkFlags.values.uint32(flags);
    linkDropped.offsets.total += 1;
    linkFlags.offsets.total += 1;
    linkTraceId.offsets.total += 1;
    linkSpanId.offsets.total += 1;
    linkTraceState.offsets.total += 1;
    linkAttributes.offsets.total += 1;
  }

  /** The Span message whose length is at the cursor. */
  function writeSpan(reader: WireReader): void {
    const bytes = reader.bytes;
    let traceStart = -1;
    let traceEnd = -1;
    let spanStart = -1;
    let spanEnd = -1;
    let stateStart = -1;
    let stateEnd = -1;
    let parentStart = -1;
    let parentEnd = -1;
    let nameStart = -1;
    let nameEnd = -1;
    let messageStart = -1;
    let messageEnd = -1;
    let kind = 0;
    let code = 0;
    let flags = 0;
    let startLow = 0;
    let startHigh = 0;
    let endLow = 0;
    let endHigh = 0;
    let attributesDropped = 0;
    let eventsDropped = 0;
    let linksDropped = 0;
    let events = 0;
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      switch (tag) {
        case 0x4a: // attributes (9), first because most frequent
          writeAttribute(reader, spanAttributes);
          break;
        case 0x0a:
          traceEnd = reader.lengthEnd();
          traceStart = reader.pos;
          reader.pos = traceEnd;
          break;
        case 0x12:
          spanEnd = reader.lengthEnd();
          spanStart = reader.pos;
          reader.pos = spanEnd;
          break;
        case 0x1a:
          stateEnd = reader.lengthEnd();
          stateStart = reader.pos;
          reader.pos = stateEnd;
          break;
        case 0x22:
          parentEnd = reader.lengthEnd();
          parentStart = reader.pos;
          reader.pos = parentEnd;
          break;
        case 0x2a:
          nameEnd = reader.lengthEnd();
          nameStart = reader.pos;
          reader.pos = nameEnd;
          break;
        case 0x30:
          kind = reader.varint32();
          break;
        case 0x39:
          startLow = reader.fixed32();
          startHigh = reader.fixed32();
          break;
        case 0x41:
          endLow = reader.fixed32();
          endHigh = reader.fixed32();
          break;
        case 0x50:
          attributesDropped = reader.varint32();
          break;
        case 0x5a:
          writeEvent(reader, events);
          events += 1;
          break;
        case 0x60:
          eventsDropped = reader.varint32();
          break;
        case 0x6a:
          writeLink(reader);
          break;
        case 0x70:
          linksDropped = reader.varint32();
          break;
        case 0x7a: {
          const inner = reader.enter();
          for (let field = reader.tag(); field !== 0; field = reader.tag()) {
            if (field === 0x12) {
              messageEnd = reader.lengthEnd();
              messageStart = reader.pos;
              reader.pos = messageEnd;
            } else if (field === 0x18) code = reader.varint32();
            else reader.skip(field);
          }
          reader.leave(inner);
          break;
        }
        case 0x85:
          flags = reader.fixed32();
          break;
        default:
          reader.skip(tag);
      }
    }
    reader.leave(outer);

    writeTime(timestamp, startLow, startHigh, 'start_time_unix_nano', outOfRange);
    writeId(traceId, bytes, traceStart, traceEnd, 16);
    writeId(spanId, bytes, spanStart, spanEnd, 8);
    writeId(parentSpanId, bytes, parentStart, parentEnd, 8);
    writeRange(traceState, bytes, stateStart, stateEnd);
    writeRange(spanName, bytes, nameStart, nameEnd);
    const kindText = SPAN_KINDS[kind] ?? UNKNOWN_KIND;
    spanKind.copy(kindText, 0, kindText.length);
    spanAttributes.closeRow();
    writeDuration(duration, startLow, startHigh, endLow, endHigh);
    const codeText = STATUS_CODES[code] ?? UNKNOWN_KIND;
    statusCode.copy(codeText, 0, codeText.length);
    writeRange(statusMessage, bytes, messageStart, messageEnd);
    eventTime.closeRow();
    eventName.closeRow();
    eventAttributes.closeRow();
    linkTraceId.closeRow();
    linkSpanId.closeRow();
    linkTraceState.closeRow();
    linkAttributes.closeRow();
    traceFlags.uint32(flags);
    droppedAttributes.uint32(attributesDropped);
    droppedEvents.uint32(eventsDropped);
    droppedLinks.uint32(linksDropped);
    eventDropped.closeRow();
    linkDropped.closeRow();
    linkFlags.closeRow();
    outOfRange.closeRow();
  }

  /** What is alike in the rows of one scope. */
  function closeScope(count: number): void {
    serviceName.repeat(resource.serviceName, count);
    resourceAttributes.appendRows(resource.attributes, count);
    scopeName.repeat(scope.name, count);
    scopeVersion.repeat(scope.version, count);
    resourceSchemaUrl.repeat(resource.schemaUrl, count);
    scopeSchemaUrl.repeat(scope.schemaUrl, count);
    scopeAttributes.appendRows(scope.attributes, count);
    resourceDropped.uint32(resource.droppedAttributes, count);
    scopeDropped.uint32(scope.droppedAttributes, count);
    frame.rows(count);
    rows += count;
  }

  return {
    signal: 'traces',
    add(slice) {
      frame.begin(slice.frame.tenant, slice.frame.receivedAtUnixNano, slice.frame.policyVersion);
      walkItems(slice, resource, scope, writeSpan, closeScope);
    },
    get bytes() {
      return bytesWritten(columns);
    },
    finish() {
      return rows === 0 ? [] : [{ table: 'otel_traces', block: { columns, rows } }];
    },
    release() {
      for (const column of columns) column.release();
    },
    get clampedTimes() {
      return outOfRange.clamped;
    },
  };
}

/** Nanoseconds from start to end; a span that ends before it starts took 0 (its end is in no column of the exporter's). */
function writeDuration(column: FlatColumn, startLow: number, startHigh: number, endLow: number, endHigh: number): void {
  let low = endLow - startLow;
  let high = endHigh - startHigh;
  if (low < 0) {
    low += 0x1_0000_0000;
    high -= 1;
  }
  if (high < 0) column.uint64(0, 0);
  else column.uint64(low, high);
}
