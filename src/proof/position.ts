import { messageSchema, requestSchema, type FieldSchema, type MessageName } from '../otlp/protobuf/schema.ts';
import { WIRE_GROUP_END, WIRE_GROUP_START } from '../otlp/protobuf/reader.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import type { Signal } from '../otlp/signal.ts';

/** What the records around a canary are: their ids tell the cell, their attributes bring them to the incident. */
export interface CellRecord {
  readonly cell: number;
  readonly incident: string;
  /** False leaves the tool's name out, so that no rule for tools applies. */
  readonly toolCall: boolean;
}

/** One place of an OTLP request where text can be. */
export interface Position {
  readonly signal: Signal;
  /** Without what every request has around it: `Span.attributes.value`, `Resource.attributes.key`. */
  readonly name: string;
  /** True for fields the schema does not know: what is around the text in them need not stay. */
  readonly unknownField: boolean;
  /** A whole export request with the text in this place. */
  build(text: string, record: CellRecord): Buffer;
}

/** A value in a list or map in an attribute: deeper ones are walked by the same code. */
const ANY_VALUE_LEVELS = 2;
const UNKNOWN_FIELD = 999;
const TIME = 1_767_225_600_000_000_000n;
const TRACE_PREFIX = 'd0c4e7';

/** The trace id of a cell, in hex. */
export function cellTraceId(cell: number): string {
  return TRACE_PREFIX + cell.toString(16).padStart(32 - TRACE_PREFIX.length, '0');
}

type Write = (writer: WireWriter, text: string, record: CellRecord) => void;

interface Place {
  readonly path: readonly string[];
  readonly unknownField: boolean;
  readonly write: Write;
}

/** Every place of a signal's requests where text can be, from the protobuf schema, so that none is forgotten. */
export function positionsOf(signal: Signal): readonly Position[] {
  const places = placesIn(requestSchema(signal).name, 0);
  return places.map(({ path, unknownField, write }) => ({
    signal,
    name: path.join('.').replaceAll('.arrayValue.values', '[]').replaceAll('.kvlistValue.values', '{}'),
    unknownField,
    build(text, record) {
      const writer = new WireWriter(4096);
      write(writer, text, record);
      return writer.finish();
    },
  }));
}

/** A request with one attribute on a record of its own. */
export function attributeRequest(key: string, text: string, record: CellRecord): Buffer {
  const inner = new WireWriter();
  inner.stringField(1, key);
  const value = inner.begin(2);
  inner.stringField(1, text);
  inner.end(value);
  const writer = new WireWriter(4096);
  const resourceSpans = writer.begin(1);
  const scopeSpans = writer.begin(2);
  const span = writer.begin(2);
  fill(writer, 'Span', undefined, record);
  writer.bytesField(9, inner.finish());
  writer.end(span);
  writer.end(scopeSpans);
  writer.end(resourceSpans);
  return writer.finish();
}

function placesIn(name: MessageName, valueLevels: number): Place[] {
  const places: Place[] = [];
  const place = (path: readonly string[], field: FieldSchema | undefined, write: Write, unknownField = false): void => {
    places.push({
      path,
      unknownField,
      write(writer, text, record) {
        fill(writer, name, field, record);
        write(writer, text, record);
      },
    });
  };
  for (const field of messageSchema(name).fields) {
    const label = `${name}.${field.name}`;
    if (field.kind === 'string') place([label], field, (writer, text) => writer.stringField(field.number, text));
    if (field.kind === 'base64') {
      place([label], field, (writer, text) => writer.bytesField(field.number, Buffer.from(text)));
    }
    if (field.kind !== 'message' || field.message === undefined) continue;
    const levels = field.message === 'AnyValue' ? valueLevels + 1 : valueLevels;
    if (levels > ANY_VALUE_LEVELS) continue;
    for (const inner of placesIn(field.message, levels)) {
      place(
        shortened(name, field, inner.path),
        field,
        (writer, text, record) => {
          const mark = writer.begin(field.number);
          inner.write(writer, text, record);
          writer.end(mark);
        },
        inner.unknownField,
      );
    }
  }
  place([`${name} (unknown field)`], undefined, writeUnknownField, true);
  return places;
}

/** A message of a kind that no schema knows: the text by itself and within a group. */
function writeUnknownField(writer: WireWriter, text: string): void {
  const message = writer.begin(UNKNOWN_FIELD);
  writer.varintField(1, 7);
  writer.varint((2 << 3) | WIRE_GROUP_START);
  writer.stringField(3, text);
  writer.varint((2 << 3) | WIRE_GROUP_END);
  writer.stringField(4, text);
  writer.end(message);
}

/** Names begin at the message that is worth naming: what only holds others is left out. */
function shortened(name: MessageName, field: FieldSchema, path: readonly string[]): readonly string[] {
  if (/^(Export|Resource[A-Z]|Scope[A-Z])/.test(name) || path[0]?.startsWith('Metric.') === true) return path;
  if (['Gauge', 'Sum', 'Histogram', 'ExponentialHistogram', 'Summary'].includes(name)) return path;
  if (field.message === 'Resource' || field.message === 'InstrumentationScope') return path;
  return [`${name}.${field.name}`, ...path.map((part) => part.slice(part.indexOf('.') + 1))];
}

/** What a message needs to be kept, and what holds it, besides the field under test. */
function fill(writer: WireWriter, name: MessageName, tested: FieldSchema | undefined, record: CellRecord): void {
  const nested = (field: number, message: MessageName): void => {
    if (tested?.number === field) return;
    const mark = writer.begin(field);
    fill(writer, message, undefined, record);
    writer.end(mark);
  };
  const text = (field: number, value: string): void => {
    if (tested?.number !== field) writer.stringField(field, value);
  };
  const attribute = (field: number, key: string, value: string): void => {
    const pair = writer.begin(field);
    writer.stringField(1, key);
    const any = writer.begin(2);
    writer.stringField(1, value);
    writer.end(any);
    writer.end(pair);
  };
  const agentWork = (field: number): void => {
    attribute(field, 'incident.id', record.incident);
    if (!record.toolCall) {
      attribute(field, 'gen_ai.operation.name', 'chat');
      return;
    }
    attribute(field, 'gen_ai.operation.name', 'execute_tool');
    attribute(field, 'gen_ai.tool.name', 'lookup');
    attribute(field, 'gen_ai.tool.call.id', `call-${record.cell}`);
  };
  const traceId = Buffer.from(cellTraceId(record.cell), 'hex');
  const spanId = Buffer.from((record.cell + 1).toString(16).padStart(16, '0'), 'hex');
  switch (name) {
    case 'ExportTraceServiceRequest':
      nested(1, 'ResourceSpans');
      return;
    case 'ExportLogsServiceRequest':
      nested(1, 'ResourceLogs');
      return;
    case 'ExportMetricsServiceRequest':
      nested(1, 'ResourceMetrics');
      return;
    case 'ResourceSpans':
      nested(2, 'ScopeSpans');
      return;
    case 'ResourceLogs':
      nested(2, 'ScopeLogs');
      return;
    case 'ResourceMetrics':
      nested(2, 'ScopeMetrics');
      return;
    case 'ScopeSpans':
      nested(2, 'Span');
      return;
    case 'ScopeLogs':
      nested(2, 'LogRecord');
      return;
    case 'ScopeMetrics':
      nested(2, 'Metric');
      return;
    case 'Span':
      writer.bytesField(1, traceId);
      writer.bytesField(2, spanId);
      text(5, record.toolCall ? 'execute_tool lookup' : 'chat');
      writer.fixed64Field(7, TIME + BigInt(record.cell) * 1_000_000n);
      writer.fixed64Field(8, TIME + BigInt(record.cell) * 1_000_000n + 1_000n);
      agentWork(9);
      return;
    case 'LogRecord':
      writer.fixed64Field(1, TIME + BigInt(record.cell) * 1_000_000n);
      writer.bytesField(9, traceId);
      writer.bytesField(10, spanId);
      attribute(6, 'incident.id', record.incident);
      return;
    case 'Metric':
      text(1, `proof.metric.${record.cell}`);
      if (tested === undefined || ![5, 7, 9, 10, 11].includes(tested.number)) nested(5, 'Gauge');
      return;
    case 'Gauge':
      nested(1, 'NumberDataPoint');
      return;
    case 'Sum':
    case 'Histogram':
    case 'ExponentialHistogram':
      writer.varintField(2, 2);
      return;
    case 'NumberDataPoint':
      writer.fixed64Field(3, TIME);
      writer.doubleField(4, record.cell);
      return;
    case 'HistogramDataPoint':
    case 'ExponentialHistogramDataPoint':
    case 'SummaryDataPoint':
      writer.fixed64Field(3, TIME);
      writer.fixed64Field(4, 1n);
      return;
    case 'Exemplar':
      writer.fixed64Field(2, TIME);
      writer.doubleField(3, 1);
      return;
    case 'SpanLink':
      writer.bytesField(1, traceId);
      writer.bytesField(2, spanId);
      return;
    case 'SpanEvent':
      writer.fixed64Field(1, TIME);
      text(2, 'step');
      return;
    case 'KeyValue':
      text(1, 'note');
      if (tested?.number !== 2) {
        const any = writer.begin(2);
        writer.stringField(1, 'value');
        writer.end(any);
      }
      return;
    case 'EntityRef':
      text(2, 'service');
      return;
    default:
  }
}
