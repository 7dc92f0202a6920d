import type { ReplaySignal } from './otlp-json.ts';

/**
 * The little of protobuf that replaying a recorded request needs: telling the signal, counting records, and naming an
 * incident on each resource. Everything else is passed on byte for byte.
 */
interface Field {
  readonly number: number;
  /** 0 varint, 1 fixed64, 2 length-delimited, 5 fixed32. */
  readonly wireType: number;
  /** The whole field with its tag, and for wire type 2 its content. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** The bytes are no protobuf message of the shape looked for. */
export class NotOtlp extends Error {
  constructor() {
    super('not an OTLP export request');
    this.name = 'NotOtlp';
  }
}

export interface ProtobufRequest {
  readonly signal: ReplaySignal;
  readonly bytes: Uint8Array;
  /** Spans, log records or metrics. */
  readonly records: number;
}

/** Recognises an Export<Signal>ServiceRequest by its first record. Throws NotOtlp. */
export function readProtobufRequest(bytes: Uint8Array): ProtobufRequest {
  let signal: ReplaySignal | undefined;
  let records = 0;
  for (const resource of messages(bytes, 1)) {
    for (const scope of messages(resource, 2)) {
      for (const record of messages(scope, 2)) {
        records += 1;
        signal ??= signalOf(record);
      }
    }
  }
  if (signal === undefined) throw new NotOtlp();
  return { signal, bytes, records };
}

/** The same request with `incident.id` on every resource. */
export function nameIncidentInProtobuf(bytes: Uint8Array, ref: string): Uint8Array {
  const key = Buffer.from('incident.id', 'utf8');
  const attribute = delimited(
    1,
    Buffer.concat([delimited(1, key), delimited(2, delimited(1, Buffer.from(ref, 'utf8')))]),
  );
  const named = [...fields(bytes)].map((top) => {
    if (top.number !== 1 || top.wireType !== 2) return top.whole;
    const parts: Uint8Array[] = [];
    let found = false;
    for (const field of fields(top.content)) {
      if (field.number !== 1 || field.wireType !== 2 || found) {
        parts.push(field.whole);
        continue;
      }
      found = true;
      const others = [...fields(field.content)].filter(
        (each) => !(each.number === 1 && keyOf(each.content).equals(key)),
      );
      parts.push(delimited(1, Buffer.concat([...others.map(({ whole }) => whole), attribute])));
    }
    if (!found) parts.unshift(delimited(1, attribute));
    return delimited(1, Buffer.concat(parts));
  });
  return Buffer.concat(named);
}

function keyOf(keyValue: Uint8Array): Buffer {
  for (const field of fields(keyValue))
    if (field.number === 1 && field.wireType === 2) return Buffer.from(field.content);
  return Buffer.alloc(0);
}

/** Span: 16-byte trace id in 1, 8-byte span id in 2. LogRecord: a fixed64 time in 1 or 11. Metric: a name in 1, data in 5 to 11. */
function signalOf(record: Uint8Array): ReplaySignal | undefined {
  const all = [...fields(record)];
  const has = (number: number, wireType: number, bytes?: number): boolean =>
    all.some(
      (field) =>
        field.number === number &&
        field.wireType === wireType &&
        (bytes === undefined || field.content.length === bytes),
    );
  if (has(1, 1) || has(11, 1)) return 'logs';
  if (has(1, 2, 16) && has(2, 2, 8)) return 'traces';
  if (has(1, 2) && [5, 7, 9, 10, 11].some((number) => has(number, 2))) return 'metrics';
  return undefined;
}

function* messages(bytes: Uint8Array, number: number): Generator<Uint8Array> {
  for (const field of fields(bytes)) if (field.number === number && field.wireType === 2) yield field.content;
}

function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw new NotOtlp();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new NotOtlp();
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    const wireType = tag % 8;
    const number = Math.floor(tag / 8);
    let contentStart = at;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = varint();
      contentStart = at;
      at += length;
    } else throw new NotOtlp();
    if (number === 0 || at > bytes.length) throw new NotOtlp();
    yield { number, wireType, whole: bytes.subarray(start, at), content: bytes.subarray(contentStart, at) };
  }
}

function delimited(number: number, content: Uint8Array): Uint8Array {
  const head = [number * 8 + 2];
  let length = content.length;
  while (length >= 0x80) {
    head.push((length % 0x80) + 0x80);
    length = Math.floor(length / 0x80);
  }
  head.push(length);
  return Buffer.concat([Uint8Array.from(head), content]);
}

/** Rejected items of an Export<Signal>ServiceResponse in protobuf; 0 when it has no partial success. */
export function rejectedInResponse(bytes: Uint8Array): number {
  let rejected = 0;
  for (const partial of messages(bytes, 1)) {
    for (const field of fields(partial)) {
      if (field.number !== 1 || field.wireType !== 0) continue;
      rejected = field.content.reduceRight((value, byte) => value * 128 + (byte & 0x7f), 0);
    }
  }
  return rejected;
}
