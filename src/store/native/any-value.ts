import { OtlpDecodeError } from '../../otlp/decode-error.ts';
import { ANY_VALUE_DEPTH_MAX } from '../../otlp/limits.ts';
import type { WireReader } from '../../otlp/protobuf/reader.ts';
import type { ByteBuffer } from './byte-buffer.ts';

const TRUE = Buffer.from('\x04true', 'latin1');
const FALSE = Buffer.from('\x05false', 'latin1');

/**
 * Writes the AnyValue message between the reader's cursor and `end` as one ClickHouse String, rendered as the
 * Collector's exporter renders it: text as it is, numbers and booleans as text, lists and key-value lists as JSON,
 * bytes as base64, an empty value as ''. Of several members the last one counts. The cursor ends at `end`.
 */
export function writeAnyValue(reader: WireReader, end: number, target: ByteBuffer): void {
  const start = reader.pos;
  // Nearly every value is one string member that fills the message: its wire form is already a ClickHouse String.
  if (end - start >= 2 && reader.bytes[start] === 0x0a) {
    const outer = reader.end;
    reader.end = end;
    reader.pos = start + 1;
    const stringEnd = reader.lengthEnd();
    if (stringEnd === end) {
      target.string(reader.bytes, reader.pos, stringEnd);
      reader.pos = end;
      reader.end = outer;
      return;
    }
    reader.pos = start;
    reader.end = outer;
  }
  const outer = reader.end;
  reader.end = end;
  writeMember(reader, target);
  reader.pos = end;
  reader.end = outer;
}

function writeMember(reader: WireReader, target: ByteBuffer): void {
  const memberAt = lastMember(reader);
  if (memberAt < 0) {
    target.varint(0);
    return;
  }
  reader.pos = memberAt;
  const tag = reader.tag();
  switch (tag) {
    case 0x0a: {
      const end = reader.lengthEnd();
      target.string(reader.bytes, reader.pos, end);
      return;
    }
    case 0x10: {
      const value = reader.varint64() === 0n ? FALSE : TRUE;
      target.copy(value, 0, value.length);
      return;
    }
    case 0x18:
      target.text(BigInt.asIntN(64, reader.varint64()).toString());
      return;
    case 0x21:
      target.text(doubleText(reader.double()));
      return;
    case 0x3a:
      target.text(reader.view().toString('base64'));
      return;
    default:
      target.text(memberJson(reader, tag, 1));
  }
}

/** Position of the last oneof member's tag between the cursor and the end, -1 when there is none. */
function lastMember(reader: WireReader): number {
  let found = -1;
  for (;;) {
    const at = reader.pos;
    const tag = reader.tag();
    if (tag === 0) return found;
    if (isMember(tag)) found = at;
    reader.skip(tag);
  }
}

function isMember(tag: number): boolean {
  return tag === 0x0a || tag === 0x10 || tag === 0x18 || tag === 0x21 || tag === 0x2a || tag === 0x32 || tag === 0x3a;
}

/** A double as the Collector prints it; the three values JSON has no number for keep OTLP/JSON's names. */
export function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** JSON text of the AnyValue that fills the reader's current message. */
function anyValueJson(reader: WireReader, depth: number): string {
  if (depth > ANY_VALUE_DEPTH_MAX) throw new OtlpDecodeError(`AnyValue nested deeper than ${ANY_VALUE_DEPTH_MAX}`);
  const memberAt = lastMember(reader);
  if (memberAt < 0) return 'null';
  reader.pos = memberAt;
  return memberJson(reader, reader.tag(), depth);
}

function memberJson(reader: WireReader, tag: number, depth: number): string {
  switch (tag) {
    case 0x0a:
      return JSON.stringify(reader.string());
    case 0x10:
      return reader.varint64() === 0n ? 'false' : 'true';
    case 0x18:
      return BigInt.asIntN(64, reader.varint64()).toString();
    case 0x21: {
      const value = reader.double();
      return Number.isFinite(value) ? doubleText(value) : `"${value}"`;
    }
    case 0x3a:
      return `"${reader.view().toString('base64')}"`;
    case 0x2a:
      return `[${elements(reader, (inner) => anyValueJson(inner, depth + 1)).join(',')}]`;
    default:
      return `{${elements(reader, (inner) => keyValueJson(inner, depth + 1)).join(',')}}`;
  }
}

/** Renders each field 1 of the length-delimited message at the cursor. */
function elements(reader: WireReader, render: (inner: WireReader) => string): string[] {
  const out: string[] = [];
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== 0x0a) {
      reader.skip(tag);
      continue;
    }
    const inner = reader.enter();
    out.push(render(reader));
    reader.leave(inner);
  }
  reader.leave(outer);
  return out;
}

/** `"key":value`; a key that occurs twice is written twice, as it was sent. */
function keyValueJson(reader: WireReader, depth: number): string {
  let key = '';
  let value = 'null';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) key = reader.string();
    else if (tag === 0x12) {
      const outer = reader.enter();
      value = anyValueJson(reader, depth);
      reader.leave(outer);
    } else reader.skip(tag);
  }
  return `${JSON.stringify(key)}:${value}`;
}
