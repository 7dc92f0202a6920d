import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { ANY_VALUE_DEPTH_MAX } from '../otlp/limits.ts';
import { ANY_VALUE_FIELD, ARRAY_VALUE_FIELD, KEY_VALUE_FIELD, KEY_VALUE_LIST_FIELD } from '../otlp/protobuf/fields.ts';
import type { WireReader } from '../otlp/protobuf/reader.ts';
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
      case ANY_VALUE_FIELD.intValue << 3: {
        const int = BigInt.asIntN(64, reader.varint64());
        value = Number.isSafeInteger(Number(int)) ? Number(int) : int;
        break;
      }
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
    const [key, value] = readKeyValue(reader, depth + 1);
    if (!values.has(key)) values.set(key, value);
    reader.leave(outer);
  }
  return values;
}

function readKeyValue(reader: WireReader, depth: number): [string, AnyValue] {
  let key = '';
  let value: AnyValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((KEY_VALUE_FIELD.key << 3) | 2)) {
      key = reader.string();
    } else if (tag === ((KEY_VALUE_FIELD.value << 3) | 2)) {
      const outer = reader.enter();
      value = readAnyValue(reader, depth);
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  return [key, value];
}

/** Reads one KeyValue field at the cursor into `attributes`. */
export function readAttribute(reader: WireReader, attributes: Map<string, AnyValue[]>): void {
  const outer = reader.enter();
  const [key, value] = readKeyValue(reader, 1);
  reader.leave(outer);
  const values = attributes.get(key);
  if (values === undefined) attributes.set(key, [value]);
  else values.push(value);
}
