import type { WireReader } from '../../otlp/protobuf/reader.ts';
import { writeAnyValue } from './any-value.ts';
import type { ByteBuffer } from './byte-buffer.ts';

/** Where one attribute's key lay in the request; read by callers that look for a key. */
export interface KeyRange {
  start: number;
  end: number;
}

/** What takes attribute keys: a run of them, or a map column's dictionary. */
export interface KeyTarget {
  string(source: Buffer, start: number, end: number): void;
}

/**
 * Writes the KeyValue message at the cursor (its length comes next) as one entry of a map: key and value as text.
 * Duplicate keys become two entries, as sent. The cursor ends behind the message. Returns nothing; `key` is set.
 */
export function writeKeyValue(reader: WireReader, keys: KeyTarget, values: ByteBuffer, key: KeyRange): void {
  const outer = reader.enter();
  const bytes = reader.bytes;
  let keyStart = reader.pos;
  let keyEnd = reader.pos;
  let valueStart = -1;
  let valueEnd = -1;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) {
      keyEnd = reader.lengthEnd();
      keyStart = reader.pos;
      reader.pos = keyEnd;
    } else if (tag === 0x12) {
      valueEnd = reader.lengthEnd();
      valueStart = reader.pos;
      reader.pos = valueEnd;
    } else reader.skip(tag);
  }
  keys.string(bytes, keyStart, keyEnd);
  if (valueStart < 0) values.varint(0);
  else {
    reader.pos = valueStart;
    writeAnyValue(reader, valueEnd, values);
  }
  key.start = keyStart;
  key.end = keyEnd;
  reader.leave(outer);
}
