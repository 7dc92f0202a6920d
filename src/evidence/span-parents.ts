import { SPAN_FIELD } from '../otlp/protobuf/fields.ts';
import { WireReader } from '../otlp/protobuf/reader.ts';
import { CHILDREN, fieldsOf, RESOURCE_OR_SCOPE } from './candidates.ts';

const LENGTH_DELIMITED = 2;

/**
 * Parent span ids of the spans of a request in `traces`: by trace id, by span id. With them the chain from an MCP server's
 * span up to the agent's tool span can be followed through ordinary HTTP spans between them. Spans without a parent are
 * left out. Throws OtlpDecodeError on malformed bytes.
 */
export function spanParents(
  bytes: Uint8Array,
  traces: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const parents = new Map<string, Map<string, string>>();
  for (const resourceSpans of fieldsOf(bytes, RESOURCE_OR_SCOPE)) {
    for (const scopeSpans of fieldsOf(resourceSpans, CHILDREN)) {
      const reader = new WireReader(scopeSpans);
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        if (tag === CHILDREN) readParent(reader, traces, parents);
        else reader.skip(tag);
      }
    }
  }
  return parents;
}

/** Reads the span at the cursor. Only ids of wanted traces become text: most spans are nobody's agent work. */
function readParent(reader: WireReader, traces: ReadonlySet<string>, parents: Map<string, Map<string, string>>): void {
  const { bytes } = reader;
  let [traceAt, traceEnd, spanAt, spanEnd, parentAt, parentEnd] = [0, 0, 0, 0, 0, 0];
  const outer = reader.enter();
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((SPAN_FIELD.traceId << 3) | LENGTH_DELIMITED)) {
      traceEnd = reader.lengthEnd();
      traceAt = reader.pos;
      reader.pos = traceEnd;
    } else if (tag === ((SPAN_FIELD.spanId << 3) | LENGTH_DELIMITED)) {
      spanEnd = reader.lengthEnd();
      spanAt = reader.pos;
      reader.pos = spanEnd;
    } else if (tag === ((SPAN_FIELD.parentSpanId << 3) | LENGTH_DELIMITED)) {
      parentEnd = reader.lengthEnd();
      parentAt = reader.pos;
      reader.pos = parentEnd;
    } else reader.skip(tag);
  }
  reader.leave(outer);
  if (parentAt === parentEnd) return;
  const traceId = bytes.toString('hex', traceAt, traceEnd);
  if (!traces.has(traceId)) return;
  const ofTrace = parents.get(traceId) ?? new Map<string, string>();
  parents.set(traceId, ofTrace);
  ofTrace.set(bytes.toString('hex', spanAt, spanEnd), bytes.toString('hex', parentAt, parentEnd));
}
