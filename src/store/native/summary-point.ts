import type { WireReader } from '../../otlp/protobuf/reader.ts';
import type { ColumnMaker, PointBody } from './point-body.ts';

/** SummaryDataPoint: 2 start, 3 time, 4 count, 5 sum, 6 quantile_values, 7 attributes, 8 flags. */
export function createSummaryBody({ flat, array }: ColumnMaker): PointBody {
  const count = flat('Count', 'UInt64');
  const sum = flat('Sum', 'Float64');
  const quantile = array('ValueAtQuantiles.Quantile', 'Float64');
  const value = array('ValueAtQuantiles.Value', 'Float64');
  let counted = 0n;
  let summed = 0;

  /** ValueAtQuantile: 1 quantile, 2 value. */
  function quantileValue(reader: WireReader): void {
    let at = 0;
    let number = 0;
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x09) at = reader.double();
      else if (tag === 0x11) number = reader.double();
      else reader.skip(tag);
    }
    reader.leave(outer);
    quantile.values.float64(at);
    value.values.float64(number);
    quantile.offsets.total += 1;
    value.offsets.total += 1;
  }

  return {
    attributesTag: 0x3a,
    flagsTag: 0x40,
    exemplarsTag: 0,
    begin() {
      counted = 0n;
      summed = 0;
    },
    field(reader, tag) {
      switch (tag) {
        case 0x21:
          counted = reader.fixed64();
          return true;
        case 0x29:
          summed = reader.double();
          return true;
        case 0x32:
          quantileValue(reader);
          return true;
        default:
          return false;
      }
    },
    row() {
      count.bigint64(counted);
      sum.float64(summed);
      quantile.closeRow();
      value.closeRow();
    },
  };
}
