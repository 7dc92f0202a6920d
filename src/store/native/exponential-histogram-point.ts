import type { WireReader } from '../../otlp/protobuf/reader.ts';
import type { ArrayColumn } from './column.ts';
import { createExtremes } from './point-extremes.ts';
import type { ColumnMaker, Metric, PointBody } from './point-body.ts';

/**
 * ExponentialHistogramDataPoint: 1 attributes, 2 start, 3 time, 4 count, 5 sum, 6 scale (sint32), 7 zero_count, 8 positive,
 * 9 negative, 10 flags, 11 exemplars, 12 min, 13 max, 14 zero_threshold.
 */
export function createExponentialHistogramBody(make: ColumnMaker, metric: Metric): PointBody {
  const count = make.flat('Count', 'UInt64');
  const extremes = createExtremes(make);
  const scale = make.flat('Scale', 'Int32');
  const zeroCount = make.flat('ZeroCount', 'UInt64');
  const zeroThreshold = make.flat('ZeroThreshold', 'Float64');
  const positiveOffset = make.flat('PositiveOffset', 'Int32');
  const positive = make.array('PositiveBucketCounts', 'UInt64');
  const negativeOffset = make.flat('NegativeOffset', 'Int32');
  const negative = make.array('NegativeBucketCounts', 'UInt64');
  const temporality = make.flat('AggregationTemporality', 'Int32');
  let counted = 0n;
  let scaled = 0;
  let zeros = 0n;
  let threshold = 0;
  let positiveFrom = 0;
  let negativeFrom = 0;
  return {
    attributesTag: 0x0a,
    flagsTag: 0x50,
    exemplarsTag: 0x5a,
    begin() {
      counted = 0n;
      scaled = 0;
      zeros = 0n;
      threshold = 0;
      positiveFrom = 0;
      negativeFrom = 0;
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
        case 0x30:
          scaled = zigzag(reader.varint32());
          return true;
        case 0x39:
          zeros = reader.fixed64();
          return true;
        case 0x42:
          positiveFrom = bucketValues(reader, positive);
          return true;
        case 0x4a:
          negativeFrom = bucketValues(reader, negative);
          return true;
        case 0x61:
          extremes.min = reader.double();
          return true;
        case 0x69:
          extremes.max = reader.double();
          return true;
        case 0x71:
          threshold = reader.double();
          return true;
        default:
          return false;
      }
    },
    row() {
      count.bigint64(counted);
      extremes.row();
      scale.uint32(scaled);
      zeroCount.bigint64(zeros);
      zeroThreshold.float64(threshold);
      positiveOffset.uint32(positiveFrom);
      positive.closeRow();
      negativeOffset.uint32(negativeFrom);
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
