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
  const bytes = reader.bytes;
  if (writeUsual(reader, keys, values, key)) return;
  const outer = reader.enter();
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

/**
 * Nearly every attribute is a key and one text, with each length in one byte and nothing else: those are written without a walk, in half
 * the time. False, and nothing written, for any other.
 */
function writeUsual(reader: WireReader, keys: KeyTarget, values: ByteBuffer, key: KeyRange): boolean {
  const bytes = reader.bytes;
  const at = reader.pos;
  const length = bytes[at] as number;
  const end = at + 1 + length;
  const keyAt = at + 3;
  const keyEnd = keyAt + (bytes[at + 2] as number);
  const textAt = keyEnd + 4;
  if (
    length >= 0x80 ||
    end > reader.end ||
    textAt > end ||
    bytes[at + 1] !== 0x0a ||
    bytes[keyEnd] !== 0x12 ||
    bytes[keyEnd + 1] !== end - keyEnd - 2 ||
    bytes[keyEnd + 2] !== 0x0a ||
    bytes[keyEnd + 3] !== end - textAt
  ) {
    return false;
  }
  keys.string(bytes, keyAt, keyEnd);
  // The text's length in the request is the very byte that ClickHouse wants before it.
  values.copyWords(reader.words, textAt - 1, end);
  key.start = keyAt;
  key.end = keyEnd;
  reader.pos = end;
  return true;
}
