import { GEN_AI, GEN_AI_EVENT, GEN_AI_REFERENCES } from '../otlp/semconv/gen-ai.ts';
import type { EvidenceModel, EvidenceOutcome, EvidenceTokens } from '../record/evidence.ts';
import { count, first, flag, plain, text } from './attribute.ts';
import { normalisedCallId } from '../otlp/semconv/call-id.ts';
import { INDEXED_CALL_KEY, REQUESTED_CALLS_MAX, requestedInMessages } from '../otlp/semconv/requested-calls.ts';
import type { RequestedCall } from './recognised.ts';
import type { AnyValue, Attributes, TelemetryRecord } from './telemetry-record.ts';

/** Fields that the GenAI conventions name and that most dialects share, read from one record. */

/** Indexed keys (`gen_ai.prompt.7.content`) read of one record; an emitter may send any number. */
const INDEXED_KEYS_MAX = 256;

export function modelOf(attributes: Attributes, ...more: readonly string[]): EvidenceModel | null {
  const name = text(attributes, ...GEN_AI.model, ...more);
  const provider = text(attributes, ...GEN_AI.provider);
  return name === '' ? null : { name, provider: provider === '' ? null : provider };
}

export function tokensOf(
  attributes: Attributes,
  moreInput: readonly string[] = [],
  moreOutput: readonly string[] = [],
): EvidenceTokens | null {
  const input = count(attributes, ...GEN_AI.inputTokens, ...moreInput);
  const output = count(attributes, ...GEN_AI.outputTokens, ...moreOutput);
  return input === null && output === null ? null : { input, output };
}

/** Outcome by status, `error.type` and `success`; a span that ended without complaint is ok. */
export function outcomeOf(record: TelemetryRecord): EvidenceOutcome {
  const errorType = text(record.attributes, 'error.type');
  const failed =
    errorType !== '' ||
    (record.signal === 'traces' && record.statusCode === 2) ||
    flag(record.attributes, 'success') === false;
  if (failed) return /time[d_ -]?out|deadline/i.test(errorType) ? 'timeout' : 'error';
  if (record.signal === 'traces') return record.endTimeUnixNano === 0n ? 'unknown' : 'ok';
  return flag(record.attributes, 'success') === true ? 'ok' : 'unknown';
}

/** Shared: a row's act is remembered, and few records refer to content elsewhere. */
const NO_REFERENCES: ReadonlyMap<string, string> = new Map();
const REFERENCES = Object.entries(GEN_AI_REFERENCES);

export function referencesOf(attributes: Attributes): ReadonlyMap<string, string> {
  let references: Map<string, string> | undefined;
  for (const [key, name] of REFERENCES) {
    const pointer = text(attributes, key);
    if (pointer === '') continue;
    references ??= new Map();
    references.set(name, pointer);
  }
  return references ?? NO_REFERENCES;
}

/** Every key under `prefix` (which ends in a dot), without the prefix; undefined when there is none. */
export function indexed(attributes: Attributes, prefix: string): ReadonlyMap<string, AnyValue> | undefined {
  const found = new Map<string, AnyValue>();
  for (const [key, values] of attributes) {
    if (!key.startsWith(prefix)) continue;
    if (found.size >= INDEXED_KEYS_MAX) break;
    found.set(key.slice(prefix.length), values[0] ?? null);
  }
  return found.size === 0 ? undefined : found;
}

/** Values of attribute `key` on the span events called `eventName`; one alone is given bare. */
export function fromEvents(
  record: TelemetryRecord,
  eventName: string,
  ...keys: readonly string[]
): AnyValue | undefined {
  if (record.signal !== 'traces') return undefined;
  const values: AnyValue[] = [];
  for (const event of record.events) {
    if (event.name !== eventName || values.length >= INDEXED_KEYS_MAX) continue;
    const value = first(event.attributes, ...keys);
    if (value !== undefined) values.push(value);
  }
  return values.length > 1 ? values : values[0];
}

const PROMPT_EVENTS = [
  'gen_ai.system.message',
  'gen_ai.user.message',
  'gen_ai.assistant.message',
  'gen_ai.tool.message',
];

/** What was asked of the model, from wherever this record carries it: current, deprecated, span events, log body. */
export function modelInput(record: TelemetryRecord): AnyValue | undefined {
  const { attributes } = record;
  return (
    first(attributes, GEN_AI.inputMessages, GEN_AI.prompt) ??
    indexed(attributes, `${GEN_AI.prompt}.`) ??
    fromEvents(record, GEN_AI_EVENT.inferenceDetails, GEN_AI.inputMessages) ??
    fromEvents(record, 'gen_ai.content.prompt', GEN_AI.prompt, 'gen_ai.event.content') ??
    messageEvents(record, (name) => PROMPT_EVENTS.includes(name)) ??
    inBody(record, 'input')
  );
}

/** What the model answered. */
export function modelOutput(record: TelemetryRecord): AnyValue | undefined {
  const { attributes } = record;
  return (
    first(attributes, GEN_AI.outputMessages, GEN_AI.completion) ??
    indexed(attributes, `${GEN_AI.completion}.`) ??
    fromEvents(record, GEN_AI_EVENT.inferenceDetails, GEN_AI.outputMessages) ??
    fromEvents(record, 'gen_ai.content.completion', GEN_AI.completion, 'gen_ai.event.content') ??
    messageEvents(record, (name) => name === 'gen_ai.choice') ??
    inBody(record, 'output')
  );
}

/** Deprecated message events of a span, each with its attributes as one value. */
function messageEvents(record: TelemetryRecord, wanted: (name: string) => boolean): AnyValue | undefined {
  if (record.signal !== 'traces') return undefined;
  const values: AnyValue[] = [];
  for (const event of record.events) {
    if (!wanted(event.name) || event.attributes.size === 0 || values.length >= INDEXED_KEYS_MAX) continue;
    values.push(new Map([...event.attributes].map(([key, each]) => [key, each[0] ?? null])));
  }
  return values.length === 0 ? undefined : values;
}

/** AgentCore and structured events: the body holds `input` and `output`. */
function inBody(record: TelemetryRecord, key: string): AnyValue | undefined {
  if (record.signal !== 'logs' || !(record.body instanceof Map)) return undefined;
  return (record.body as ReadonlyMap<string, AnyValue>).get(key);
}

/** Tool calls that a model's output asks for, at most one more than are kept of a record, in the shapes of `gen_ai.output.messages`, choice bodies and indexed keys. */
export function requestedCalls(output: AnyValue | undefined): readonly RequestedCall[] {
  if (output === undefined) return [];
  if (output instanceof Map) {
    const fromKeys = requestedByIndexedKeys(output as ReadonlyMap<string, AnyValue>);
    if (fromKeys.length > 0) return fromKeys;
  }
  return requestedInMessages(typeof output === 'string' ? output : plain(output));
}

/** `0.tool_calls.1.name` (OpenLLMetry) and `0.message.tool_calls.1.tool_call.function.name` (OpenInference). */
function requestedByIndexedKeys(output: ReadonlyMap<string, AnyValue>): readonly RequestedCall[] {
  const groups = new Map<string, { callId: string; name: string; arguments: AnyValue | undefined }>();
  for (const [key, value] of output) {
    const match = INDEXED_CALL_KEY.exec(key);
    if (match === null) continue;
    const group = `${match[1]}.${match[2]}`;
    let call = groups.get(group);
    if (call === undefined) {
      if (groups.size > REQUESTED_CALLS_MAX) break;
      call = { callId: '', name: '', arguments: undefined };
      groups.set(group, call);
    }
    if (match[3] === 'id') call.callId = normalisedCallId(value);
    else if (match[3] === 'name') call.name = typeof value === 'string' ? value : '';
    else call.arguments = value;
  }
  return [...groups.values()].filter((call) => call.name !== '');
}
