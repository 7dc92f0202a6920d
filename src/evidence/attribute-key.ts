import type { WireReader } from '../otlp/protobuf/reader.ts';

const PLACES = 512;
const LENGTH_MAX = 64;

interface KnownKey {
  readonly bytes: Buffer;
  readonly text: string;
}

const known: (KnownKey | undefined)[] = Array.from({ length: PLACES }, () => undefined);

/**
 * The length-delimited field at the cursor as text, as `reader.string` gives it, made anew only where it is not the last one that fell
 * on its place: records have the same few keys, and one that is the same text as before is found in a map without being compared.
 */
export function readKey(reader: WireReader): string {
  const end = reader.lengthEnd();
  const { bytes, pos } = reader;
  const length = end - pos;
  reader.pos = end;
  if (length === 0) return '';
  if (length > LENGTH_MAX) return bytes.toString('utf8', pos, end);
  const middle = bytes[pos + (length >>> 1)] as number;
  const beforeLast = bytes[end - Math.min(length, 4)] as number;
  const place = (length * 31 + middle * 7 + beforeLast * 61 + (bytes[end - 1] as number) * 17) & (PLACES - 1);
  const found = known[place];
  if (found !== undefined && isSame(found.bytes, bytes, pos, length)) return found.text;
  const text = bytes.toString('utf8', pos, end);
  known[place] = { bytes: Buffer.from(bytes.subarray(pos, end)), text };
  return text;
}

function isSame(key: Buffer, bytes: Buffer, start: number, length: number): boolean {
  if (key.length !== length) return false;
  for (let at = 0; at < length; at += 1) if (key[at] !== bytes[start + at]) return false;
  return true;
}
