import { SPAN_FIELD } from '../otlp/protobuf/fields.ts';
import { WireReader } from '../otlp/protobuf/reader.ts';
import { CHILDREN, fieldsOf, RESOURCE_OR_SCOPE } from './candidates.ts';
import { hexKey, type WindowKey } from './window-key.ts';

const LENGTH_DELIMITED = 2;

/**
 * Who the parents of a request's spans are, in `traces` (keys within `scope`, that of a tenant): the key of a span, then its parent's,
 * and so on. With them the chain from an MCP server's span up to the agent's tool span can be followed through ordinary HTTP spans
 * between them. Spans without a parent are left out. Ids become keys without becoming texts first: most spans are nobody's agent work.
 * Throws OtlpDecodeError on malformed bytes.
 */
export function spanParents(bytes: Uint8Array, scope: WindowKey, traces: ReadonlySet<WindowKey>): readonly WindowKey[] {
  const parents: WindowKey[] = [];
  for (const resourceSpans of fieldsOf(bytes, RESOURCE_OR_SCOPE)) {
    for (const scopeSpans of fieldsOf(resourceSpans, CHILDREN)) {
      const reader = new WireReader(scopeSpans);
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        if (tag === CHILDREN) readParent(reader, scope, traces, parents);
        else reader.skip(tag);
      }
    }
  }
  return parents;
}

/** Reads the span at the cursor. */
function readParent(reader: WireReader, scope: WindowKey, traces: ReadonlySet<WindowKey>, parents: WindowKey[]): void {
  const { bytes } = reader;
  let traceAt = 0;
  let traceEnd = 0;
  let spanAt = 0;
  let spanEnd = 0;
  let parentAt = 0;
  let parentEnd = 0;
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
  const trace = hexKey(scope, bytes, traceAt, traceEnd);
  if (!traces.has(trace)) return;
  parents.push(hexKey(trace, bytes, spanAt, spanEnd), hexKey(trace, bytes, parentAt, parentEnd));
}
