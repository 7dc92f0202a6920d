import type { WireReader } from '../../otlp/protobuf/reader.ts';
import { writeAnyValue } from './any-value.ts';
import type { BlockMemory } from './block-memory.ts';
import { bytesWritten } from './column.ts';
import { createOwner, writeAttribute, writeId, writeRange, writeTime } from './envelope.ts';
import { walkItems } from './scope-walk.ts';
import type { SliceEncoder } from './slice.ts';
import { createTableColumns } from './table-columns.ts';

/** Log records to `otel_logs`, straight from the request's bytes. */
export function createLogEncoder(memory: BlockMemory): SliceEncoder {
  const table = createTableColumns(memory);
  const { columns, flat, map, run } = table;

  const timestamp = flat('Timestamp', 'DateTime64(9)');
  const traceId = flat('TraceId');
  const spanId = flat('SpanId');
  const traceFlags = flat('TraceFlags', 'UInt8');
  const severityText = flat('SeverityText');
  const severityNumber = flat('SeverityNumber', 'UInt8');
  const serviceName = flat('ServiceName');
  const body = flat('Body');
  const resourceSchemaUrl = flat('ResourceSchemaUrl');
  const resourceAttributes = map('ResourceAttributes');
  const scopeSchemaUrl = flat('ScopeSchemaUrl');
  const scopeName = flat('ScopeName');
  const scopeVersion = flat('ScopeVersion');
  const scopeAttributes = map('ScopeAttributes');
  const logAttributes = map('LogAttributes');
  const eventName = flat('EventName');
  const frame = table.frame();
  const observedTimestamp = flat('ObservedTimestamp', 'DateTime64(9)');
  const resourceDropped = run('ResourceDroppedAttributesCount');
  const scopeDropped = run('ScopeDroppedAttributesCount');
  const droppedAttributes = run('DroppedAttributesCount');
  const flagsColumn = run('Flags');
  const outOfRange = table.outOfRange();

  const resource = createOwner();
  const scope = createOwner();
  let rows = 0;

  function writeRecord(reader: WireReader): void {
    const bytes = reader.bytes;
    let traceStart = -1;
    let traceEnd = -1;
    let spanStart = -1;
    let spanEnd = -1;
    let textStart = -1;
    let textEnd = -1;
    let bodyStart = -1;
    let bodyEnd = -1;
    let eventStart = -1;
    let eventEnd = -1;
    let severity = 0;
    let dropped = 0;
    let flags = 0;
    let timeLow = 0;
    let timeHigh = 0;
    let observedLow = 0;
    let observedHigh = 0;
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      switch (tag) {
        case 0x32:
          writeAttribute(reader, logAttributes);
          break;
        case 0x09:
          timeLow = reader.fixed32();
          timeHigh = reader.fixed32();
          break;
        case 0x10:
          severity = reader.varint32();
          break;
        case 0x1a:
          textEnd = reader.lengthEnd();
          textStart = reader.pos;
          reader.pos = textEnd;
          break;
        case 0x2a:
          bodyEnd = reader.lengthEnd();
          bodyStart = reader.pos;
          reader.pos = bodyEnd;
          break;
        case 0x38:
          dropped = reader.varint32();
          break;
        case 0x45:
          flags = reader.fixed32();
          break;
        case 0x4a:
          traceEnd = reader.lengthEnd();
          traceStart = reader.pos;
          reader.pos = traceEnd;
          break;
        case 0x52:
          spanEnd = reader.lengthEnd();
          spanStart = reader.pos;
          reader.pos = spanEnd;
          break;
        case 0x59:
          observedLow = reader.fixed32();
          observedHigh = reader.fixed32();
          break;
        case 0x62:
          eventEnd = reader.lengthEnd();
          eventStart = reader.pos;
          reader.pos = eventEnd;
          break;
        default:
          reader.skip(tag);
      }
    }
    if (bodyStart < 0) body.varint(0);
    else {
      const end = reader.pos;
      reader.pos = bodyStart;
      writeAnyValue(reader, bodyEnd, body);
      reader.pos = end;
    }
    reader.leave(outer);

    // Time 0 means unknown: the time it was observed stands in (R43).
    if (timeLow === 0 && timeHigh === 0) {
      writeTime(timestamp, observedLow, observedHigh, 'observed_time_unix_nano', outOfRange);
    } else writeTime(timestamp, timeLow, timeHigh, 'time_unix_nano', outOfRange);
    writeId(traceId, bytes, traceStart, traceEnd, 16);
    writeId(spanId, bytes, spanStart, spanEnd, 8);
    traceFlags.uint8(flags & 0xff);
    writeRange(severityText, bytes, textStart, textEnd);
    severityNumber.uint8(severity > 0xff ? 0 : severity);
    logAttributes.closeRow();
    writeRange(eventName, bytes, eventStart, eventEnd);
    if (timeLow === 0 && timeHigh === 0 && observedHigh >>> 0 > 0x7fffffff) {
      observedTimestamp.uint64(0xffffffff, 0x7fffffff);
    } else writeTime(observedTimestamp, observedLow, observedHigh, 'observed_time_unix_nano', outOfRange);
    droppedAttributes.uint32(dropped);
    flagsColumn.uint32(flags);
    outOfRange.closeRow();
  }

  /** What is alike in the rows of one scope. */
  function closeScope(count: number): void {
    serviceName.repeat(resource.serviceName, count);
    resourceSchemaUrl.repeat(resource.schemaUrl, count);
    resourceAttributes.appendRows(resource.attributes, count);
    scopeSchemaUrl.repeat(scope.schemaUrl, count);
    scopeName.repeat(scope.name, count);
    scopeVersion.repeat(scope.version, count);
    scopeAttributes.appendRows(scope.attributes, count);
    frame.rows(count);
    resourceDropped.uint32(resource.droppedAttributes, count);
    scopeDropped.uint32(scope.droppedAttributes, count);
    rows += count;
  }

  return {
    signal: 'logs',
    add(slice) {
      frame.begin(slice.frame.tenant, slice.frame.receivedAtUnixNano, slice.frame.policyVersion);
      walkItems(slice, resource, scope, writeRecord, closeScope);
    },
    get bytes() {
      return bytesWritten(columns);
    },
    finish() {
      return rows === 0 ? [] : [{ table: 'otel_logs', block: { columns, rows } }];
    },
    release() {
      for (const column of columns) column.release();
    },
    get clampedTimes() {
      return outOfRange.clamped;
    },
  };
}
