import { WireReader } from '../otlp/protobuf/reader.ts';
import { decodedText } from './decoded-text.ts';
import { escapeJson } from './json-text.ts';

const DEPTH_MAX = 64;

/**
 * An AnyValue's bytes as text: a string as it is, everything else as JSON (bytes as base64), the form in which stores and
 * pages show it. Throws OtlpDecodeError on bytes that are no AnyValue, RangeError when nested deeper than 64.
 */
export function anyValueText(bytes: Buffer, start: number, end: number): string {
  return valueText(bytes, start, end, true, 0);
}

function valueText(bytes: Buffer, start: number, end: number, bare: boolean, depth: number): string {
  if (depth > DEPTH_MAX) throw new RangeError('value nested too deep');
  const reader = new WireReader(bytes, start, end);
  let text = bare ? '' : 'null';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case (1 << 3) | 2: {
        const stringEnd = reader.lengthEnd();
        const string = decodedText(bytes, reader.pos, stringEnd);
        reader.pos = stringEnd;
        text = bare ? string : `"${escapeJson(string)}"`;
        break;
      }
      case 2 << 3:
        text = reader.varint64() === 0n ? 'false' : 'true';
        break;
      case 3 << 3:
        text = BigInt.asIntN(64, reader.varint64()).toString();
        break;
      case (4 << 3) | 1: {
        const double = reader.double();
        text = Number.isFinite(double) ? String(double) : 'null';
        break;
      }
      case (5 << 3) | 2:
        text = `[${listItems(bytes, reader, depth).join(',')}]`;
        break;
      case (6 << 3) | 2:
        text = `{${members(bytes, reader, depth).join(',')}}`;
        break;
      case (7 << 3) | 2:
        text = `"${reader.view().toString('base64')}"`;
        if (bare) text = text.slice(1, -1);
        break;
      default: {
        const at = reader.pos;
        reader.skip(tag);
        // A kind of value newer than this schema: what withholds the value should know that there is one.
        if (text === '') text = bytes.toString('utf8', at, reader.pos);
      }
    }
  }
  return text;
}

function listItems(bytes: Buffer, reader: WireReader, depth: number): string[] {
  const items: string[] = [];
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((1 << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const end = reader.lengthEnd();
    items.push(valueText(bytes, reader.pos, end, false, depth + 1));
    reader.pos = end;
  }
  reader.leave(outer);
  return items;
}

function members(bytes: Buffer, reader: WireReader, depth: number): string[] {
  const found: string[] = [];
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((1 << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const end = reader.lengthEnd();
    const member = new WireReader(bytes, reader.pos, end);
    let key = '';
    let value = 'null';
    for (let inner = member.tag(); inner !== 0; inner = member.tag()) {
      if (inner === ((1 << 3) | 2)) key = member.string();
      else if (inner === ((2 << 3) | 2)) {
        const valueEnd = member.lengthEnd();
        value = valueText(bytes, member.pos, valueEnd, false, depth + 1);
        member.pos = valueEnd;
      } else member.skip(inner);
    }
    found.push(`"${escapeJson(key)}":${value}`);
    reader.pos = end;
  }
  reader.leave(outer);
  return found;
}
