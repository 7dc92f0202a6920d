import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { ANY_VALUE_DEPTH_MAX } from '../otlp/limits.ts';
import { ANY_VALUE_FIELD, ARRAY_VALUE_FIELD, KEY_VALUE_FIELD, KEY_VALUE_LIST_FIELD } from '../otlp/protobuf/fields.ts';
import type { WireReader } from '../otlp/protobuf/reader.ts';
import { readKey } from './attribute-key.ts';
import type { AnyValue } from './telemetry-record.ts';

/** Reads the AnyValue message the reader stands in (after `enter`). Throws OtlpDecodeError when it is nested too deep. */
export function readAnyValue(reader: WireReader, depth: number): AnyValue {
  if (depth > ANY_VALUE_DEPTH_MAX) throw new OtlpDecodeError(`AnyValue nested deeper than ${ANY_VALUE_DEPTH_MAX}`);
  let value: AnyValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (ANY_VALUE_FIELD.stringValue << 3) | 2:
        value = reader.string();
        break;
      case ANY_VALUE_FIELD.boolValue << 3:
        value = reader.varint32() !== 0;
        break;
      case ANY_VALUE_FIELD.intValue << 3:
        value = readInteger(reader);
        break;
      case (ANY_VALUE_FIELD.doubleValue << 3) | 1:
        value = reader.double();
        break;
      case (ANY_VALUE_FIELD.arrayValue << 3) | 2: {
        const outer = reader.enter();
        value = readArray(reader, depth);
        reader.leave(outer);
        break;
      }
      case (ANY_VALUE_FIELD.kvlistValue << 3) | 2: {
        const outer = reader.enter();
        value = readKeyValueList(reader, depth);
        reader.leave(outer);
        break;
      }
      case (ANY_VALUE_FIELD.bytesValue << 3) | 2:
        value = Buffer.from(reader.view());
        break;
      default:
        reader.skip(tag);
    }
  }
  return value;
}

function readInteger(reader: WireReader): number | bigint {
  const { bytes, pos, end } = reader;
  // Four bytes and less hold a number without a sign.
  let small = 0;
  for (let at = 0; at < 4 && pos + at < end; at += 1) {
    const byte = bytes[pos + at] as number;
    small |= (byte & 0x7f) << (7 * at);
    if (byte >= 0x80) continue;
    reader.pos = pos + at + 1;
    return small;
  }
  const integer = BigInt.asIntN(64, reader.varint64());
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
}

function readArray(reader: WireReader, depth: number): AnyValue[] {
  const values: AnyValue[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((ARRAY_VALUE_FIELD.values << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    values.push(readAnyValue(reader, depth + 1));
    reader.leave(outer);
  }
  return values;
}

function readKeyValueList(reader: WireReader, depth: number): Map<string, AnyValue> {
  const values = new Map<string, AnyValue>();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((KEY_VALUE_LIST_FIELD.values << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    readKeyValue(reader, depth + 1, values);
    reader.leave(outer);
  }
  return values;
}

/** Reads the KeyValue the reader stands in into `values`, of which the first of a key stays. */
function readKeyValue(reader: WireReader, depth: number, values: Map<string, AnyValue>): void {
  let key = '';
  let value: AnyValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((KEY_VALUE_FIELD.key << 3) | 2)) {
      key = readKey(reader);
    } else if (tag === ((KEY_VALUE_FIELD.value << 3) | 2)) {
      const outer = reader.enter();
      value = readAnyValue(reader, depth);
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  if (!values.has(key)) values.set(key, value);
}

/** Reads one KeyValue field at the cursor into `attributes`. */
export function readAttribute(reader: WireReader, attributes: Map<string, AnyValue[]>): void {
  const around = reader.enter();
  let key = '';
  let value: AnyValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((KEY_VALUE_FIELD.key << 3) | 2)) {
      key = readKey(reader);
    } else if (tag === ((KEY_VALUE_FIELD.value << 3) | 2)) {
      const outer = reader.enter();
      value = readAnyValue(reader, 1);
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  reader.leave(around);
  const values = attributes.get(key);
  if (values === undefined) attributes.set(key, [value]);
  else values.push(value);
}
