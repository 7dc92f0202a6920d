import { WireReader } from '../otlp/protobuf/reader.ts';
import type { MessageName } from '../otlp/protobuf/schema.ts';
import { isAgentName } from '../otlp/semconv/content-keys.ts';
import type { ByteMemo } from './byte-memo.ts';
import { hintOf, type ToolHint } from './tool-annotations.ts';

/** What a record's own attributes and names say about it, read from the original. */
export interface RecordContext {
  /** An agent framework wrote it: general names such as `input` mean content. */
  readonly agent: boolean;
  /** It describes the execution of a tool: its input and output are arguments and result. */
  readonly tool: boolean;
  readonly toolName: string;
  /** The tool's MCP annotations, where the record has them as attributes. */
  readonly hint: ToolHint | undefined;
  /** A log record's event name; '' otherwise. */
  readonly eventName: string;
}

export const NO_CONTEXT: RecordContext = { agent: false, tool: false, toolName: '', hint: undefined, eventName: '' };

const TOOL_NAME_KEYS: ReadonlySet<string> = new Set([
  'gen_ai.tool.name',
  'tool.name',
  'ai.toolCall.name',
  'tool_name',
  'function_name',
  'mcp.tool.name',
  'lk.function_tool.name',
  'flue.tool.name',
  'genkit:name',
  'gen_ai.agent.action.tool',
]);

/** Attribute values that say "this is a tool's execution". */
const TOOL_KINDS: ReadonlyMap<string, RegExp> = new Map([
  ['gen_ai.operation.name', /^execute_tool$/],
  ['openinference.span.kind', /^tool$/i],
  ['traceloop.span.kind', /^tool$/i],
  ['langfuse.observation.type', /^tool$/i],
  ['ai.operationId', /^ai\.toolCall$/],
  ['event.name', /(?:^|\.)tool(?:_result|_call|_decision|\.output|\.call)?$/],
  ['mcp.method.name', /^tools\/call$/],
  ['agentops.span.kind', /^tool$/i],
  ['logfire.msg_template', /^(?:running tool|Function: )/i],
  // MLflow's values are JSON: the type comes with its quotes.
  ['mlflow.spanType', /^"?tool"?$/i],
  ['lmnr.span.type', /^tool$/i],
  ['genkit:metadata:subtype', /^tool(?:\.v2)?$/],
  ['langsmith.span.kind', /^tool$/i],
  ['span.type', /^(?:claude_code\.)?tool$/],
]);

/** What stands around a tool's name in the names of spans. */
const SPAN_NAME_FRAME = /^(?:execute_tool|running tool:?|tools\/call|tool\.execution:|Function:)\s*|\.tool$/g;

/** `mcp.tool.annotations.readOnlyHint` and the like. */
const ANNOTATION = /(?:^|[._])(readOnlyHint|destructiveHint)$/;

const NAME_LENGTH_MAX = 256;

interface RecordFields {
  readonly name: number;
  readonly attributes: number;
}

const FIELDS: ReadonlyMap<MessageName, RecordFields> = new Map([
  ['Span', { name: 5, attributes: 9 }],
  ['LogRecord', { name: 12, attributes: 6 }],
]);

/** True for keys that name the tool of a record or the kind of its operation. */
export function isToolKey(key: string): boolean {
  return TOOL_NAME_KEYS.has(key) || TOOL_KINDS.has(key);
}

/** What the key of an attribute says about its record. */
export interface KeyMeaning {
  readonly key: string;
  /** It belongs to an agent dialect. */
  readonly agent: boolean;
  /** The MCP annotation it gives. */
  readonly annotation: string | undefined;
  /** Its value says something, too. */
  readonly names: boolean;
}

/** @param key `''` for one that is longer than any that says something */
function keyMeaning(key: string): KeyMeaning {
  return {
    key,
    agent: isAgentName(key),
    annotation: key.endsWith('Hint') ? ANNOTATION.exec(key)?.[1] : undefined,
    names: key === 'event.name' || key === 'traceloop.entity.name' || key === 'name' || isToolKey(key),
  };
}

/**
 * Reads the context of one record. Throws OtlpDecodeError on malformed bytes.
 * @param view a view of exactly `bytes`
 * @param meanings what was found out about keys before
 */
export function readRecordContext(
  message: MessageName,
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
  agentScope: boolean,
  meanings: ByteMemo<KeyMeaning>,
): RecordContext {
  const fields = FIELDS.get(message);
  if (fields === undefined) return agentScope ? { ...NO_CONTEXT, agent: true } : NO_CONTEXT;
  const isLog = message === 'LogRecord';
  const reader = new WireReader(bytes, start, end);
  let agent = agentScope;
  let tool = false;
  let toolName = '';
  let eventName = '';
  let name = '';
  let entity = '';
  // The Agents SDK's, by Logfire.
  let named = '';
  const annotations: Record<string, boolean> = {};
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((fields.name << 3) | 2)) {
      const valueEnd = reader.lengthEnd();
      name = bytes.toString('utf8', reader.pos, Math.min(valueEnd, reader.pos + NAME_LENGTH_MAX));
      reader.pos = valueEnd;
    } else if (tag === ((fields.attributes << 3) | 2)) {
      const outer = reader.enter();
      const { keyStart, keyEnd, valueStart, valueEnd } = keyAndValue(reader);
      reader.leave(outer);
      let meaning = meanings.get(view, keyStart, keyEnd);
      if (meaning === undefined) {
        meaning = keyMeaning(keyEnd - keyStart > NAME_LENGTH_MAX ? '' : bytes.toString('utf8', keyStart, keyEnd));
        meanings.set(view, keyStart, keyEnd, meaning);
      }
      const { key, annotation } = meaning;
      if (meaning.agent) agent = true;
      if (annotation !== undefined) annotations[annotation] = isTrue(bytes, valueStart, valueEnd);
      if (meaning.names) {
        const text = stringOf(bytes, valueStart, valueEnd);
        if (TOOL_NAME_KEYS.has(key) && text !== '') toolName = text;
        if (key === 'traceloop.entity.name') entity = text;
        if (key === 'name') named = text;
        if (key === 'event.name' && isLog && text !== '') eventName = text;
        if (TOOL_KINDS.get(key)?.test(text) === true) tool = true;
      }
    } else {
      reader.skip(tag);
    }
  }
  if (isLog && name !== '') eventName = name;
  const shown = isLog ? eventName : name;
  if (isAgentName(shown) || isAgentName(`${shown}.`)) agent = true;
  if (/^(?:execute_tool|running tool|claude_code\.tool)\b/.test(shown)) tool = true;
  if (isLog && TOOL_KINDS.get('event.name')?.test(eventName) === true) tool = true;
  // Dialects that have a name for every span's type and none for the tool call the span what the tool is called.
  if (tool && toolName === '') toolName = entity || named || (isLog ? '' : name.replace(SPAN_NAME_FRAME, ''));
  return { agent, tool: tool || (agent && toolName !== ''), toolName, hint: hintOf(annotations), eventName };
}

/** Where the last key and the last value of a KeyValue lie. */
function keyAndValue(reader: WireReader): { keyStart: number; keyEnd: number; valueStart: number; valueEnd: number } {
  let keyStart = 0;
  let keyEnd = 0;
  let valueStart = 0;
  let valueEnd = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | 2)) {
      keyEnd = reader.lengthEnd();
      keyStart = reader.pos;
      reader.pos = keyEnd;
    } else if (tag === ((2 << 3) | 2)) {
      valueEnd = reader.lengthEnd();
      valueStart = reader.pos;
      reader.pos = valueEnd;
    } else {
      reader.skip(tag);
    }
  }
  return { keyStart, keyEnd, valueStart, valueEnd };
}

/** True for a boolean AnyValue that is, and for the text `true`. */
function isTrue(bytes: Buffer, start: number, end: number): boolean {
  return (bytes[start] === 2 << 3 && bytes[start + 1] === 1) || stringOf(bytes, start, end) === 'true';
}

/** The string of an AnyValue, '' when it is none or longer than a name. */
function stringOf(bytes: Buffer, start: number, end: number): string {
  const reader = new WireReader(bytes, start, end);
  let text = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | 2)) {
      const stringEnd = reader.lengthEnd();
      text = stringEnd - reader.pos > NAME_LENGTH_MAX ? '' : bytes.toString('utf8', reader.pos, stringEnd);
      reader.pos = stringEnd;
    } else {
      reader.skip(tag);
    }
  }
  return text;
}
