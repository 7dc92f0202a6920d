import type { WireReader } from '../../otlp/protobuf/reader.ts';
import { type OutOfRangeTimes, writeAttribute, writeId, writeTime } from './envelope.ts';
import type { TableColumns } from './table-columns.ts';

/** The exemplars of data points: parallel arrays, one element an exemplar. */
export interface Exemplars {
  /** The exemplar whose length is at the cursor. */
  write(reader: WireReader): void;
  closeRow(): void;
}

export function createExemplars({ array, mapArray }: TableColumns, outOfRange: OutOfRangeTimes): Exemplars {
  const filtered = mapArray('Exemplars.FilteredAttributes');
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
