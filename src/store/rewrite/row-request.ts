import { WireReader } from '../../otlp/protobuf/reader.ts';
import { WireWriter } from '../../otlp/protobuf/writer.ts';
import type { RowKind, StoredRow, TelemetryTableShape } from './telemetry-table.ts';

type Attributes = Readonly<Record<string, string>>;
type Texts = Readonly<Record<string, unknown>>;

/**
 * Stored rows as an export request that holds all their text in the places it came from; `rowsWithTexts` puts the texts of
 * that request back into the rows after redaction. Everything else of a row (times, numbers, ids, counts) stays in the row
 * and is never taken apart. Attribute values come back as the text they were stored as; numbers and booleans are sent as such.
 *
 * @param rows of one table and one tenant; neighbours of one resource and scope stay together, as they came
 */
export function rowRequest(table: TelemetryTableShape, rows: readonly StoredRow[]): Buffer {
  const writer = new WireWriter(64 * 1024);
  for (const group of groupsOf(rows)) {
    const [first] = group;
    if (first === undefined) continue;
    const inResource = writer.begin(1);
    const resource = writer.begin(1);
    writeAttributes(writer, 1, attributes(first, 'ResourceAttributes'));
    writer.end(resource);
    const inScope = writer.begin(2);
    const scope = writer.begin(1);
    writer.stringField(1, text(first, 'ScopeName'));
    writer.stringField(2, text(first, 'ScopeVersion'));
    writeAttributes(writer, 3, attributes(first, 'ScopeAttributes'));
    writer.end(scope);
    for (const row of group) {
      const record = writer.begin(2);
      WRITERS[table.kind](writer, row);
      writer.end(record);
    }
    writer.stringField(3, text(first, 'ScopeSchemaUrl'));
    writer.end(inScope);
    writer.stringField(3, text(first, 'ResourceSchemaUrl'));
    writer.end(inResource);
  }
  return writer.finish();
}

/**
 * The rows with the texts of the redacted request. Throws when the request does not hold one record for each row, which
 * would put texts where they do not belong.
 */
export function rowsWithTexts(table: TelemetryTableShape, rows: readonly StoredRow[], bytes: Uint8Array): StoredRow[] {
  const texts: Texts[] = [];
  for (const group of messages(bytes).all(1)) {
    const resource = messages(group.first(1));
    const scoped = messages(group.first(2));
    const scope = messages(scoped.first(1));
    const resourceAttributes = readAttributes(resource.all(1));
    const shared = {
      ResourceAttributes: resourceAttributes,
      ResourceSchemaUrl: group.text(3),
      ScopeName: scope.text(1),
      ScopeVersion: scope.text(2),
      ScopeAttributes: readAttributes(scope.all(3)),
      ScopeSchemaUrl: scoped.text(3),
    };
    for (const record of scoped.all(2)) texts.push({ ...shared, ...READERS[table.kind](record) });
  }
  if (texts.length !== rows.length) {
    throw new Error(`${texts.length} records came back for ${rows.length} rows of ${table.name}`);
  }
  return rows.map((row, index) => {
    const changed = texts[index] ?? {};
    const service = (changed['ResourceAttributes'] as Attributes | undefined)?.['service.name'];
    return { ...row, ...changed, ...(service === undefined ? {} : { ServiceName: service }) };
  });
}

const WRITERS: Readonly<Record<RowKind, (writer: WireWriter, row: StoredRow) => void>> = {
  span(writer, row) {
    writer.bytesField(1, Buffer.from(text(row, 'TraceId'), 'hex'));
    writer.bytesField(2, Buffer.from(text(row, 'SpanId'), 'hex'));
    writer.stringField(3, text(row, 'TraceState'));
    writer.stringField(5, text(row, 'SpanName'));
    writeAttributes(writer, 9, attributes(row, 'SpanAttributes'));
    const eventAttributes = attributeLists(row, 'Events.Attributes');
    for (const [index, name] of textList(row, 'Events.Name').entries()) {
      const event = writer.begin(11);
      writer.stringField(2, name);
      writeAttributes(writer, 3, eventAttributes[index] ?? {});
      writer.end(event);
    }
    const linkAttributes = attributeLists(row, 'Links.Attributes');
    for (const [index, state] of textList(row, 'Links.TraceState').entries()) {
      const link = writer.begin(13);
      writer.stringField(3, state);
      writeAttributes(writer, 4, linkAttributes[index] ?? {});
      writer.end(link);
    }
    const status = writer.begin(15);
    writer.stringField(2, text(row, 'StatusMessage'));
    writer.end(status);
  },
  log(writer, row) {
    writer.stringField(3, text(row, 'SeverityText'));
    const body = writer.begin(5);
    writer.stringField(1, text(row, 'Body'));
    writer.end(body);
    writeAttributes(writer, 6, attributes(row, 'LogAttributes'));
    writer.bytesField(9, Buffer.from(text(row, 'TraceId'), 'hex'));
    writer.bytesField(10, Buffer.from(text(row, 'SpanId'), 'hex'));
    writer.stringField(12, text(row, 'EventName'));
  },
  // Whatever kind of metric it is: redaction treats the points of all of them alike.
  point(writer, row) {
    writer.stringField(1, text(row, 'MetricName'));
    writer.stringField(2, text(row, 'MetricDescription'));
    writer.stringField(3, text(row, 'MetricUnit'));
    const gauge = writer.begin(5);
    const point = writer.begin(1);
    for (const filtered of attributeLists(row, 'Exemplars.FilteredAttributes')) {
      const exemplar = writer.begin(5);
      writeAttributes(writer, 7, filtered);
      writer.end(exemplar);
    }
    writeAttributes(writer, 7, attributes(row, 'Attributes'));
    writer.end(point);
    writer.end(gauge);
    writeAttributes(writer, 12, attributes(row, 'MetricMetadata'));
  },
};

const READERS: Readonly<Record<RowKind, (record: Messages) => Texts>> = {
  span: (record) => ({
    TraceState: record.text(3),
    SpanName: record.text(5),
    SpanAttributes: readAttributes(record.all(9)),
    'Events.Name': record.all(11).map((event) => event.text(2)),
    'Events.Attributes': record.all(11).map((event) => readAttributes(event.all(3))),
    'Links.TraceState': record.all(13).map((link) => link.text(3)),
    'Links.Attributes': record.all(13).map((link) => readAttributes(link.all(4))),
    StatusMessage: messages(record.first(15)).text(2),
  }),
  log: (record) => ({
    SeverityText: record.text(3),
    Body: valueText(record.first(5)),
    LogAttributes: readAttributes(record.all(6)),
    EventName: record.text(12),
  }),
  point(record) {
    const point = messages(messages(record.first(5)).first(1));
    return {
      MetricName: record.text(1),
      MetricDescription: record.text(2),
      MetricUnit: record.text(3),
      Attributes: readAttributes(point.all(7)),
      ...(point.all(5).length === 0
        ? {}
        : { 'Exemplars.FilteredAttributes': point.all(5).map((each) => readAttributes(each.all(7))) }),
      MetricMetadata: readAttributes(record.all(12)),
    };
  },
};

/** Runs of rows that were received together with one resource and scope. */
function groupsOf(rows: readonly StoredRow[]): readonly (readonly StoredRow[])[] {
  const groups: StoredRow[][] = [];
  let before = '';
  for (const row of rows) {
    const key = JSON.stringify(SHARED_COLUMNS.map((column) => row[column]));
    const last = groups.at(-1);
    if (key === before && last !== undefined) last.push(row);
    else groups.push([row]);
    before = key;
  }
  return groups;
}

const SHARED_COLUMNS = [
  'ReceivedAt',
  'ResourceAttributes',
  'ResourceSchemaUrl',
  'ScopeName',
  'ScopeVersion',
  'ScopeAttributes',
  'ScopeSchemaUrl',
];

function text(row: StoredRow, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : '';
}

function attributes(row: StoredRow, column: string): Attributes {
  const value = row[column];
  return typeof value === 'object' && value !== null ? (value as Attributes) : {};
}

function textList(row: StoredRow, column: string): readonly string[] {
  const value = row[column];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

function attributeLists(row: StoredRow, column: string): readonly Attributes[] {
  const value = row[column];
  return Array.isArray(value) ? (value as readonly Attributes[]) : [];
}

function writeAttributes(writer: WireWriter, field: number, values: Attributes): void {
  for (const [key, value] of Object.entries(values)) {
    const pair = writer.begin(field);
    writer.stringField(1, key);
    const any = writer.begin(2);
    if (value === 'true' || value === 'false') writer.varintField(2, value === 'true' ? 1 : 0);
    else if (/^(?:0|-?[1-9]\d{0,17})$/.test(value)) writer.varintField(3, BigInt(value));
    else writer.stringField(1, value);
    writer.end(any);
    writer.end(pair);
  }
}

function readAttributes(pairs: readonly Messages[]): Attributes {
  const read: Record<string, string> = {};
  for (const pair of pairs) {
    // A key such as `__proto__` is a key like any other.
    Object.defineProperty(read, pair.text(1), {
      value: valueText(pair.first(2)),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return read;
}

/** An AnyValue as it is stored: what `writeAttributes` wrote, or the text that redaction put in its place. */
function valueText(bytes: Buffer): string {
  const reader = new WireReader(bytes);
  let found = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | 2)) found = reader.string();
    else if (tag === 2 << 3) found = reader.varint64() === 0n ? 'false' : 'true';
    else if (tag === 3 << 3) found = BigInt.asIntN(64, reader.varint64()).toString();
    else reader.skip(tag);
  }
  return found;
}

/** The length-delimited fields of a message, by number. */
interface Messages {
  all(field: number): readonly Messages[];
  /** The content of the first, empty when there is none. */
  first(field: number): Buffer;
  text(field: number): string;
}

const EMPTY = Buffer.alloc(0);

function messages(bytes: Uint8Array): Messages {
  const fields = new Map<number, Buffer[]>();
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if ((tag & 7) !== 2) {
      reader.skip(tag);
      continue;
    }
    const found = fields.get(tag >>> 3);
    const content = reader.view();
    if (found === undefined) fields.set(tag >>> 3, [content]);
    else found.push(content);
  }
  return {
    all: (field) => (fields.get(field) ?? []).map(messages),
    first: (field) => fields.get(field)?.[0] ?? EMPTY,
    text: (field) => fields.get(field)?.[0]?.toString('utf8') ?? '',
  };
}
