import { WireReader } from '../otlp/protobuf/reader.ts';
import { bytesField } from './edits.ts';
import { ID, MESSAGE, NUMERIC, TEXT, type MessagePlan } from './message-plan.ts';

const ID_BYTES: ReadonlyMap<string, number> = new Map([
  ['traceId', 16],
  ['spanId', 8],
  ['parentSpanId', 8],
]);

/**
 * What may stay of a message that could not be redacted: numbers, times, ids of the right length, and its structure. Each
 * text becomes `marker`, attributes, bodies and unknown fields go. When the bytes cannot be read either, nothing stays.
 */
export function metadataOnly(plan: MessagePlan, bytes: Buffer, start: number, end: number, marker: string): Buffer {
  const parts: Buffer[] = [];
  try {
    const reader = new WireReader(bytes, start, end);
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const field = plan.fields[tag >>> 3];
      const valueAt = reader.pos;
      reader.skip(tag);
      if (field === undefined || ((field.wireTypes >>> (tag & 7)) & 1) === 0) continue;
      if (field.kind === NUMERIC) {
        parts.push(bytes.subarray(tagAt, reader.pos));
      } else if (field.kind === ID) {
        const size = ID_BYTES.get(field.name) ?? 0;
        if (reader.pos - valueAt === size + 1) parts.push(bytes.subarray(tagAt, reader.pos));
      } else if (field.kind === TEXT) {
        parts.push(bytesField(field.number, Buffer.from(marker)));
      } else if (field.kind === MESSAGE && field.message !== undefined) {
        const inner = new WireReader(bytes, valueAt, reader.pos);
        const innerEnd = inner.lengthEnd();
        parts.push(bytesField(field.number, metadataOnly(field.message, bytes, inner.pos, innerEnd, marker)));
      }
    }
  } catch {
    return Buffer.alloc(0);
  }
  return Buffer.concat(parts);
}
