import type { ColumnMaker, Metric, PointBody } from './point-body.ts';

/** NumberDataPoint: 2 start, 3 time, 4 as_double, 5 exemplars, 6 as_int (sfixed64), 7 attributes, 8 flags. */
export function createNumberBody({ flat }: ColumnMaker, metric: Metric, isSum: boolean): PointBody {
  const value = flat('Value', 'Float64');
  const isInteger = flat('ValueIsInteger', 'Bool');
  const integer = flat('IntegerValue', 'Int64');
  const temporality = isSum ? flat('AggregationTemporality', 'Int32') : undefined;
  const monotonic = isSum ? flat('IsMonotonic', 'Bool') : undefined;
  let asDouble = 0;
  let asInteger: bigint | undefined;
  return {
    attributesTag: 0x3a,
    flagsTag: 0x40,
    exemplarsTag: 0x2a,
    begin() {
      asDouble = 0;
      asInteger = undefined;
    },
    field(reader, tag) {
      switch (tag) {
        case 0x21:
          asDouble = reader.double();
          asInteger = undefined;
          return true;
        case 0x31:
          asInteger = BigInt.asIntN(64, reader.fixed64());
          return true;
        default:
          return false;
      }
    },
    row() {
      value.float64(asInteger === undefined ? asDouble : Number(asInteger));
      isInteger.uint8(asInteger === undefined ? 0 : 1);
      integer.bigint64(asInteger ?? 0n);
      temporality?.uint32(metric.temporality);
      monotonic?.uint8(metric.monotonic ? 1 : 0);
    },
  };
}
