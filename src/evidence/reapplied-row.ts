import { WireReader } from '../otlp/protobuf/reader.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import type { Signal } from '../otlp/signal.ts';
import type { EvidenceContent, EvidenceRedaction, EvidenceRow } from '../record/evidence.ts';
import { CONTENT_LENGTH_MAX } from './content.ts';
import { summaryWith } from './summary.ts';
import { withheldMarker } from './withheld-marker.ts';

/** Redacts an export request of one record under the policy in force. */
export type RedactRequest = (
  signal: Signal,
  bytes: Uint8Array,
) => { readonly bytes: Uint8Array; readonly redactions: readonly EvidenceRedaction[]; readonly policyVersion: string };

export interface ReappliedRow {
  readonly row: EvidenceRow;
  readonly redactions: readonly EvidenceRedaction[];
}

/** Under which key a policy knows a piece of content, whatever dialect it came in. */
const CONTENT_KEYS: ReadonlyMap<string, string> = new Map([
  ['arguments', 'gen_ai.tool.call.arguments'],
  ['result', 'gen_ai.tool.call.result'],
  ['input', 'gen_ai.input.messages'],
  ['output', 'gen_ai.output.messages'],
  ['query', 'gen_ai.retrieval.query.text'],
  ['documents', 'gen_ai.retrieval.documents'],
]);
const BODY = 'body';
/** Facts that hold no words: what the rules of the record compare by. */
const WORDLESS_FACTS: ReadonlySet<string> = new Set(['salt', 'erased', 'verb', 'argumentsShape']);

/**
 * The row with its content redacted again, as a record of the same service, tool and kind would be, and its words scrubbed.
 * Ids, times, links and the digest stay; the new redactions stand behind those it had.
 */
export function reappliedRow(row: EvidenceRow, redact: RedactRequest): ReappliedRow {
  const redactions: EvidenceRedaction[] = [];
  let policyVersion = '';
  const redacted = (texts: ReadonlyMap<string, string>, body: string | undefined): RecordTexts => {
    const signal = body === undefined ? 'traces' : 'logs';
    const outcome = redact(signal, body === undefined ? spanRequest(row, texts) : logRequest(row, texts, body));
    redactions.push(...outcome.redactions);
    ({ policyVersion } = outcome);
    return readRecord(signal, outcome.bytes);
  };

  const keyOf = (name: string): string =>
    name === BODY && row.kind === 'error' ? 'exception.message' : (CONTENT_KEYS.get(name) ?? `docket.${name}`);
  const isLog = row.source.signal === 'logs';
  const body = isLog ? (row.content[BODY]?.value ?? undefined) : undefined;
  const contents = new Map<string, string>();
  for (const [name, { value }] of Object.entries(row.content)) {
    if (value !== null && !(isLog && name === BODY)) contents.set(keyOf(name), value);
  }
  const clean = redacted(contents, body);
  const content: Record<string, EvidenceContent> = {};
  for (const [name, before] of Object.entries(row.content)) {
    const after = isLog && name === BODY ? clean.body : clean.attributes.get(keyOf(name));
    content[name] = before.value === null ? before : changedContent(before, after);
  }

  const words = new Map([['docket.summary', summaryWith(row, content)]]);
  const keep = (key: string, value: string | null | undefined): void => {
    if (value !== null && value !== undefined && value !== '') words.set(key, value);
  };
  keep('docket.actor.name', row.actor.name);
  keep('docket.actor.id', row.actor.id);
  keep('docket.actor.on_behalf_of', row.actor.onBehalfOf);
  keep('docket.environment', row.environment);
  keep('docket.tool.call', row.tool?.callId);
  for (const [name, fact] of Object.entries(row.facts)) {
    if (WORDLESS_FACTS.has(name)) continue;
    const texts = typeof fact === 'string' ? [fact] : fact;
    for (const [index, text] of texts.entries()) keep(`docket.fact.${name}.${index}`, text);
  }
  const said = redacted(words, undefined);
  const word = (key: string, before: string): string => said.attributes.get(key) ?? (words.has(key) ? '' : before);
  const factOf = (name: string, fact: string | readonly string[]): string | readonly string[] => {
    if (WORDLESS_FACTS.has(name)) return fact;
    if (typeof fact === 'string') return word(`docket.fact.${name}.0`, fact);
    return fact.map((text, index) => word(`docket.fact.${name}.${index}`, text));
  };
  return {
    redactions,
    row: {
      ...row,
      content,
      summary: word('docket.summary', row.summary),
      service: said.service,
      environment: word('docket.environment', row.environment),
      actor: {
        ...row.actor,
        name: word('docket.actor.name', row.actor.name),
        id: row.actor.id === null ? null : word('docket.actor.id', row.actor.id),
        ...(row.actor.onBehalfOf === undefined
          ? {}
          : { onBehalfOf: word('docket.actor.on_behalf_of', row.actor.onBehalfOf) }),
      },
      tool:
        row.tool === null
          ? null
          : {
              ...row.tool,
              name: said.attributes.get('gen_ai.tool.name') ?? '',
              callId: row.tool.callId === null ? null : word('docket.tool.call', row.tool.callId),
            },
      redactions: [...row.redactions, ...redactions],
      facts: Object.fromEntries(Object.entries(row.facts).map(([name, fact]) => [name, factOf(name, fact)])),
      policyVersion,
    },
  };
}

function changedContent(before: EvidenceContent, after: string | undefined): EvidenceContent {
  if (after === before.value) return before;
  // A plain digest of what was there could be tried against guesses; a keyed one cannot.
  const digest = before.digest?.startsWith('hmac:') === true ? before.digest : null;
  if (after === undefined) return { ...before, value: null, digest };
  const marker = withheldMarker(after);
  if (marker?.kind === 'withheld') return { ...before, value: null, digest: digest ?? marker.digest };
  return { ...before, value: after.slice(0, CONTENT_LENGTH_MAX), digest: digest ?? marker?.digest ?? null };
}

interface RecordTexts {
  readonly service: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly body: string | undefined;
}

function spanRequest(row: EvidenceRow, texts: ReadonlyMap<string, string>): Uint8Array {
  return request(row, (writer) => {
    writer.bytesField(1, Buffer.from(row.source.traceId, 'hex'));
    writer.bytesField(2, Buffer.from(row.source.spanId, 'hex'));
    if (row.tool !== null) {
      writer.stringField(5, 'execute_tool');
      attribute(writer, 9, 'gen_ai.operation.name', 'execute_tool');
      attribute(writer, 9, 'gen_ai.tool.name', row.tool.name);
    }
    attribute(writer, 9, 'incident.id', row.incident);
    for (const [key, text] of texts) attribute(writer, 9, key, text);
  });
}

function logRequest(row: EvidenceRow, texts: ReadonlyMap<string, string>, body: string): Uint8Array {
  return request(row, (writer) => {
    const value = writer.begin(5);
    writer.stringField(1, body);
    writer.end(value);
    if (row.tool !== null) {
      attribute(writer, 6, 'gen_ai.operation.name', 'execute_tool');
      attribute(writer, 6, 'gen_ai.tool.name', row.tool.name);
    }
    attribute(writer, 6, 'incident.id', row.incident);
    for (const [key, text] of texts) attribute(writer, 6, key, text);
    writer.bytesField(9, Buffer.from(row.source.traceId, 'hex'));
    writer.bytesField(10, Buffer.from(row.source.spanId, 'hex'));
  });
}

/** One record under its service. */
function request(row: EvidenceRow, record: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  const inResource = writer.begin(1);
  const resource = writer.begin(1);
  attribute(writer, 1, 'service.name', row.service);
  writer.end(resource);
  const inScope = writer.begin(2);
  const at = writer.begin(2);
  record(writer);
  writer.end(at);
  writer.end(inScope);
  writer.end(inResource);
  return writer.finish();
}

function attribute(writer: WireWriter, field: number, key: string, text: string): void {
  const pair = writer.begin(field);
  writer.stringField(1, key);
  const value = writer.begin(2);
  writer.stringField(1, text);
  writer.end(value);
  writer.end(pair);
}

function readRecord(signal: 'traces' | 'logs', bytes: Uint8Array): RecordTexts {
  const inResource = lastField(bytes, 1);
  const record = lastField(lastField(inResource, 2), 2);
  const resource = attributesOf(lastField(inResource, 1), 1);
  const body = signal === 'logs' ? lastField(record, 5) : undefined;
  return {
    service: resource.get('service.name') ?? '',
    attributes: attributesOf(record, signal === 'logs' ? 6 : 9),
    body: body === undefined ? undefined : lastField(body, 1).toString('utf8'),
  };
}

function attributesOf(bytes: Buffer, field: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((field << 3) | 2)) {
      reader.skip(tag);
      continue;
    }
    const pair = reader.view();
    found.set(lastField(pair, 1).toString('utf8'), lastField(lastField(pair, 2), 1).toString('utf8'));
  }
  return found;
}

function lastField(bytes: Uint8Array, field: number): Buffer {
  const reader = new WireReader(bytes);
  let found = Buffer.alloc(0);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((field << 3) | 2)) found = Buffer.from(reader.view());
    else reader.skip(tag);
  }
  return found;
}
