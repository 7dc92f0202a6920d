import {
  ANY_VALUE_FIELD,
  INSTRUMENTATION_SCOPE_FIELD,
  KEY_VALUE_FIELD,
  LOG_RECORD_FIELD,
  RESOURCE_FIELD,
  SPAN_FIELD,
  STATUS_FIELD,
} from '../otlp/protobuf/fields.ts';
import { WireReader } from '../otlp/protobuf/reader.ts';
import {
  AGENT_EVENT_PREFIXES,
  AGENT_KEY_PREFIXES,
  AGENT_SCOPE_PREFIXES,
  EXCEPTION_KEYS,
  INCIDENT_REF_KEYS,
} from './recognition-set.ts';

/**
 * What can be told of a record from its bytes alone: marks, by attribute keys, scope name, event name and status. Marks of a record, its
 * scope and its resource together say whether it may be evidence (`isCandidate`).
 */

const LENGTH_DELIMITED = 2;
const STATUS_ERROR = 2;
/** SeverityNumber ERROR. */
const SEVERITY_ERROR = 17;

/** The record is an agent's work, whatever else it says. */
export const AGENT = 1;
/** The record, or what it stands in, names an incident. */
export const NAMES_INCIDENT = 2;
const FAILED = 4;
const EVENT_NAME = 8;

interface Needle {
  readonly bytes: Buffer;
  /** The whole text must match, not only its start. */
  readonly whole: boolean;
  readonly mark: number;
}

/** Needles by the first byte they start with. */
type Needles = readonly (readonly Needle[] | undefined)[];

function needles(groups: readonly { texts: readonly string[]; whole: boolean; mark: number }[]): Needles {
  const table: Needle[][] = [];
  for (const { texts, whole, mark } of groups) {
    for (const text of texts) {
      const bytes = Buffer.from(text);
      const at = bytes[0] ?? 0;
      (table[at] ??= []).push({ bytes, whole, mark });
    }
  }
  return table;
}

const KEY_NEEDLES = needles([
  { texts: AGENT_KEY_PREFIXES, whole: false, mark: AGENT },
  { texts: INCIDENT_REF_KEYS, whole: true, mark: NAMES_INCIDENT },
  { texts: EXCEPTION_KEYS, whole: true, mark: FAILED },
  { texts: ['event.name'], whole: true, mark: EVENT_NAME },
]);
const SCOPE_NEEDLES = needles([
  { texts: AGENT_SCOPE_PREFIXES, whole: false, mark: AGENT },
  { texts: ['ai', 'gen_ai'], whole: true, mark: AGENT },
]);
const EVENT_NEEDLES = needles([{ texts: AGENT_EVENT_PREFIXES, whole: false, mark: AGENT }]);

/** Marks of the needles that bytes [start, end) match. */
function marksOf(table: Needles, bytes: Buffer, start: number, end: number): number {
  const candidates = table[bytes[start] ?? 0];
  if (candidates === undefined || start === end) return 0;
  const length = end - start;
  let marks = 0;
  for (const needle of candidates) {
    const wanted = needle.bytes;
    if (needle.whole ? wanted.length !== length : wanted.length > length) continue;
    let at = 1;
    while (at < wanted.length && wanted[at] === bytes[start + at]) at += 1;
    if (at === wanted.length) marks |= needle.mark;
  }
  return marks;
}

/** Marks of the KeyValue at the cursor; the value is looked at only for an event's name. */
function attributeMarks(reader: WireReader): number {
  const usual = usualMarks(reader);
  if (usual >= 0) return usual;
  const outer = reader.enter();
  let marks = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((KEY_VALUE_FIELD.key << 3) | LENGTH_DELIMITED)) {
      const end = reader.lengthEnd();
      marks |= marksOf(KEY_NEEDLES, reader.bytes, reader.pos, end);
      reader.pos = end;
    } else if (tag === ((KEY_VALUE_FIELD.value << 3) | LENGTH_DELIMITED) && (marks & EVENT_NAME) !== 0) {
      marks |= textValueMarks(reader);
    } else {
      reader.skip(tag);
    }
  }
  reader.leave(outer);
  return marks;
}

/**
 * Marks of nearly every attribute: a key, then a value up to the end, each length in one byte. -1, and the cursor where it was, for
 * any other and for an event's name.
 */
function usualMarks(reader: WireReader): number {
  const { bytes, pos } = reader;
  const length = bytes[pos] as number;
  const end = pos + 1 + length;
  const keyAt = pos + 3;
  const keyEnd = keyAt + (bytes[pos + 2] as number);
  if (
    length >= 0x80 ||
    end > reader.end ||
    keyEnd + 2 > end ||
    bytes[pos + 1] !== ((KEY_VALUE_FIELD.key << 3) | LENGTH_DELIMITED) ||
    bytes[keyEnd] !== ((KEY_VALUE_FIELD.value << 3) | LENGTH_DELIMITED) ||
    bytes[keyEnd + 1] !== end - keyEnd - 2
  ) {
    return -1;
  }
  const marks = marksOf(KEY_NEEDLES, bytes, keyAt, keyEnd);
  if ((marks & EVENT_NAME) !== 0) return -1;
  reader.pos = end;
  return marks;
}

/** Marks of an AnyValue at the cursor that is text starting like an agent's event name. */
function textValueMarks(reader: WireReader): number {
  const outer = reader.enter();
  let marks = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((ANY_VALUE_FIELD.stringValue << 3) | LENGTH_DELIMITED)) {
      const end = reader.lengthEnd();
      marks |= marksOf(EVENT_NEEDLES, reader.bytes, reader.pos, end);
      reader.pos = end;
    } else {
      reader.skip(tag);
    }
  }
  reader.leave(outer);
  return marks;
}

/** Marks of the Span the reader stands in; read to its end. */
export function spanMarks(reader: WireReader): number {
  let marks = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((SPAN_FIELD.attributes << 3) | LENGTH_DELIMITED)) {
      marks |= attributeMarks(reader) & ~FAILED;
    } else if (tag === ((SPAN_FIELD.status << 3) | LENGTH_DELIMITED)) {
      const outer = reader.enter();
      for (let inner = reader.tag(); inner !== 0; inner = reader.tag()) {
        if (inner !== STATUS_FIELD.code << 3) reader.skip(inner);
        else if (reader.varint32() === STATUS_ERROR) marks |= FAILED;
      }
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  return marks;
}

/** Marks of the LogRecord the reader stands in; read to its end. */
export function logMarks(reader: WireReader): number {
  let marks = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((LOG_RECORD_FIELD.attributes << 3) | LENGTH_DELIMITED)) {
      marks |= attributeMarks(reader);
    } else if (tag === ((LOG_RECORD_FIELD.eventName << 3) | LENGTH_DELIMITED)) {
      const end = reader.lengthEnd();
      marks |= marksOf(EVENT_NEEDLES, reader.bytes, reader.pos, end);
      reader.pos = end;
    } else if (tag === ((LOG_RECORD_FIELD.body << 3) | LENGTH_DELIMITED)) {
      marks |= textValueMarks(reader);
    } else if (tag === LOG_RECORD_FIELD.severityNumber << 3) {
      if (reader.varint32() >= SEVERITY_ERROR) marks |= FAILED;
    } else {
      reader.skip(tag);
    }
  }
  return marks;
}

/** Marks of a Resource's or a scope's attributes (and of a scope's name). */
function holderMarks(range: Uint8Array, attributesField: number, isScope: boolean): number {
  const reader = new WireReader(range);
  let marks = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((attributesField << 3) | LENGTH_DELIMITED)) {
      marks |= attributeMarks(reader) & NAMES_INCIDENT;
    } else if (isScope && tag === ((INSTRUMENTATION_SCOPE_FIELD.name << 3) | LENGTH_DELIMITED)) {
      const end = reader.lengthEnd();
      marks |= marksOf(SCOPE_NEEDLES, reader.bytes, reader.pos, end);
      reader.pos = end;
    } else {
      reader.skip(tag);
    }
  }
  return marks;
}

/** What a Resource marks all its records with; several occurrences of the field merge. */
export function resourceMarks(ranges: readonly Uint8Array[]): number {
  return ranges.reduce((all, range) => all | holderMarks(range, RESOURCE_FIELD.attributes, false), 0);
}

/** What an InstrumentationScope marks all its records with. */
export function scopeMarks(ranges: readonly Uint8Array[]): number {
  return ranges.reduce((all, range) => all | holderMarks(range, INSTRUMENTATION_SCOPE_FIELD.attributes, true), 0);
}

/** Agent work, or a failure that names an incident. */
export function isCandidate(marks: number): boolean {
  return (marks & AGENT) !== 0 || (marks & (NAMES_INCIDENT | FAILED)) === (NAMES_INCIDENT | FAILED);
}
