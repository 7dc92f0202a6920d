import type { WireReader } from '../../otlp/protobuf/reader.ts';
import type { BlockMemory } from './block-memory.ts';
import type { TableColumn } from './column.ts';
import { type OutOfRangeTimes, writeAttribute, writeTime, type FrameColumns, type Owner } from './envelope.ts';
import { createExemplars } from './exemplar-columns.ts';
import type { ColumnMaker, Metric, PointBody } from './point-body.ts';
import { createTableColumns } from './table-columns.ts';

/** What a data point stands in; the same objects for all, filled anew for each. */
export interface PointContext {
  readonly resource: Owner;
  readonly scope: Owner;
  readonly metric: Metric;
}

export interface PointTable {
  readonly columns: readonly TableColumn[];
  readonly frame: FrameColumns;
  readonly outOfRange: OutOfRangeTimes;
  /** The data point whose length is at the cursor. */
  write(reader: WireReader): void;
  rows(): number;
}

/** One `otel_metrics_*` table: the columns all of them have, and those of the shape of its points. */
export function createPointTable(
  createBody: (make: ColumnMaker, metric: Metric) => PointBody,
  { resource, scope, metric }: PointContext,
  memory: BlockMemory,
): PointTable {
  const table = createTableColumns(memory);
  const { columns, flat, map } = table;

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
  const frame = table.frame();
  const resourceDropped = flat('ResourceDroppedAttributesCount', 'UInt32');
  const metadata = map('MetricMetadata');
  const outOfRange = table.outOfRange();
  const body = createBody(table, metric);
  const exemplars = body.exemplarsTag === 0 ? undefined : createExemplars(table, outOfRange);
  let rows = 0;

  function write(reader: WireReader): void {
    let startLow = 0;
    let startHigh = 0;
    let timeLow = 0;
    let timeHigh = 0;
    let flagBits = 0;
    body.begin();
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === body.attributesTag) writeAttribute(reader, attributes);
      else if (tag === 0x11) {
        startLow = reader.fixed32();
        startHigh = reader.fixed32();
      } else if (tag === 0x19) {
        timeLow = reader.fixed32();
        timeHigh = reader.fixed32();
      } else if (tag === body.flagsTag) flagBits = reader.varint32();
      else if (tag === body.exemplarsTag && exemplars !== undefined) exemplars.write(reader);
      else if (!body.field(reader, tag)) reader.skip(tag);
    }
    reader.leave(outer);

    resourceAttributes.appendRows(resource.attributes, 1);
    resourceSchemaUrl.append(resource.schemaUrl);
    scopeName.append(scope.name);
    scopeVersion.append(scope.version);
    scopeAttributes.appendRows(scope.attributes, 1);
    scopeDropped.uint32(scope.droppedAttributes);
    scopeSchemaUrl.append(scope.schemaUrl);
    serviceName.append(resource.serviceName);
    metricName.append(metric.name);
    metricDescription.append(metric.description);
    metricUnit.append(metric.unit);
    attributes.closeRow();
    writeTime(startTime, startLow, startHigh, 'start_time_unix_nano', outOfRange);
    writeTime(time, timeLow, timeHigh, 'time_unix_nano', outOfRange);
    flags.uint32(flagBits);
    frame.rows(1);
    resourceDropped.uint32(resource.droppedAttributes);
    metadata.appendRows(metric.metadata, 1);
    exemplars?.closeRow();
    body.row();
    outOfRange.closeRow();
    rows += 1;
  }

  return { columns, frame, outOfRange, write, rows: () => rows };
}
