import { WireReader } from '../otlp/protobuf/reader.ts';
import { anyValueText } from './any-value.ts';

/** Where the content of a field begins whose length is at `at` and that must reach to `end`; -1 when it does not. */
export function afterLength(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return at + 1 + first === end ? at + 1 : -1;
  const second = bytes[at + 1] as number;
  if (second < 0x80) return at + 2 + ((first & 0x7f) | (second << 7)) === end ? at + 2 : -1;
  const third = bytes[at + 2] as number;
  return third < 0x80 && at + 3 + ((first & 0x7f) | ((second & 0x7f) << 7) | (third << 14)) === end ? at + 3 : -1;
}

/** Where the text of an AnyValue that is one string begins, when nothing follows it; -1 for any other value. */
export function wholeString(bytes: Buffer, start: number, end: number): number {
  return bytes[start] === 0x0a ? afterLength(bytes, start + 1, end) : -1;
}

/** The last string in a field of a message, '' when there is none or it is longer than `max` bytes. */
export function stringField(bytes: Buffer, start: number, end: number, field: number, max = 512): string {
  const reader = new WireReader(bytes, start, end);
  const wanted = (field << 3) | 2;
  let text = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== wanted) {
      reader.skip(tag);
      continue;
    }
    const valueEnd = reader.lengthEnd();
    text = valueEnd - reader.pos > max ? '' : bytes.toString('utf8', reader.pos, valueEnd);
    reader.pos = valueEnd;
  }
  return text;
}

/** The string value of one attribute of a message, '' when there is none. */
export function attributeString(bytes: Buffer, start: number, end: number, field: number, key: string): string {
  return attributeValue(bytes, start, end, field, key, (from, to) => stringField(bytes, from, to, 1));
}

/** The value of one attribute of a message as text, whatever its type, '' when there is none. */
export function attributeText(bytes: Buffer, start: number, end: number, field: number, key: string): string {
  return attributeValue(bytes, start, end, field, key, (from, to) => anyValueText(bytes, from, to));
}

/** True when a KeyValue is under a key of ASCII characters: the last one, should it have several. */
export function isUnder(bytes: Buffer, start: number, end: number, key: string): boolean {
  const { length } = key;
  const keyAt = start + 2;
  const keyEnd = keyAt + (bytes[start + 1] as number);
  // The usual pair, one key of less than 128 bytes and one value: its key is compared where it lies.
  const isUsual =
    bytes[start] === 0x0a &&
    keyEnd - keyAt < 0x80 &&
    keyEnd + 2 <= end &&
    bytes[keyEnd] === 0x12 &&
    afterLength(bytes, keyEnd + 1, end) >= 0;
  if (!isUsual) return stringField(bytes, start, end, 1) === key;
  if (keyEnd - keyAt !== length) return false;
  for (let at = 0; at < length; at += 1) if (bytes[keyAt + at] !== key.charCodeAt(at)) return false;
  return true;
}

/** Finds the attribute (KeyValue: 1 key, 2 value) that comes last under a key, and reads its AnyValue. */
function attributeValue(
  bytes: Buffer,
  start: number,
  end: number,
  field: number,
  key: string,
  read: (start: number, end: number) => string,
): string {
  const reader = new WireReader(bytes, start, end);
  let text = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((field << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const pairEnd = reader.lengthEnd();
    if (isUnder(bytes, reader.pos, pairEnd, key)) {
      const pair = new WireReader(bytes, reader.pos, pairEnd);
      for (let inner = pair.tag(); inner !== 0; inner = pair.tag()) {
        if (inner !== ((2 << 3) | 2)) {
          pair.skip(inner);
          continue;
        }
        const valueEnd = pair.lengthEnd();
        text = read(pair.pos, valueEnd);
        pair.pos = valueEnd;
      }
    }
    reader.pos = pairEnd;
  }
  return text;
}
