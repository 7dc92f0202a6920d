import { WireReader } from '../otlp/protobuf/reader.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import type { Signal } from '../otlp/signal.ts';
import type { EvidenceContent, EvidenceKind, EvidenceRedaction, EvidenceRow } from '../record/evidence.ts';
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
const FACT = 'docket.fact.';
/** Facts that hold no words: what the rules of the record compare by. */
const WORDLESS_FACTS: ReadonlySet<string> = new Set(['salt', 'erased', 'verb']);

/** What texts are about: a policy may have rules for a service and a tool, and a pseudonym may hold within an incident. */
export interface TextSubject {
  readonly kind: EvidenceKind;
  readonly signal: string;
  readonly service: string;
  /** Null for what is no tool call. */
  readonly toolName: string | null;
  readonly incident: string;
  readonly traceId: string;
  readonly spanId: string;
}

/** Redacts texts again, as a record of the same service, tool and kind would be. */
export class TextsAgain {
  readonly redactions: EvidenceRedaction[] = [];
  readonly #subject: TextSubject;
  readonly #redact: RedactRequest;
  policyVersion = '';

  constructor(subject: TextSubject, redact: RedactRequest) {
    this.#subject = subject;
    this.#redact = redact;
  }

  /** Content by its names on a row. What has no text stays the very same. */
  content(before: Readonly<Record<string, EvidenceContent>>): Record<string, EvidenceContent> {
    const { kind, signal } = this.#subject;
    const keyOf = (name: string): string =>
      name === BODY && kind === 'error' ? 'exception.message' : (CONTENT_KEYS.get(name) ?? `docket.${name}`);
    const isLog = signal === 'logs';
    const body = isLog ? (before[BODY]?.value ?? undefined) : undefined;
    const texts = new Map<string, string>();
    for (const [name, { value }] of Object.entries(before)) {
      if (value !== null && !(isLog && name === BODY)) texts.set(keyOf(name), value);
    }
    const clean = this.#again(texts, body);
    const content: Record<string, EvidenceContent> = {};
    for (const [name, each] of Object.entries(before)) {
      const after = isLog && name === BODY ? clean.body : clean.attributes.get(keyOf(name));
      content[name] = each.value === null ? each : changedContent(each, after);
    }
    return content;
  }

  /** Words under keys of one's own; those that are withheld as a whole become `''`. Gives the subject's service and tool, too. */
  words(before: ReadonlyMap<string, string>): WordsAgain {
    const said = this.#again(before, undefined);
    return {
      service: said.service,
      toolName: said.attributes.get('gen_ai.tool.name') ?? '',
      of: (key, was) => said.attributes.get(key) ?? (before.has(key) ? '' : was),
    };
  }

  #again(texts: ReadonlyMap<string, string>, body: string | undefined): RecordTexts {
    const signal = body === undefined ? 'traces' : 'logs';
    const subject = this.#subject;
    const outcome = this.#redact(
      signal,
      body === undefined ? spanRequest(subject, texts) : logRequest(subject, texts, body),
    );
    this.redactions.push(...outcome.redactions);
    ({ policyVersion: this.policyVersion } = outcome);
    return readRecord(signal, outcome.bytes);
  }
}

export interface WordsAgain {
  readonly service: string;
  readonly toolName: string;
  /** The word under a key as it is now; `was` when there was none. */
  of(key: string, was: string): string;
}

/** Trace ids that a row names are kept where its content still shows them, or where they are ids of traces. */
export function shownTraceIds(
  ids: readonly string[],
  content: Readonly<Record<string, EvidenceContent>>,
  isTrace: (id: string) => boolean,
): readonly string[] {
  // Earlier versions took them out of what detectors had not seen yet: a key can look just like one.
  const texts = Object.values(content).flatMap(({ value }) => value?.toLowerCase() ?? []);
  return ids.filter((id) => texts.some((text) => text.includes(id)) || isTrace(id));
}

/**
 * The row with its content redacted again, as a record of the same service, tool and kind would be, and its words scrubbed.
 * Ids, times, links and the digest stay; the new redactions stand behind those it had. `isTrace` tells ids of stored traces.
 */
export function reappliedRow(
  row: EvidenceRow,
  redact: RedactRequest,
  isTrace: (id: string) => boolean = () => false,
): ReappliedRow {
  const texts = new TextsAgain(
    {
      kind: row.kind,
      signal: row.source.signal,
      service: row.service,
      toolName: row.tool?.name ?? null,
      incident: row.incident,
      traceId: row.source.traceId,
      spanId: row.source.spanId,
    },
    redact,
  );
  const content = texts.content(row.content);
  const words = new Map([['docket.summary', summaryWith(row, content)]]);
  const keep = (key: string, value: string | null | undefined): void => {
    if (value !== null && value !== undefined && value !== '') words.set(key, value);
  };
  keep('docket.actor.name', row.actor.name);
  keep('docket.actor.id', row.actor.id);
  keep('docket.actor.on_behalf_of', row.actor.onBehalfOf);
  keep('docket.environment', row.environment);
  keep('docket.tool.call', row.tool?.callId);
  const facts = { ...row.facts };
  const { traceIds } = facts;
  if (Array.isArray(traceIds)) {
    const shown = shownTraceIds(traceIds as readonly string[], content, isTrace);
    if (shown.length > 0) facts['traceIds'] = shown;
    else delete facts['traceIds'];
  }
  for (const [name, fact] of Object.entries(facts)) {
    if (WORDLESS_FACTS.has(name)) continue;
    const each = typeof fact === 'string' ? [fact] : fact;
    for (const [index, text] of each.entries()) keep(`${FACT}${name}.${index}`, text);
  }
  const said = texts.words(words);
  const factOf = (name: string, fact: string | readonly string[]): string | readonly string[] => {
    if (WORDLESS_FACTS.has(name)) return fact;
    if (typeof fact === 'string') return said.of(`${FACT}${name}.0`, fact);
    return fact.map((text, index) => said.of(`${FACT}${name}.${index}`, text));
  };
  return {
    redactions: texts.redactions,
    row: {
      ...row,
      content,
      summary: said.of('docket.summary', row.summary),
      service: said.service,
      environment: said.of('docket.environment', row.environment),
      actor: {
        ...row.actor,
        name: said.of('docket.actor.name', row.actor.name),
        id: row.actor.id === null ? null : said.of('docket.actor.id', row.actor.id),
        ...(row.actor.onBehalfOf === undefined
          ? {}
          : { onBehalfOf: said.of('docket.actor.on_behalf_of', row.actor.onBehalfOf) }),
      },
      tool:
        row.tool === null
          ? null
          : {
              ...row.tool,
              name: said.toolName,
              callId: row.tool.callId === null ? null : said.of('docket.tool.call', row.tool.callId),
            },
      redactions: [...row.redactions, ...texts.redactions],
      facts: Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, factOf(name, fact)])),
      policyVersion: texts.policyVersion,
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

function spanRequest(subject: TextSubject, texts: ReadonlyMap<string, string>): Uint8Array {
  return request(subject, (writer) => {
    writer.bytesField(1, Buffer.from(subject.traceId, 'hex'));
    writer.bytesField(2, Buffer.from(subject.spanId, 'hex'));
    if (subject.toolName !== null) {
      writer.stringField(5, 'execute_tool');
      attribute(writer, 9, 'gen_ai.operation.name', 'execute_tool');
      attribute(writer, 9, 'gen_ai.tool.name', subject.toolName);
    }
    attribute(writer, 9, 'incident.id', subject.incident);
    for (const [key, text] of texts) attribute(writer, 9, key, text);
  });
}

function logRequest(subject: TextSubject, texts: ReadonlyMap<string, string>, body: string): Uint8Array {
  return request(subject, (writer) => {
    const value = writer.begin(5);
    writer.stringField(1, body);
    writer.end(value);
    if (subject.toolName !== null) {
      attribute(writer, 6, 'gen_ai.operation.name', 'execute_tool');
      attribute(writer, 6, 'gen_ai.tool.name', subject.toolName);
    }
    attribute(writer, 6, 'incident.id', subject.incident);
    for (const [key, text] of texts) attribute(writer, 6, key, text);
    writer.bytesField(9, Buffer.from(subject.traceId, 'hex'));
    writer.bytesField(10, Buffer.from(subject.spanId, 'hex'));
  });
}

/** One record under its service. */
function request(subject: TextSubject, record: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  const inResource = writer.begin(1);
  const resource = writer.begin(1);
  attribute(writer, 1, 'service.name', subject.service);
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
