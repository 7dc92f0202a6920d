import { ANY_VALUE_FIELD, KEY_VALUE_FIELD, KEY_VALUE_LIST_FIELD } from '../otlp/protobuf/fields.ts';
import { WIRE_BYTES, WireReader } from '../otlp/protobuf/reader.ts';
import { type MessageSchema, messageSchema, requestSchema } from '../otlp/protobuf/schema.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import type { KnownKeys } from '../otlp/known-keys.ts';
import type { Signal } from '../otlp/signal.ts';
import { markRedacted, type Redacted } from '../pipeline/redacted.ts';

/** The key of what came under a key too many. */
export const OVERFLOW_KEY = 'docket.overflow';

/**
 * Files attributes whose keys are not known under `docket.overflow`, each as a list of one pair with its own key and value: nothing
 * is lost, and no column gets another key. Works on what was redacted: which rules a value falls under is decided by the key it
 * was sent with. An attribute that is itself a list keeps its value alone: a level more might be one too many.
 */
export function fileUnknownKeys(signal: Signal, redacted: Redacted<Uint8Array>, keys: KnownKeys): Redacted<Uint8Array> {
  const bytes = Buffer.from(redacted.buffer, redacted.byteOffset, redacted.byteLength);
  const out = new WireWriter(bytes.length + 4096);
  copyMessage(out, bytes, requestSchema(signal), keys);
  return markRedacted<Uint8Array>(out.finish());
}

/** As deep as the schema above its values: they may hold lists of pairs, whose keys are text of a value and no column's. */
function copyMessage(out: WireWriter, message: Buffer, schema: MessageSchema, keys: KnownKeys): void {
  const reader = new WireReader(message);
  for (let start = 0, tag = reader.tag(); tag !== 0; start = reader.pos, tag = reader.tag()) {
    const field = schema.byNumber.get(tag >>> 3);
    const inner = (tag & 7) === WIRE_BYTES ? field?.message : undefined;
    if (field === undefined || inner === undefined || inner === 'AnyValue') {
      reader.skip(tag);
      out.raw(message.subarray(start, reader.pos));
      continue;
    }
    const content = reader.view();
    if (inner !== 'KeyValue') {
      const mark = out.begin(field.number);
      copyMessage(out, content, messageSchema(inner), keys);
      out.end(mark);
    } else if (hasKnownKey(content, keys)) {
      out.bytesField(field.number, content);
    } else {
      const mark = out.begin(field.number);
      fileAttribute(out, content);
      out.end(mark);
    }
  }
}

function hasKnownKey(attribute: Buffer, keys: KnownKeys): boolean {
  const reader = new WireReader(attribute);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((KEY_VALUE_FIELD.key << 3) | WIRE_BYTES)) {
      const end = reader.lengthEnd();
      return keys.admit(attribute, reader.pos, end);
    }
    reader.skip(tag);
  }
  return keys.admit(attribute, 0, 0);
}

function fileAttribute(out: WireWriter, attribute: Buffer): void {
  out.stringField(KEY_VALUE_FIELD.key, OVERFLOW_KEY);
  if (!isList(attribute)) {
    const value = out.begin(KEY_VALUE_FIELD.value);
    const list = out.begin(ANY_VALUE_FIELD.kvlistValue);
    out.bytesField(KEY_VALUE_LIST_FIELD.values, attribute);
    out.end(list);
    out.end(value);
    return;
  }
  const reader = new WireReader(attribute);
  for (let start = 0, tag = reader.tag(); tag !== 0; start = reader.pos, tag = reader.tag()) {
    reader.skip(tag);
    if (tag >>> 3 !== KEY_VALUE_FIELD.key) out.raw(attribute.subarray(start, reader.pos));
  }
}

function isList(attribute: Buffer): boolean {
  const reader = new WireReader(attribute);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((KEY_VALUE_FIELD.value << 3) | WIRE_BYTES)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    for (let inner = reader.tag(); inner !== 0; inner = reader.tag()) {
      const number = inner >>> 3;
      if (number === ANY_VALUE_FIELD.arrayValue || number === ANY_VALUE_FIELD.kvlistValue) return true;
      reader.skip(inner);
    }
    reader.leave(outer);
  }
  return false;
}
