import { WIRE_BYTES, type WireReader } from '../../otlp/protobuf/reader.ts';
import type { BlockMemory } from './block-memory.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { AttributeRun, bytesWritten } from './column.ts';
import { writeKeyValue, type KeyRange } from './attributes.ts';
import { copyText, createOwner } from './envelope.ts';
import { createExponentialHistogramBody } from './exponential-histogram-point.ts';
import { createHistogramBody } from './histogram-point.ts';
import { createNumberBody } from './number-point.ts';
import type { ColumnMaker, Metric, PointBody } from './point-body.ts';
import { createPointTable, type PointContext, type PointTable } from './point-table.ts';
import { walkScopes } from './scope-walk.ts';
import type { FrameSlice, SliceEncoder, TableBlock, TelemetryTable } from './slice.ts';
import { createSummaryBody } from './summary-point.ts';

interface MetricKind {
  readonly table: TelemetryTable;
  readonly createBody: (make: ColumnMaker, metric: Metric) => PointBody;
}

/** Metric.data members by field number: the table of their points. */
const KINDS: ReadonlyMap<number, MetricKind> = new Map<number, MetricKind>([
  [5, { table: 'otel_metrics_gauge', createBody: (make, metric) => createNumberBody(make, metric, false) }],
  [7, { table: 'otel_metrics_sum', createBody: (make, metric) => createNumberBody(make, metric, true) }],
  [9, { table: 'otel_metrics_histogram', createBody: createHistogramBody }],
  [10, { table: 'otel_metrics_exp_histogram', createBody: createExponentialHistogramBody }],
  [11, { table: 'otel_metrics_summary', createBody: createSummaryBody }],
]);

const key: KeyRange = { start: 0, end: 0 };

/** Data points to the five `otel_metrics_*` tables, straight from the request's bytes. */
export function createMetricEncoder(memory: BlockMemory): SliceEncoder {
  const context: PointContext = {
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

  function tableOf({ table, createBody }: MetricKind): PointTable {
    let found = tables.get(table);
    if (found === undefined) {
      found = createPointTable(createBody, context, memory);
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
          const table = tableOf(kind);
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
      let ordinal = 0;
      walkScopes(slice.frame.bytes, context.resource, context.scope, (reader) => {
        for (let item = reader.tag(); item !== 0; item = reader.tag()) {
          if (item === 0x12) ordinal = walkMetric(reader, slice, ordinal);
          else reader.skip(item);
        }
      });
    },
    get bytes() {
      let bytes = 0;
      for (const { columns } of tables.values()) bytes += bytesWritten(columns);
      return bytes;
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
