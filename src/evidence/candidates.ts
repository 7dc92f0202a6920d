import type { Signal } from '../otlp/signal.ts';
import { WireReader } from '../otlp/protobuf/reader.ts';
import { decodeLogRecord, decodeResource, decodeScope, decodeSpan } from './decode-record.ts';
import { AGENT, isCandidate, logMarks, NAMES_INCIDENT, resourceMarks, scopeMarks, spanMarks } from './record-marks.ts';
import type { ResourceRecord, ScopeRecord, SpanRecord, TelemetryRecord } from './telemetry-record.ts';

/**
 * The pre-filter. One walk over a request's bytes decides by marks (./record-marks.ts) which records can be evidence at all; only those
 * are decoded. Ordinary service telemetry costs the walk and nothing else.
 */

const LENGTH_DELIMITED = 2;
/** Same number in ResourceSpans/ResourceLogs and in ScopeSpans/ScopeLogs. */
export const RESOURCE_OR_SCOPE = (1 << 3) | LENGTH_DELIMITED;
export const CHILDREN = (2 << 3) | LENGTH_DELIMITED;

export interface Selection {
  readonly records: readonly TelemetryRecord[];
  /** Ordinary spans that name an incident themselves: it holds for agent work under them. */
  readonly naming: readonly SpanRecord[];
  /** All records of the request. */
  readonly items: number;
}

/** Records between two pauses. */
const PAUSE_RECORDS = 256;

/** Decodes the records of a request that may be evidence. Metrics give none. Throws OtlpDecodeError on malformed bytes. */
export function selectCandidates(signal: Signal, bytes: Uint8Array): Selection {
  const selecting = selectInTurns(signal, bytes);
  let step = selecting.next();
  while (step.done !== true) step = selecting.next();
  return step.value;
}

/** As selectCandidates, with a pause every few hundred records: the largest request takes seconds, and other work must have its turns. */
export function* selectInTurns(signal: Signal, bytes: Uint8Array): Generator<undefined, Selection> {
  const records: TelemetryRecord[] = [];
  const naming: SpanRecord[] = [];
  let items = 0;
  if (signal === 'metrics') return { records, naming, items };
  const marksOf = signal === 'traces' ? spanMarks : logMarks;
  const decode = signal === 'traces' ? decodeSpan : decodeLogRecord;
  const reader = new WireReader(bytes);
  for (const container of children(reader, RESOURCE_OR_SCOPE)) {
    const resourceRanges = container(RESOURCE_OR_SCOPE);
    const ofResource = resourceMarks(resourceRanges);
    let resource: ResourceRecord | undefined;
    for (const scoped of container(CHILDREN)) {
      const scopeRanges = fieldsOf(scoped, RESOURCE_OR_SCOPE);
      const outside = ofResource | scopeMarks(scopeRanges);
      let scope: ScopeRecord | undefined;
      const scopeReader = new WireReader(scoped);
      for (let tag = scopeReader.tag(); tag !== 0; tag = scopeReader.tag()) {
        if (tag !== CHILDREN) {
          scopeReader.skip(tag);
          continue;
        }
        const ordinal = items;
        items += 1;
        if (items % PAUSE_RECORDS === 0) yield;
        const outer = scopeReader.enter();
        const start = scopeReader.pos;
        const own = (outside & AGENT) !== 0 ? 0 : marksOf(scopeReader);
        const isRecord = isCandidate(outside | own);
        if (isRecord || (own & NAMES_INCIDENT) !== 0) {
          resource ??= decodeResource(resourceRanges);
          scope ??= decodeScope(scopeRanges);
          scopeReader.pos = start;
          if (isRecord) records.push(decode(scopeReader, ordinal, resource, scope));
          else if (signal === 'traces') naming.push(decodeSpan(scopeReader, ordinal, resource, scope));
        }
        scopeReader.leave(outer);
      }
    }
  }
  return { records, naming, items };
}

/** For each length-delimited field `tag` at the top of `reader`: a lookup of its own fields by tag. */
function* children(reader: WireReader, tag: number): Generator<(inner: number) => Buffer[]> {
  for (let each = reader.tag(); each !== 0; each = reader.tag()) {
    if (each !== tag) {
      reader.skip(each);
      continue;
    }
    const view = reader.view();
    yield (inner) => fieldsOf(view, inner);
  }
}

/** Every length-delimited field `tag` of a message, as views. */
export function fieldsOf(message: Uint8Array, tag: number): Buffer[] {
  const found: Buffer[] = [];
  const reader = new WireReader(message);
  for (let each = reader.tag(); each !== 0; each = reader.tag()) {
    if (each === tag) found.push(reader.view());
    else reader.skip(each);
  }
  return found;
}
