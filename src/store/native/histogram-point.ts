import { WIRE_BYTES, type WireReader } from '../../otlp/protobuf/reader.ts';
import type { ArrayColumn } from './column.ts';
import { createExtremes } from './point-extremes.ts';
import type { ColumnMaker, Metric, PointBody } from './point-body.ts';

/**
 * HistogramDataPoint: 2 start, 3 time, 4 count, 5 sum, 6 bucket_counts (fixed64), 7 explicit_bounds, 8 exemplars,
 * 9 attributes, 10 flags, 11 min, 12 max.
 */
export function createHistogramBody(make: ColumnMaker, metric: Metric): PointBody {
  const count = make.flat('Count', 'UInt64');
  const extremes = createExtremes(make);
  const buckets = make.array('BucketCounts', 'UInt64');
  const bounds = make.array('ExplicitBounds', 'Float64');
  const temporality = make.flat('AggregationTemporality', 'Int32');
  let counted = 0n;
  return {
    attributesTag: 0x4a,
    flagsTag: 0x50,
    exemplarsTag: 0x42,
    begin() {
      counted = 0n;
      extremes.begin();
    },
    field(reader, tag) {
      switch (tag) {
        case 0x21:
          counted = reader.fixed64();
          return true;
        case 0x29:
          extremes.sum = reader.double();
          return true;
        case 0x59:
          extremes.min = reader.double();
          return true;
        case 0x61:
          extremes.max = reader.double();
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
    row() {
      count.bigint64(counted);
      extremes.row();
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
