import { normalisedCallId } from './call-id.ts';
import { objectIn, parsedJson, textOf, type JsonObject } from './loose-json.ts';

/** A tool call that a model's output asks for. */
export interface RequestedCall {
  /** `''` when the output gives none that can be relied on. */
  readonly callId: string;
  readonly name: string;
  /** As text: JSON where the output has an object. */
  readonly arguments: string | undefined;
}

/** Tool calls taken from one model output; one more is looked for, which says that there are more. */
export const REQUESTED_CALLS_MAX = 64;
const STEPS_MAX = 4096;
const ITEMS_MAX = 512;
/** Members that a call can sit in. */
const HOLDERS = [
  'output',
  'choices',
  'candidates',
  'message',
  'messages',
  'content',
  'tool_calls',
  'toolCalls',
  'parts',
] as const;
const CALL_TYPES: ReadonlySet<unknown> = new Set([
  'tool_call',
  'tool-call',
  'tool_use',
  'function_call',
  'server_tool_call',
]);

/**
 * Tool calls that a model's output asks for: messages as plain data or JSON text, in the shapes of the parts schema, OpenAI (chat,
 * responses), Anthropic, Gemini and the AI SDK. What is no such output gives none. At most one more than REQUESTED_CALLS_MAX.
 */
export function requestedInMessages(output: unknown): readonly RequestedCall[] {
  const calls: RequestedCall[] = [];
  const seen = new Set<unknown>();
  const pending: unknown[] = [output];
  // Walks only the containers a call can sit in; `seen` and the bounds end it.
  for (let steps = 0; pending.length > 0 && steps < STEPS_MAX && calls.length <= REQUESTED_CALLS_MAX; steps += 1) {
    const value = pending.pop();
    if (Array.isArray(value)) {
      for (let at = Math.min(value.length, ITEMS_MAX) - 1; at >= 0; at -= 1) pending.push(value[at]);
      continue;
    }
    if (typeof value === 'string') {
      const inner = mayAsk(value) ? parsedJson(value) : undefined;
      if (inner !== undefined) pending.push(inner);
      continue;
    }
    const held = objectIn(value);
    if (held === undefined || seen.has(held)) continue;
    seen.add(held);
    const call = callOf(held);
    if (call !== undefined) {
      calls.push(call);
      continue;
    }
    for (const key of HOLDERS) {
      const inner = held[key];
      if (typeof inner === 'object' || (key !== 'content' && typeof inner === 'string')) pending.push(inner);
    }
  }
  return calls;
}

/**
 * False for a text that holds no call: what says that something is one (CALL_TYPES, `function`, `toolCallId`) stands in it as it is, or
 * with a letter escaped. Most answers ask for nothing, and what was withheld is no JSON: to fail to parse it costs more than to look.
 */
function mayAsk(text: string): boolean {
  return (text.includes('tool') || text.includes('function') || text.includes('\\u00')) && /^\s*[[{]/.test(text);
}

function callOf(value: JsonObject): RequestedCall | undefined {
  // A part of Gemini's output is the call: `functionCall` over HTTP, `function_call` in Python, as OpenAI's first form was.
  const only = objectIn(value['functionCall']) ?? objectIn(value['function_call']);
  if (only !== undefined) return namedCall(only['name'], only['id'], only['args'] ?? only['arguments']);
  const called = objectIn(value['function']);
  const isCall = CALL_TYPES.has(value['type']) || called !== undefined || typeof value['toolCallId'] === 'string';
  if (!isCall) return undefined;
  return namedCall(
    called?.['name'] ?? value['name'] ?? value['toolName'],
    value['call_id'] ?? value['toolCallId'] ?? value['id'],
    called?.['arguments'] ?? value['arguments'] ?? value['args'] ?? value['input'] ?? value['server_tool_call'],
  );
}

function namedCall(name: unknown, id: unknown, given: unknown): RequestedCall | undefined {
  if (typeof name !== 'string' || name === '') return undefined;
  return { callId: normalisedCallId(typeof id === 'string' ? id : undefined), name, arguments: textOf(given) };
}

/** Which member of which call of which message a key is about: `0.tool_calls.1.name` (OpenLLMetry),
 * `0.message.tool_calls.1.tool_call.function.name` (OpenInference), as they stand behind their prefix. */
export const INDEXED_CALL_KEY =
  /^(\d+)\.(?:message\.)?tool_calls\.(\d+)\.(?:tool_call\.)?(?:function\.)?(id|name|arguments)$/;
