import {
  ANY_VALUE_FIELD,
  EXPORT_TRACE_SERVICE_REQUEST_FIELD,
  KEY_VALUE_FIELD,
  LOG_RECORD_FIELD,
  RESOURCE_FIELD,
  RESOURCE_SPANS_FIELD,
  SCOPE_SPANS_FIELD,
  SPAN_FIELD,
} from '../otlp/protobuf/fields.ts';
import { WIRE_BYTES, WireReader } from '../otlp/protobuf/reader.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { GEN_AI } from '../otlp/semconv/gen-ai.ts';
import type { Signal } from '../otlp/signal.ts';
import type { EvidenceContent, EvidenceKind, EvidenceRedaction } from '../record/evidence.ts';
import { CONTENT_LENGTH_MAX } from './content.ts';
import { INCIDENT_REF_KEYS } from './recognition-set.ts';
import { withheldMarker } from './withheld-marker.ts';

/** Redacts an export request of one record under the policy in force. */
export type RedactRequest = (
  signal: Signal,
  bytes: Uint8Array,
) => { readonly bytes: Uint8Array; readonly redactions: readonly EvidenceRedaction[]; readonly policyVersion: string };

/** Under which key a policy knows a piece of content, whatever dialect it came in. */
const CONTENT_KEYS: ReadonlyMap<string, string> = new Map([
  ['arguments', GEN_AI.toolArguments],
  ['result', GEN_AI.toolResult],
  ['input', GEN_AI.inputMessages],
  ['output', GEN_AI.outputMessages],
  ['query', GEN_AI.retrievalQuery],
  ['documents', GEN_AI.retrievalDocuments],
]);
const SERVICE_NAME = 'service.name';
const TOOL_OPERATION = 'execute_tool';
const BODY = 'body';

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
      toolName: said.attributes.get(GEN_AI.toolName) ?? '',
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
  const { attributes, name, spanId, traceId } = SPAN_FIELD;
  return request(subject, (writer) => {
    writer.bytesField(traceId, Buffer.from(subject.traceId, 'hex'));
    writer.bytesField(spanId, Buffer.from(subject.spanId, 'hex'));
    if (subject.toolName !== null) writer.stringField(name, TOOL_OPERATION);
    writeAttributes(writer, attributes, subject, texts);
  });
}

function logRequest(subject: TextSubject, texts: ReadonlyMap<string, string>, text: string): Uint8Array {
  const { attributes, body, spanId, traceId } = LOG_RECORD_FIELD;
  return request(subject, (writer) => {
    const value = writer.begin(body);
    writer.stringField(ANY_VALUE_FIELD.stringValue, text);
    writer.end(value);
    writeAttributes(writer, attributes, subject, texts);
    writer.bytesField(traceId, Buffer.from(subject.traceId, 'hex'));
    writer.bytesField(spanId, Buffer.from(subject.spanId, 'hex'));
  });
}

/** One record under its service; requests of spans and of log records have the same numbers down to the record. */
function request(subject: TextSubject, record: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  const inResource = writer.begin(EXPORT_TRACE_SERVICE_REQUEST_FIELD.resourceSpans);
  const resource = writer.begin(RESOURCE_SPANS_FIELD.resource);
  writeAttribute(writer, RESOURCE_FIELD.attributes, SERVICE_NAME, subject.service);
  writer.end(resource);
  const inScope = writer.begin(RESOURCE_SPANS_FIELD.scopeSpans);
  const at = writer.begin(SCOPE_SPANS_FIELD.spans);
  record(writer);
  writer.end(at);
  writer.end(inScope);
  writer.end(inResource);
  return writer.finish();
}

/** What the record is about, and the texts. */
function writeAttributes(
  writer: WireWriter,
  field: number,
  subject: TextSubject,
  texts: ReadonlyMap<string, string>,
): void {
  if (subject.toolName !== null) {
    writeAttribute(writer, field, GEN_AI.operationName, TOOL_OPERATION);
    writeAttribute(writer, field, GEN_AI.toolName, subject.toolName);
  }
  writeAttribute(writer, field, INCIDENT_REF_KEYS[0], subject.incident);
  for (const [key, text] of texts) writeAttribute(writer, field, key, text);
}

function writeAttribute(writer: WireWriter, field: number, key: string, text: string): void {
  const pair = writer.begin(field);
  writer.stringField(KEY_VALUE_FIELD.key, key);
  const value = writer.begin(KEY_VALUE_FIELD.value);
  writer.stringField(ANY_VALUE_FIELD.stringValue, text);
  writer.end(value);
  writer.end(pair);
}

function readRecord(signal: 'traces' | 'logs', bytes: Uint8Array): RecordTexts {
  const inResource = lastField(bytes, EXPORT_TRACE_SERVICE_REQUEST_FIELD.resourceSpans);
  const record = lastField(lastField(inResource, RESOURCE_SPANS_FIELD.scopeSpans), SCOPE_SPANS_FIELD.spans);
  const resource = attributesOf(lastField(inResource, RESOURCE_SPANS_FIELD.resource), RESOURCE_FIELD.attributes);
  const isLog = signal === 'logs';
  return {
    service: resource.get(SERVICE_NAME) ?? '',
    attributes: attributesOf(record, isLog ? LOG_RECORD_FIELD.attributes : SPAN_FIELD.attributes),
    body: isLog ? textIn(lastField(record, LOG_RECORD_FIELD.body)) : undefined,
  };
}

function attributesOf(bytes: Buffer, field: number): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((field << 3) | WIRE_BYTES)) {
      reader.skip(tag);
      continue;
    }
    const pair = reader.view();
    const key = lastField(pair, KEY_VALUE_FIELD.key).toString('utf8');
    found.set(key, textIn(lastField(pair, KEY_VALUE_FIELD.value)));
  }
  return found;
}

/** The text of an AnyValue. */
function textIn(value: Buffer): string {
  return lastField(value, ANY_VALUE_FIELD.stringValue).toString('utf8');
}

/** The last length-delimited field of the number; empty when there is none. */
function lastField(bytes: Uint8Array, field: number): Buffer {
  const reader = new WireReader(bytes);
  let found: Buffer = Buffer.alloc(0);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((field << 3) | WIRE_BYTES)) found = reader.view();
    else reader.skip(tag);
  }
  return found;
}
