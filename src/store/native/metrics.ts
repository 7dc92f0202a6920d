import { WireReader, WIRE_BYTES } from '../../otlp/protobuf/reader.ts';
import type { BlockMemory } from './block-memory.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { ArrayColumn, AttributeRun, FlatColumn, MapArrayColumn, MapColumn, type Column } from './column.ts';
import { writeKeyValue, type KeyRange } from './attributes.ts';
import {
  OutOfRangeTimes,
  copyText,
  createFrameColumns,
  createOwner,
  readResource,
  readScope,
  writeAttribute,
  writeId,
  writeTime,
  type FrameColumns,
  type Owner,
} from './envelope.ts';
import type { FrameSlice, SliceEncoder, TableBlock, TelemetryTable } from './slice.ts';

type Shape = 'number' | 'histogram' | 'exp_histogram' | 'summary';

/** Metric.data members: field number, table, shape of the points. */
const KINDS: ReadonlyMap<number, { readonly table: TelemetryTable; readonly shape: Shape }> = new Map([
  [5, { table: 'otel_metrics_gauge', shape: 'number' }],
  [7, { table: 'otel_metrics_sum', shape: 'number' }],
  [9, { table: 'otel_metrics_histogram', shape: 'histogram' }],
  [10, { table: 'otel_metrics_exp_histogram', shape: 'exp_histogram' }],
  [11, { table: 'otel_metrics_summary', shape: 'summary' }],
]);

/** What the points of one metric have in common. */
interface Metric {
  readonly name: ByteBuffer;
  readonly description: ByteBuffer;
  readonly unit: ByteBuffer;
  readonly metadata: AttributeRun;
  temporality: number;
  monotonic: boolean;
}

interface Context {
  readonly resource: Owner;
  readonly scope: Owner;
  readonly metric: Metric;
}

const key: KeyRange = { start: 0, end: 0 };

/** Data points to the five `otel_metrics_*` tables, straight from the request's bytes. */
export function createMetricEncoder(memory: BlockMemory): SliceEncoder {
  const context: Context = {
    resource: createOwner(),
    scope: createOwner(),
    metric: {
      name: new ByteBuffer(64),
      description: new ByteBuffer(64),
      unit: new ByteBuffer(64),
      metadata: new AttributeRun(),
      temporality: 0,
      monotonic: false,
    },
  };
  const tables = new Map<TelemetryTable, PointTable>();

  function tableOf(table: TelemetryTable, shape: Shape): PointTable {
    let found = tables.get(table);
    if (found === undefined) {
      found = createPointTable(shape, table === 'otel_metrics_sum', context, memory);
      tables.set(table, found);
    }
    return found;
  }

  /** The Metric message whose length is at the cursor; returns the ordinal after its last point. */
  function walkMetric(reader: WireReader, slice: FrameSlice, firstOrdinal: number): number {
    let ordinal = firstOrdinal;
    const outer = reader.enter();
    const start = reader.pos;
    readMetric(reader, context.metric);
    reader.pos = start;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      const kind = (tag & 7) === WIRE_BYTES ? KINDS.get(tag >>> 3) : undefined;
      if (kind === undefined) {
        reader.skip(tag);
        continue;
      }
      const points = reader.enter();
      readTemporality(reader, context.metric);
      for (let field = reader.tag(); field !== 0; field = reader.tag()) {
        if (field !== 0x0a) {
          reader.skip(field);
          continue;
        }
        if (ordinal >= slice.from && ordinal < slice.to) {
          const table = tableOf(kind.table, kind.shape);
          table.frame.begin(slice.frame.tenant, slice.frame.receivedAtUnixNano, slice.frame.policyVersion);
          table.write(reader);
        } else reader.skip(field);
        ordinal += 1;
      }
      reader.leave(points);
    }
    reader.leave(outer);
    return ordinal;
  }

  return {
    signal: 'metrics',
    add(slice) {
      const reader = new WireReader(slice.frame.bytes);
      let ordinal = 0;
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        if (tag !== 0x0a) {
          reader.skip(tag);
          continue;
        }
        const request = reader.enter();
        readResource(reader, context.resource);
        for (let group = reader.tag(); group !== 0; group = reader.tag()) {
          if (group !== 0x12) {
            reader.skip(group);
            continue;
          }
          const outerGroup = reader.enter();
          readScope(reader, context.scope);
          for (let item = reader.tag(); item !== 0; item = reader.tag()) {
            if (item === 0x12) ordinal = walkMetric(reader, slice, ordinal);
            else reader.skip(item);
          }
          reader.leave(outerGroup);
        }
        reader.leave(request);
      }
    },
    finish() {
      const blocks: TableBlock[] = [];
      for (const [table, points] of tables) {
        blocks.push({ table, block: { columns: points.columns, rows: points.rows() } });
      }
      return blocks;
    },
    release() {
      for (const { columns } of tables.values()) for (const column of columns) column.release();
    },
    get clampedTimes() {
      let clamped = 0;
      for (const table of tables.values()) clamped += table.outOfRange.clamped;
      return clamped;
    },
  };
}

function readMetric(reader: WireReader, metric: Metric): void {
  for (const text of [metric.name, metric.description, metric.unit]) {
    text.clear();
    text.varint(0);
  }
  metric.metadata.clear();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) copyText(reader, metric.name);
    else if (tag === 0x12) copyText(reader, metric.description);
    else if (tag === 0x1a) copyText(reader, metric.unit);
    else if (tag === 0x62) {
      writeKeyValue(reader, metric.metadata.keys, metric.metadata.values, key);
      metric.metadata.count += 1;
    } else reader.skip(tag);
  }
}

/** Fields 2 and 3 of Sum, Histogram and ExponentialHistogram may come after the points; the cursor is put back. */
function readTemporality(reader: WireReader, metric: Metric): void {
  metric.temporality = 0;
  metric.monotonic = false;
  const start = reader.pos;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x10) metric.temporality = reader.varint32();
    else if (tag === 0x18) metric.monotonic = reader.varint32() !== 0;
    else reader.skip(tag);
  }
  reader.pos = start;
}

interface PointTable {
  readonly columns: readonly Column[];
  readonly frame: FrameColumns;
  readonly outOfRange: OutOfRangeTimes;
  /** The data point whose length is at the cursor. */
  write(reader: WireReader): void;
  rows(): number;
}

/** Fields of a data point as they are met; one is used for all points of a table. */
interface Point {
  startLow: number;
  startHigh: number;
  timeLow: number;
  timeHigh: number;
  flags: number;
  value: number;
  integer: bigint | undefined;
  count: bigint;
  sum: number | undefined;
  min: number | undefined;
  max: number | undefined;
  scale: number;
  zeroCount: bigint;
  zeroThreshold: number;
  positiveOffset: number;
  negativeOffset: number;
}

function emptyPoint(): Point {
  return {
    startLow: 0,
    startHigh: 0,
    timeLow: 0,
    timeHigh: 0,
    flags: 0,
    value: 0,
    integer: undefined,
    count: 0n,
    sum: undefined,
    min: undefined,
    max: undefined,
    scale: 0,
    zeroCount: 0n,
    zeroThreshold: 0,
    positiveOffset: 0,
    negativeOffset: 0,
  };
}

function createPointTable(shape: Shape, isSum: boolean, context: Context, memory: BlockMemory): PointTable {
  const columns: Column[] = [];
  const add = <C extends Column>(column: C): C => {
    columns.push(column);
    return column;
  };
  const flat = (name: string, type = 'String'): FlatColumn => add(new FlatColumn(name, type, memory));
  const map = (name: string): MapColumn => add(new MapColumn(name, undefined, memory));
  const array = (name: string, type: string): ArrayColumn => add(new ArrayColumn(name, type, memory));

  const resourceAttributes = map('ResourceAttributes');
  const resourceSchemaUrl = flat('ResourceSchemaUrl');
  const scopeName = flat('ScopeName');
  const scopeVersion = flat('ScopeVersion');
  const scopeAttributes = map('ScopeAttributes');
  const scopeDropped = flat('ScopeDroppedAttrCount', 'UInt32');
  const scopeSchemaUrl = flat('ScopeSchemaUrl');
  const serviceName = flat('ServiceName');
  const metricName = flat('MetricName');
  const metricDescription = flat('MetricDescription');
  const metricUnit = flat('MetricUnit');
  const attributes = map('Attributes');
  const startTime = flat('StartTimeUnix', 'DateTime64(9)');
  const time = flat('TimeUnix', 'DateTime64(9)');
  const flags = flat('Flags', 'UInt32');
  const frame = createFrameColumns(memory);
  columns.push(...frame.columns);
  const resourceDropped = flat('ResourceDroppedAttributesCount', 'UInt32');
  const metadata = map('MetricMetadata');
  const outOfRange = add(new OutOfRangeTimes(memory));
  const exemplars = shape === 'summary' ? undefined : createExemplars(add, array, outOfRange, memory);
  const body = createBody(shape, isSum, flat, array, context.metric);
  const { resource, scope, metric } = context;
  let rows = 0;

  function write(reader: WireReader): void {
    const point = emptyPoint();
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      // Attributes are field 7, and 9 in histograms, and 1 in exponential ones.
      if (tag === body.attributesTag) writeAttribute(reader, attributes);
      else if (tag === 0x11) {
        point.startLow = reader.fixed32();
        point.startHigh = reader.fixed32();
      } else if (tag === 0x19) {
        point.timeLow = reader.fixed32();
        point.timeHigh = reader.fixed32();
      } else if (tag === body.flagsTag) point.flags = reader.varint32();
      else if (tag === body.exemplarsTag && exemplars !== undefined) exemplars.write(reader);
      else if (!body.field(reader, tag, point)) reader.skip(tag);
    }
    reader.leave(outer);

    resourceAttributes.appendRow(resource.attributes);
    resourceSchemaUrl.append(resource.schemaUrl);
    scopeName.append(scope.name);
    scopeVersion.append(scope.version);
    scopeAttributes.appendRow(scope.attributes);
    scopeDropped.uint32(scope.droppedAttributes);
    scopeSchemaUrl.append(scope.schemaUrl);
    serviceName.append(resource.serviceName);
    metricName.append(metric.name);
    metricDescription.append(metric.description);
    metricUnit.append(metric.unit);
    attributes.closeRow();
    writeTime(startTime, point.startLow, point.startHigh, 'start_time_unix_nano', outOfRange);
    writeTime(time, point.timeLow, point.timeHigh, 'time_unix_nano', outOfRange);
    flags.uint32(point.flags);
    frame.row();
    resourceDropped.uint32(resource.droppedAttributes);
    metadata.appendRow(metric.metadata);
    exemplars?.closeRow();
    body.row(point);
    outOfRange.closeRow();
    rows += 1;
  }

  return { columns, frame, outOfRange, write, rows: () => rows };
}

interface Exemplars {
  write(reader: WireReader): void;
  closeRow(): void;
}

function createExemplars(
  add: <C extends Column>(column: C) => C,
  array: (name: string, type: string) => ArrayColumn,
  outOfRange: OutOfRangeTimes,
  memory: BlockMemory,
): Exemplars {
  const filtered = add(new MapArrayColumn('Exemplars.FilteredAttributes', memory));
  const time = array('Exemplars.TimeUnix', 'DateTime64(9)');
  const value = array('Exemplars.Value', 'Float64');
  const spanId = array('Exemplars.SpanId', 'String');
  const traceId = array('Exemplars.TraceId', 'String');
  let inRow = 0;
  return {
    write(reader) {
      const bytes = reader.bytes;
      let low = 0;
      let high = 0;
      let number = 0;
      let spanStart = -1;
      let spanEnd = -1;
      let traceStart = -1;
      let traceEnd = -1;
      const outer = reader.enter();
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        if (tag === 0x11) {
          low = reader.fixed32();
          high = reader.fixed32();
        } else if (tag === 0x19) number = reader.double();
        else if (tag === 0x31) number = Number(BigInt.asIntN(64, reader.fixed64()));
        else if (tag === 0x22) {
          spanEnd = reader.lengthEnd();
          spanStart = reader.pos;
          reader.pos = spanEnd;
        } else if (tag === 0x2a) {
          traceEnd = reader.lengthEnd();
          traceStart = reader.pos;
          reader.pos = traceEnd;
        } else if (tag === 0x3a) writeAttribute(reader, filtered.maps);
        else reader.skip(tag);
      }
      reader.leave(outer);
      filtered.maps.closeRow();
      writeTime(time.values, low, high, `exemplars[${inRow}].time_unix_nano`, outOfRange);
      value.values.float64(number);
      writeId(spanId.values, bytes, spanStart, spanEnd, 8);
      writeId(traceId.values, bytes, traceStart, traceEnd, 16);
      for (const column of [filtered, time, value, spanId, traceId]) column.offsets.total += 1;
      inRow += 1;
    },
    closeRow() {
      for (const column of [filtered, time, value, spanId, traceId]) column.closeRow();
      inRow = 0;
    },
  };
}

/** The columns in which the four shapes of data points differ. */
interface Body {
  readonly attributesTag: number;
  readonly flagsTag: number;
  readonly exemplarsTag: number;
  /** Reads a field of its own; false when the tag is none of them. */
  field(reader: WireReader, tag: number, point: Point): boolean;
  row(point: Point): void;
}

type Flat = (name: string, type?: string) => FlatColumn;
type Arrays = (name: string, type: string) => ArrayColumn;

function createBody(shape: Shape, isSum: boolean, flat: Flat, array: Arrays, metric: Metric): Body {
  switch (shape) {
    case 'number':
      return createNumberBody(isSum, flat, metric);
    case 'histogram':
      return createHistogramBody(flat, array, metric);
    case 'exp_histogram':
      return createExponentialBody(flat, array, metric);
    default:
      return createSummaryBody(flat, array);
  }
}

function createNumberBody(isSum: boolean, flat: Flat, metric: Metric): Body {
  const value = flat('Value', 'Float64');
  const isInteger = flat('ValueIsInteger', 'Bool');
  const integer = flat('IntegerValue', 'Int64');
  const temporality = isSum ? flat('AggregationTemporality', 'Int32') : undefined;
  const monotonic = isSum ? flat('IsMonotonic', 'Bool') : undefined;
  return {
    attributesTag: 0x3a,
    flagsTag: 0x40,
    exemplarsTag: 0x2a,
    field(reader, tag, point) {
      if (tag === 0x21) {
        point.value = reader.double();
        point.integer = undefined;
        return true;
      }
      if (tag === 0x31) {
        point.integer = BigInt.asIntN(64, reader.fixed64());
        return true;
      }
      return false;
    },
    row(point) {
      value.float64(point.integer === undefined ? point.value : Number(point.integer));
      isInteger.uint8(point.integer === undefined ? 0 : 1);
      integer.bigint64(point.integer ?? 0n);
      temporality?.uint32(metric.temporality);
      monotonic?.uint8(metric.monotonic ? 1 : 0);
    },
  };
}

interface Extremes {
  row(point: Point): void;
}

/** Sum, Min and Max with whether they were sent: 0 and absent look alike in the exporter's columns. */
function createExtremes(flat: Flat): Extremes {
  const sum = flat('Sum', 'Float64');
  const min = flat('Min', 'Float64');
  const max = flat('Max', 'Float64');
  const hasSum = flat('HasSum', 'Bool');
  const hasMin = flat('HasMin', 'Bool');
  const hasMax = flat('HasMax', 'Bool');
  return {
    row(point) {
      sum.float64(point.sum ?? 0);
      min.float64(point.min ?? 0);
      max.float64(point.max ?? 0);
      hasSum.uint8(point.sum === undefined ? 0 : 1);
      hasMin.uint8(point.min === undefined ? 0 : 1);
      hasMax.uint8(point.max === undefined ? 0 : 1);
    },
  };
}

function createHistogramBody(flat: Flat, array: Arrays, metric: Metric): Body {
  const count = flat('Count', 'UInt64');
  const extremes = createExtremes(flat);
  const buckets = array('BucketCounts', 'UInt64');
  const bounds = array('ExplicitBounds', 'Float64');
  const temporality = flat('AggregationTemporality', 'Int32');
  return {
    attributesTag: 0x4a,
    flagsTag: 0x50,
    exemplarsTag: 0x42,
    field(reader, tag, point) {
      switch (tag) {
        case 0x21:
          point.count = reader.fixed64();
          return true;
        case 0x29:
          point.sum = reader.double();
          return true;
        case 0x59:
          point.min = reader.double();
          return true;
        case 0x61:
          point.max = reader.double();
          return true;
        case 0x32:
        case 0x31:
          fixed64Values(reader, tag, buckets);
          return true;
        case 0x3a:
        case 0x39:
          fixed64Values(reader, tag, bounds);
          return true;
        default:
          return false;
      }
    },
    row(point) {
      count.bigint64(point.count);
      extremes.row(point);
      buckets.closeRow();
      bounds.closeRow();
      temporality.uint32(metric.temporality);
    },
  };
}

/** fixed64 or double values, packed or not: their wire form is ClickHouse's. */
function fixed64Values(reader: WireReader, tag: number, column: ArrayColumn): void {
  if ((tag & 7) !== WIRE_BYTES) {
    column.values.bigint64(reader.fixed64());
    column.offsets.total += 1;
    return;
  }
  const outer = reader.enter();
  while (reader.pos < reader.end) {
    column.values.uint64(reader.fixed32(), reader.fixed32());
    column.offsets.total += 1;
  }
  reader.leave(outer);
}

function createExponentialBody(flat: Flat, array: Arrays, metric: Metric): Body {
  const count = flat('Count', 'UInt64');
  const extremes = createExtremes(flat);
  const scale = flat('Scale', 'Int32');
  const zeroCount = flat('ZeroCount', 'UInt64');
  const zeroThreshold = flat('ZeroThreshold', 'Float64');
  const positiveOffset = flat('PositiveOffset', 'Int32');
  const positive = array('PositiveBucketCounts', 'UInt64');
  const negativeOffset = flat('NegativeOffset', 'Int32');
  const negative = array('NegativeBucketCounts', 'UInt64');
  const temporality = flat('AggregationTemporality', 'Int32');
  return {
    attributesTag: 0x0a,
    flagsTag: 0x50,
    exemplarsTag: 0x5a,
    field(reader, tag, point) {
      switch (tag) {
        case 0x21:
          point.count = reader.fixed64();
          return true;
        case 0x29:
          point.sum = reader.double();
          return true;
        case 0x30:
          point.scale = zigzag(reader.varint32());
          return true;
        case 0x39:
          point.zeroCount = reader.fixed64();
          return true;
        case 0x42:
          point.positiveOffset = bucketValues(reader, positive);
          return true;
        case 0x4a:
          point.negativeOffset = bucketValues(reader, negative);
          return true;
        case 0x61:
          point.min = reader.double();
          return true;
        case 0x69:
          point.max = reader.double();
          return true;
        case 0x71:
          point.zeroThreshold = reader.double();
          return true;
        default:
          return false;
      }
    },
    row(point) {
      count.bigint64(point.count);
      extremes.row(point);
      scale.uint32(point.scale);
      zeroCount.bigint64(point.zeroCount);
      zeroThreshold.float64(point.zeroThreshold);
      positiveOffset.uint32(point.positiveOffset);
      positive.closeRow();
      negativeOffset.uint32(point.negativeOffset);
      negative.closeRow();
      temporality.uint32(metric.temporality);
    },
  };
}

function zigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}

/** A Buckets message: its counts go to the column, its offset is returned. */
function bucketValues(reader: WireReader, column: ArrayColumn): number {
  let offset = 0;
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x08) offset = zigzag(reader.varint32());
    else if (tag === 0x10) {
      column.values.bigint64(reader.varint64());
      column.offsets.total += 1;
    } else if (tag === 0x12) {
      const packed = reader.enter();
      while (reader.pos < reader.end) {
        column.values.bigint64(reader.varint64());
        column.offsets.total += 1;
      }
      reader.leave(packed);
    } else reader.skip(tag);
  }
  reader.leave(outer);
  return offset;
}

function createSummaryBody(flat: Flat, array: Arrays): Body {
  const count = flat('Count', 'UInt64');
  const sum = flat('Sum', 'Float64');
  const quantile = array('ValueAtQuantiles.Quantile', 'Float64');
  const value = array('ValueAtQuantiles.Value', 'Float64');
  return {
    attributesTag: 0x3a,
    flagsTag: 0x40,
    exemplarsTag: 0,
    field(reader, tag, point) {
      if (tag === 0x21) {
        point.count = reader.fixed64();
        return true;
      }
      if (tag === 0x29) {
        point.sum = reader.double();
        return true;
      }
      if (tag !== 0x32) return false;
      let at = 0;
      let number = 0;
      const outer = reader.enter();
      for (let field = reader.tag(); field !== 0; field = reader.tag()) {
        if (field === 0x09) at = reader.double();
        else if (field === 0x11) number = reader.double();
        else reader.skip(field);
      }
      reader.leave(outer);
      quantile.values.float64(at);
      value.values.float64(number);
      quantile.offsets.total += 1;
      value.offsets.total += 1;
      return true;
    },
    row(point) {
      count.bigint64(point.count);
      sum.float64(point.sum ?? 0);
      quantile.closeRow();
      value.closeRow();
    },
  };
}
