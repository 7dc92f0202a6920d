import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { WIRE_BYTES, WIRE_GROUP_START, WireReader } from '../otlp/protobuf/reader.ts';
import { messageSchema, requestSchema, type MessageSchema } from '../otlp/protobuf/schema.ts';
import { spliceMessages, type Enclosing, type Removal } from '../otlp/protobuf/splice.ts';
import type { Signal } from '../otlp/signal.ts';

/**
 * Messages within one another that other decoders take: protobufjs, which the Node exporters and many receivers decode with, and the
 * default of protobuf in C++, Java and Go.
 */
const MESSAGE_DEPTH_MAX = 100;
/** An AnyValue that is a list holds the list, a pair and an AnyValue below itself. */
const MESSAGES_BELOW_LIST = 3;

/** A request without what well-formed protobuf may hold and decoders in use refuse. */
export interface PlainRequest {
  readonly bytes: Buffer;
  /** Unknown groups left out (wire types 3 and 4): OTLP has none, and the Collector as of 0.161 refuses one that holds a value. */
  readonly groups: number;
  /** Arrays and lists of pairs left out, their values being empty now, because too many messages lie around them. */
  readonly deepValues: number;
}

interface Level extends Enclosing {
  readonly schema: MessageSchema;
}

/** Looks for what other decoders refuse; undefined when there is none of it, or the request is not whole. */
export function plainRequest(signal: Signal, bytes: Buffer): PlainRequest | undefined {
  try {
    return walk(signal, bytes);
  } catch (error) {
    if (error instanceof OtlpDecodeError) return undefined;
    throw error;
  }
}

/** Once, and without recursion. */
function walk(signal: Signal, bytes: Buffer): PlainRequest | undefined {
  const reader = new WireReader(bytes);
  const levels: Level[] = [{ schema: requestSchema(signal), lengthStart: 0, contentStart: 0, end: bytes.length }];
  const removals: Removal[] = [];
  let groups = 0;
  let deepValues = 0;
  // The request itself has no length that would change.
  const leaveOut = (start: number, end: number): void => void removals.push({ start, end, enclosing: levels.slice(1) });

  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (reader.pos >= level.end) {
      levels.pop();
      continue;
    }
    const { schema } = level;
    reader.end = level.end;
    const tagStart = reader.pos;
    const tag = reader.tag();
    if ((tag & 7) === WIRE_GROUP_START) {
      reader.skip(tag);
      groups += 1;
      leaveOut(tagStart, reader.pos);
      continue;
    }
    const message = (tag & 7) === WIRE_BYTES ? schema.byNumber.get(tag >>> 3)?.message : undefined;
    if (message === undefined) {
      reader.skip(tag);
      continue;
    }
    const lengthStart = reader.pos;
    const end = reader.lengthEnd();
    if (schema.name === 'AnyValue' && levels.length + MESSAGES_BELOW_LIST > MESSAGE_DEPTH_MAX) {
      deepValues += 1;
      leaveOut(tagStart, end);
      reader.pos = end;
    } else levels.push({ schema: messageSchema(message), lengthStart, contentStart: reader.pos, end });
  }
  return removals.length === 0 ? undefined : { bytes: spliceMessages(bytes, removals), groups, deepValues };
}
