import { OtlpDecodeError, OtlpSizeError } from '../decode-error.ts';
import type { KnownKeys } from '../known-keys.ts';
import {
  ANY_VALUE_DEPTH_MAX,
  MESSAGE_DEPTH_MAX,
  REMOVALS_MAX,
  REQUEST_ITEMS_MAX,
  SPREAD_BYTES_MAX,
} from '../limits.ts';
import type { Signal } from '../signal.ts';
import {
  HISTOGRAM_DATA_POINT_FIELD,
  KEY_VALUE_FIELD,
  LOG_RECORD_FIELD,
  NUMBER_DATA_POINT_FIELD,
  SPAN_FIELD,
} from './fields.ts';
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT, WireReader } from './reader.ts';
import {
  type FieldSchema,
  MESSAGE_NAMES,
  messageSchema,
  type MessageName,
  requestSchema,
  WIRE_TYPE,
} from './schema.ts';
import { spliceMessages, type Enclosing, type Removal } from './splice.ts';

/** What one walk over an Export<Signal>ServiceRequest found. */
export interface RequestCheck {
  /** The request without the rejected items. The very buffer that came in when nothing had to be taken out. */
  readonly bytes: Buffer;
  /** Spans, log records or data points in `bytes`. */
  readonly items: number;
  /** Items taken out for good; `reasons` says how many for what. */
  readonly rejected: number;
  /** English, content-free, e.g. `2 spans without a valid trace_id`; '' when nothing was rejected. */
  readonly reasons: string;
  /** Attributes whose keys are not known, when known keys were given. */
  readonly unknownKeys: number;
  /** Indexes into a table of strings, which only profiles have (R42). */
  readonly stringIndexes: number;
}

// One table decides what a tag means in a message: OPERATIONS[message << 8 | tag]. All known fields are numbered up to 16,
// so their tags fit a byte's range; larger tags are unknown fields. They stand beside the walk because V8 takes constants of
// the same module as such: with these imported from a file of their own, checking took 1.55 times as long.
const OP_UNKNOWN = 0;
const OP_WRONG_WIRE_TYPE = 1;
const OP_VARINT = 2;
const OP_FIXED64 = 3;
const OP_FIXED32 = 4;
const OP_BYTES = 5;
const OP_MESSAGE = 6;
const OP_KEY_VALUE = 7;
const OP_PACKED_VARINT = 8;
const OP_PACKED_FIXED64 = 9;
const OP_TRACE_ID = 10;
const OP_SPAN_ID = 11;
const OP_POINT_VALUE = 12;
const OP_POINT_FLAGS = 13;
const OP_BUCKET_COUNT = 14;
const OP_BUCKET_COUNTS = 15;
const OP_BOUND = 16;
const OP_BOUNDS = 17;

const idOf = (name: MessageName): number => MESSAGE_NAMES.indexOf(name);

const ANY_VALUE = idOf('AnyValue');
const KEY_VALUE = idOf('KeyValue');
const KEY_VALUE_LIST = idOf('KeyValueList');
/** Tags of AnyValue.string_value_strindex and KeyValue.key_strindex (opentelemetry-proto 1.10), both int32. */
const STRING_VALUE_INDEX_TAG = 8 << 3;
const KEY_INDEX_TAG = 3 << 3;
const SPAN = idOf('Span');
const LOG_RECORD = idOf('LogRecord');
const NUMBER_DATA_POINT = idOf('NumberDataPoint');
const HISTOGRAM_DATA_POINT = idOf('HistogramDataPoint');

/** Messages that are counted, judged and, if invalid, taken out whole; and those that items lie in, whose rest holds for all of them. */
const IS_ITEM = 1;
const HOLDS_ITEMS = 2;
const ROLE = Uint8Array.from(MESSAGE_NAMES, (name) => {
  if (messageSchema(name).isItem) return IS_ITEM;
  return holdsItems(name) ? HOLDS_ITEMS : 0;
});

function holdsItems(name: MessageName): boolean {
  // Values hold themselves, and no items.
  if (name === 'AnyValue') return false;
  return messageSchema(name).fields.some(
    ({ message }) => message !== undefined && (messageSchema(message).isItem || holdsItems(message)),
  );
}

const PLAIN_OPERATION: Readonly<Record<number, number>> = {
  [WIRE_VARINT]: OP_VARINT,
  [WIRE_FIXED64]: OP_FIXED64,
  [WIRE_FIXED32]: OP_FIXED32,
  [WIRE_BYTES]: OP_BYTES,
};

const OPERATIONS = new Uint8Array(MESSAGE_NAMES.length << 8);
const CHILDREN = new Uint8Array(MESSAGE_NAMES.length << 8);

function setOperation(message: number, field: number, wireType: number, operation: number): void {
  OPERATIONS[(message << 8) | (field << 3) | wireType] = operation;
}

function describeField(message: number, field: FieldSchema): void {
  for (let wireType = 0; wireType < 8; wireType += 1) setOperation(message, field.number, wireType, OP_WRONG_WIRE_TYPE);
  const wireType = WIRE_TYPE[field.kind];
  if (field.message !== undefined) {
    setOperation(message, field.number, wireType, field.message === 'KeyValue' ? OP_KEY_VALUE : OP_MESSAGE);
    CHILDREN[(message << 8) | (field.number << 3) | wireType] = idOf(field.message);
    return;
  }
  setOperation(message, field.number, wireType, PLAIN_OPERATION[wireType] ?? OP_WRONG_WIRE_TYPE);
  // A repeated scalar may come packed or one by one, whatever the schema says (protobuf encoding guide).
  if (field.repeated && wireType === WIRE_VARINT) setOperation(message, field.number, WIRE_BYTES, OP_PACKED_VARINT);
  if (field.repeated && wireType === WIRE_FIXED64) setOperation(message, field.number, WIRE_BYTES, OP_PACKED_FIXED64);
}

for (const [id, name] of MESSAGE_NAMES.entries()) {
  for (const field of messageSchema(name).fields) describeField(id, field);
}
for (const [message, field, wireType, operation] of [
  [SPAN, SPAN_FIELD.traceId, WIRE_BYTES, OP_TRACE_ID],
  [SPAN, SPAN_FIELD.spanId, WIRE_BYTES, OP_SPAN_ID],
  [LOG_RECORD, LOG_RECORD_FIELD.traceId, WIRE_BYTES, OP_TRACE_ID],
  [LOG_RECORD, LOG_RECORD_FIELD.spanId, WIRE_BYTES, OP_SPAN_ID],
  [NUMBER_DATA_POINT, NUMBER_DATA_POINT_FIELD.asDouble, WIRE_FIXED64, OP_POINT_VALUE],
  [NUMBER_DATA_POINT, NUMBER_DATA_POINT_FIELD.asInt, WIRE_FIXED64, OP_POINT_VALUE],
  [NUMBER_DATA_POINT, NUMBER_DATA_POINT_FIELD.flags, WIRE_VARINT, OP_POINT_FLAGS],
  [HISTOGRAM_DATA_POINT, HISTOGRAM_DATA_POINT_FIELD.bucketCounts, WIRE_FIXED64, OP_BUCKET_COUNT],
  [HISTOGRAM_DATA_POINT, HISTOGRAM_DATA_POINT_FIELD.bucketCounts, WIRE_BYTES, OP_BUCKET_COUNTS],
  [HISTOGRAM_DATA_POINT, HISTOGRAM_DATA_POINT_FIELD.explicitBounds, WIRE_FIXED64, OP_BOUND],
  [HISTOGRAM_DATA_POINT, HISTOGRAM_DATA_POINT_FIELD.explicitBounds, WIRE_BYTES, OP_BOUNDS],
] as const) {
  setOperation(message, field, wireType, operation);
}

const ID_ABSENT = 0;
const ID_VALID = 1;
const ID_INVALID = 2;

const NO_RECORDED_VALUE = 1;

/** Why an item was rejected, as said to the sender (R38, R44). */
const REASONS = {
  traceId: [
    'span without a valid trace_id (16 bytes, not all zero)',
    'spans without a valid trace_id (16 bytes, not all zero)',
  ],
  spanId: [
    'span without a valid span_id (8 bytes, not all zero)',
    'spans without a valid span_id (8 bytes, not all zero)',
  ],
  noValue: ['data point with neither as_double nor as_int', 'data points with neither as_double nor as_int'],
  buckets: [
    'histogram point whose bucket_counts do not fit its explicit_bounds',
    'histogram points whose bucket_counts do not fit their explicit_bounds',
  ],
  bounds: [
    'histogram point whose explicit_bounds do not increase',
    'histogram points whose explicit_bounds do not increase',
  ],
} as const;
type Reason = keyof typeof REASONS;

function describeReasons(counts: ReadonlyMap<Reason, number>): string {
  return [...counts].map(([reason, count]) => `${count} ${REASONS[reason][count === 1 ? 0 : 1]}`).join('; ');
}

const idState = (bytes: Uint8Array, start: number, end: number, length: number): number => {
  if (end === start) return ID_ABSENT;
  if (end - start !== length) return ID_INVALID;
  for (let at = start; at < end; at += 1) if (bytes[at] !== 0) return ID_VALID;
  return ID_INVALID;
};

/**
 * Walks a whole request once, without building objects and without recursion: every known field must have its wire type and
 * lie inside its message (else OtlpDecodeError), nesting must stay within ANY_VALUE_DEPTH_MAX. Unknown
 * fields of every wire type are stepped over and kept. Throws OtlpSizeError for more items, or more that is said for several of them,
 * than what comes behind should be given at once (REQUEST_ITEMS_MAX, SPREAD_BYTES_MAX), or more to take out than is worth it (REMOVALS_MAX).
 *
 * Items that no consumer could use are taken out and counted: spans without valid ids (R38), number points without a value
 * unless they say NO_RECORDED_VALUE, histogram points whose buckets and bounds contradict each other (R44). A log record
 * with an invalid trace or span id is kept as not associated: the id fields are taken out, and the span id goes with an
 * invalid trace id.
 *
 * Text is not checked for UTF-8 here: readers replace invalid sequences by U+FFFD.
 *
 * @param keys attributes of the request's messages with other keys than these are counted; pairs within values are not looked at
 */
export function checkRequest(signal: Signal, body: Uint8Array, keys?: KnownKeys): RequestCheck {
  return new RequestWalk(body, keys).run(idOf(requestSchema(signal).name));
}

/** A removal that may grow by what comes right behind it. */
interface Stretch extends Removal {
  end: number;
}

const NOTHING_AROUND: readonly Enclosing[] = [];

class RequestWalk {
  readonly #reader: WireReader;
  readonly #bytes: Buffer;
  // The open messages, outermost first: what they are, where they end, where their tag and their length began, how
  // many AnyValues are open with them.
  readonly #messages = new Uint8Array(MESSAGE_DEPTH_MAX + 1);
  readonly #ends = new Float64Array(MESSAGE_DEPTH_MAX + 1);
  readonly #tagStarts = new Float64Array(MESSAGE_DEPTH_MAX + 1);
  readonly #lengthStarts = new Float64Array(MESSAGE_DEPTH_MAX + 1);
  readonly #contentStarts = new Float64Array(MESSAGE_DEPTH_MAX + 1);
  readonly #anyValueDepths = new Uint8Array(MESSAGE_DEPTH_MAX + 1);
  // Of those that items lie in: items when it was opened, and bytes of it that are in messages of the same kind or items.
  readonly #itemsBefore = new Float64Array(MESSAGE_DEPTH_MAX + 1);
  readonly #passedOn = new Float64Array(MESSAGE_DEPTH_MAX + 1);
  #depth = 1;
  #items = 0;
  #rejected = 0;
  #spreadBytes = 0;
  #reasons = new Map<Reason, number>();
  #removals: Stretch[] = [];
  /** The messages around what was removed last: most removals have them in common with the one before. */
  #around: readonly Enclosing[] = NOTHING_AROUND;
  // What is known of the item that is open.
  #traceId = ID_ABSENT;
  #traceIdStart = 0;
  #traceIdEnd = 0;
  #spanId = ID_ABSENT;
  #spanIdStart = 0;
  #spanIdEnd = 0;
  #hasValue = false;
  #flags = 0;
  #bucketCounts = 0;
  #bounds = 0;
  #lastBound = Number.NEGATIVE_INFINITY;
  #boundsIncrease = true;
  readonly #keys: KnownKeys | undefined;
  #unknownKeys = 0;
  #stringIndexes = 0;

  constructor(body: Uint8Array, keys: KnownKeys | undefined) {
    this.#keys = keys;
    this.#reader = new WireReader(body);
    this.#bytes = this.#reader.bytes;
  }

  run(request: number): RequestCheck {
    const bytes = this.#bytes;
    const reader = this.#reader;
    const keys = this.#keys;
    let message = request;
    let end = bytes.length;
    let pos = 0;
    let anyValueDepth = 0;
    this.#messages[1] = message;
    this.#ends[1] = end;

    for (;;) {
      while (pos === end) {
        const role = ROLE[message] ?? 0;
        if (role === IS_ITEM) this.#closeItem(message, end);
        if (role !== 0) this.#spread(end);
        if (this.#depth === 1) return this.#result();
        this.#depth -= 1;
        message = this.#messages[this.#depth] ?? 0;
        end = this.#ends[this.#depth] ?? 0;
        anyValueDepth = this.#anyValueDepths[this.#depth] ?? 0;
      }
      const tagStart = pos;
      let tag = bytes[pos++] ?? 0;
      if (tag >= 0x80) {
        reader.pos = tagStart;
        reader.end = end;
        tag = reader.varint32();
        pos = reader.pos;
      }
      if (tag >>> 3 === 0) throw new OtlpDecodeError(`field number 0 at byte ${tagStart}`);
      const slot = (message << 8) | tag;
      const operation = tag < 256 ? (OPERATIONS[slot] ?? 0) : OP_UNKNOWN;

      if (
        operation === OP_FIXED64 ||
        operation === OP_POINT_VALUE ||
        operation === OP_BUCKET_COUNT ||
        operation === OP_BOUND
      ) {
        if (operation === OP_POINT_VALUE) this.#hasValue = true;
        else if (operation === OP_BUCKET_COUNT) this.#bucketCounts += 1;
        else if (operation === OP_BOUND && pos + 8 <= end) this.#bound(pos);
        pos += 8;
        if (pos > end) throw cut(message, tag, tagStart);
        continue;
      }
      if (operation === OP_FIXED32) {
        pos += 4;
        if (pos > end) throw cut(message, tag, tagStart);
        continue;
      }
      if (operation === OP_VARINT) {
        const stop = Math.min(end, pos + 10);
        while (pos < stop && (bytes[pos] ?? 0) >= 0x80) pos += 1;
        if (pos >= stop) throw cut(message, tag, tagStart);
        pos += 1;
        continue;
      }
      if (operation === OP_POINT_FLAGS || operation === OP_UNKNOWN) {
        reader.pos = pos;
        reader.end = end;
        if (operation === OP_UNKNOWN) {
          reader.skip(tag);
          if (
            (message === ANY_VALUE && tag === STRING_VALUE_INDEX_TAG) ||
            (message === KEY_VALUE && tag === KEY_INDEX_TAG)
          ) {
            this.#stringIndexes += 1;
          }
        } else this.#flags = reader.varint32();
        pos = reader.pos;
        continue;
      }
      if (operation === OP_WRONG_WIRE_TYPE) {
        throw new OtlpDecodeError(`${fieldName(message, tag)} has wire type ${tag & 7} at byte ${tagStart}`);
      }

      // Everything left is length-delimited.
      const lengthStart = pos;
      let length = bytes[pos++] ?? 0;
      if (length >= 0x80 || lengthStart >= end) {
        reader.pos = lengthStart;
        reader.end = end;
        length = reader.varint32();
        pos = reader.pos;
      }
      const fieldEnd = pos + length;
      if (fieldEnd > end) throw cut(message, tag, tagStart);

      // Nearly every attribute is a short key with a short scalar in the usual order: checked at a glance.
      if (operation === OP_KEY_VALUE && isPlainAttribute(bytes, pos, fieldEnd) && anyValueDepth < ANY_VALUE_DEPTH_MAX) {
        if (
          keys !== undefined &&
          message !== KEY_VALUE_LIST &&
          !keys.admit(bytes, pos + 2, pos + 2 + (bytes[pos + 1] ?? 0))
        ) {
          this.#unknownKeys += 1;
        }
        pos = fieldEnd;
        continue;
      }
      switch (operation) {
        case OP_BYTES:
          pos = fieldEnd;
          break;
        case OP_KEY_VALUE:
        case OP_MESSAGE: {
          if (keys !== undefined && operation === OP_KEY_VALUE && message !== KEY_VALUE_LIST) {
            this.#admitKey(keys, pos, fieldEnd);
          }
          message = CHILDREN[slot] ?? 0;
          if (message === ANY_VALUE) {
            anyValueDepth += 1;
            if (anyValueDepth > ANY_VALUE_DEPTH_MAX) {
              throw new OtlpDecodeError(`AnyValue nested deeper than ${ANY_VALUE_DEPTH_MAX} at byte ${tagStart}`);
            }
          }
          if (ROLE[message] === IS_ITEM) this.#openItem();
          end = fieldEnd;
          const depth = this.#depth + 1;
          this.#depth = depth;
          this.#messages[depth] = message;
          this.#ends[depth] = end;
          this.#tagStarts[depth] = tagStart;
          this.#lengthStarts[depth] = lengthStart;
          this.#contentStarts[depth] = pos;
          this.#anyValueDepths[depth] = anyValueDepth;
          this.#itemsBefore[depth] = this.#items + this.#rejected;
          this.#passedOn[depth] = 0;
          break;
        }
        case OP_TRACE_ID:
          this.#traceId = idState(bytes, pos, fieldEnd, 16);
          if (this.#traceId !== ID_ABSENT && message === LOG_RECORD) this.#rememberTraceId(tagStart, fieldEnd);
          pos = fieldEnd;
          break;
        case OP_SPAN_ID:
          this.#spanId = idState(bytes, pos, fieldEnd, 8);
          if (this.#spanId !== ID_ABSENT && message === LOG_RECORD) this.#rememberSpanId(tagStart, fieldEnd);
          pos = fieldEnd;
          break;
        case OP_PACKED_VARINT:
          reader.pos = pos;
          reader.end = fieldEnd;
          while (reader.pos < fieldEnd) reader.skip(WIRE_VARINT);
          pos = fieldEnd;
          break;
        default:
          // Packed 64-bit values.
          if (length % 8 !== 0) throw cut(message, tag, tagStart);
          if (operation === OP_BUCKET_COUNTS) this.#bucketCounts += length / 8;
          else if (operation === OP_BOUNDS) for (; pos < fieldEnd; pos += 8) this.#bound(pos);
          pos = fieldEnd;
      }
    }
  }

  #admitKey(keys: KnownKeys, start: number, end: number): void {
    const reader = new WireReader(this.#bytes, start, end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === ((KEY_VALUE_FIELD.key << 3) | WIRE_BYTES)) {
        const keyEnd = reader.lengthEnd();
        if (!keys.admit(this.#bytes, reader.pos, keyEnd)) this.#unknownKeys += 1;
        return;
      }
      reader.skip(tag);
    }
    if (!keys.admit(this.#bytes, start, start)) this.#unknownKeys += 1;
  }

  #openItem(): void {
    this.#traceId = ID_ABSENT;
    this.#spanId = ID_ABSENT;
    this.#traceIdEnd = 0;
    this.#spanIdEnd = 0;
    this.#hasValue = false;
    this.#flags = 0;
    this.#bucketCounts = 0;
    this.#bounds = 0;
    this.#lastBound = Number.NEGATIVE_INFINITY;
    this.#boundsIncrease = true;
  }

  #closeItem(message: number, end: number): void {
    switch (message) {
      case SPAN:
        if (this.#traceId !== ID_VALID) return this.#reject('traceId', end);
        if (this.#spanId !== ID_VALID) return this.#reject('spanId', end);
        break;
      case LOG_RECORD:
        if (this.#traceId === ID_INVALID || this.#spanId === ID_INVALID) this.#clearLogIds();
        break;
      case NUMBER_DATA_POINT:
        if (!this.#hasValue && (this.#flags & NO_RECORDED_VALUE) === 0) return this.#reject('noValue', end);
        break;
      case HISTOGRAM_DATA_POINT: {
        const fits = this.#bucketCounts === 0 ? this.#bounds === 0 : this.#bucketCounts === this.#bounds + 1;
        if (!fits) return this.#reject('buckets', end);
        if (!this.#boundsIncrease) return this.#reject('bounds', end);
        break;
      }
      default:
    }
    this.#items += 1;
  }

  /** What a message that items lie in says besides them is said with each of them; an item, which is the innermost, once. */
  #spread(end: number): void {
    const depth = this.#depth;
    const length = end - (this.#contentStarts[depth] ?? 0);
    const all = this.#items + this.#rejected;
    const items = all - (this.#itemsBefore[depth] ?? 0);
    if (items === 0) return;
    this.#spreadBytes += (length - (this.#passedOn[depth] ?? 0)) * items;
    // With its tag and its length.
    this.#passedOn[depth - 1] = (this.#passedOn[depth - 1] ?? 0) + end - (this.#tagStarts[depth] ?? 0);
    if (all > REQUEST_ITEMS_MAX) throw new OtlpSizeError(`the request has more than ${REQUEST_ITEMS_MAX} items`);
    if (this.#spreadBytes > SPREAD_BYTES_MAX) {
      throw new OtlpSizeError(
        `the request, with resource and scope said with each item, is larger than ${SPREAD_BYTES_MAX} bytes; send fewer items at once`,
      );
    }
  }

  #bound(at: number): void {
    const bound = this.#bytes.readDoubleLE(at);
    // Written so that NaN does not count as increasing.
    if (!(bound > this.#lastBound) && this.#bounds > 0) this.#boundsIncrease = false;
    if (Number.isNaN(bound)) this.#boundsIncrease = false;
    this.#bounds += 1;
    this.#lastBound = bound;
  }

  // A field that came twice leaves a removal for each occurrence but the last, which is what decides.
  #rememberTraceId(start: number, end: number): void {
    if (this.#traceIdEnd > 0) this.#remove(this.#traceIdStart, this.#traceIdEnd);
    this.#traceIdStart = start;
    this.#traceIdEnd = end;
  }

  #rememberSpanId(start: number, end: number): void {
    if (this.#spanIdEnd > 0) this.#remove(this.#spanIdStart, this.#spanIdEnd);
    this.#spanIdStart = start;
    this.#spanIdEnd = end;
  }

  #clearLogIds(): void {
    if (this.#traceId === ID_INVALID) {
      this.#remove(this.#traceIdStart, this.#traceIdEnd);
      if (this.#spanIdEnd > 0) this.#remove(this.#spanIdStart, this.#spanIdEnd);
      return;
    }
    this.#remove(this.#spanIdStart, this.#spanIdEnd);
  }

  #reject(reason: Reason, end: number): void {
    this.#rejected += 1;
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    const start = this.#tagStarts[this.#depth] ?? 0;
    this.#depth -= 1;
    this.#remove(start, end);
    this.#depth += 1;
  }

  /** Notes that [start, end) goes, with the messages around it, whose lengths change. */
  #remove(start: number, end: number): void {
    const enclosing = this.#enclosing();
    const last = this.#removals.at(-1);
    if (last?.enclosing === enclosing && last.end === start) last.end = end;
    else {
      if (this.#removals.length >= REMOVALS_MAX) {
        throw new OtlpSizeError(
          `more than ${REMOVALS_MAX} parts of the request would have to be taken out; send fewer items at once`,
        );
      }
      this.#removals.push({ start, end, enclosing });
    }
  }

  /** The open messages but the request. The very same list for as long as the same are open: a request may have a million removals. */
  #enclosing(): readonly Enclosing[] {
    const before = this.#around;
    const depth = this.#depth;
    // No two messages begin at one place.
    if (before.length === depth - 1 && (before.at(-1)?.lengthStart ?? 0) === this.#lengthStarts[depth]) return before;
    const enclosing: Enclosing[] = [];
    for (let at = 2; at <= depth; at += 1) {
      const lengthStart = this.#lengthStarts[at] ?? 0;
      const same = before[at - 2];
      enclosing.push(
        same?.lengthStart === lengthStart
          ? same
          : { lengthStart, contentStart: this.#contentStarts[at] ?? 0, end: this.#ends[at] ?? 0 },
      );
    }
    this.#around = enclosing;
    return enclosing;
  }

  #result(): RequestCheck {
    return {
      bytes: this.#removals.length === 0 ? this.#bytes : spliceMessages(this.#bytes, this.#removals),
      items: this.#items,
      rejected: this.#rejected,
      reasons: describeReasons(this.#reasons),
      unknownKeys: this.#unknownKeys,
      stringIndexes: this.#stringIndexes,
    };
  }
}

/**
 * True when [start, end) is a KeyValue of exactly a key and a value, in this order, whose value is exactly one string,
 * bool, int of one byte or double, with all lengths under 128: well-formed with nothing left over.
 */
function isPlainAttribute(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 6 || bytes[start] !== 0x0a) return false;
  const keyLength = bytes[start + 1] ?? 0x80;
  if (keyLength >= 0x80) return false;
  const at = start + 2 + keyLength;
  if (at + 4 > end || bytes[at] !== 0x12) return false;
  const valueLength = bytes[at + 1] ?? 0x80;
  if (valueLength >= 0x80 || at + 2 + valueLength !== end) return false;
  const kind = bytes[at + 2];
  if (kind === 0x0a) return (bytes[at + 3] ?? 0x80) === valueLength - 2;
  if (kind === 0x10 || kind === 0x18) return valueLength === 2 && (bytes[at + 3] ?? 0x80) < 0x80;
  return kind === 0x21 && valueLength === 9;
}

function fieldName(message: number, tag: number): string {
  const name = MESSAGE_NAMES[message];
  if (name === undefined) return `field ${tag >>> 3}`;
  return `${name}.${messageSchema(name).byNumber.get(tag >>> 3)?.name ?? tag >>> 3}`;
}

function cut(message: number, tag: number, at: number): OtlpDecodeError {
  return new OtlpDecodeError(`${fieldName(message, tag)} at byte ${at} does not fit its message`);
}
