/**
 * A tool's arguments or result written as messages: Strands tells a call's in the parts of `gen_ai.input.messages` and
 * `gen_ai.output.messages`, AgentCore's log records in messages of the role `tool`.
 */
import { objectIn, parsedJson, textOf, type JsonObject } from './loose-json.ts';

/** Longer texts are not looked into. */
const TEXT_LENGTH_MAX = 262_144;

/** The arguments in `text`, when it is messages that hold one call's; `text` otherwise. */
export function messageArguments(text: string): string {
  return onlyPart(text, (part) => (part['type'] === 'tool_call' ? part['arguments'] : undefined)) ?? text;
}

/** The result in `text`, when it is messages that hold one call's; `text` otherwise. */
export function messageResult(text: string): string {
  // The conventions' own example says `result` for `response`.
  const response = (part: JsonObject): unknown =>
    part['type'] === 'tool_call_response' ? (part['response'] ?? part['result']) : undefined;
  return onlyPart(text, response) ?? text;
}

/**
 * What a tool was given and answered, of the body of a log record that holds a span's content (`input` and `output`, each with
 * `messages`) as JSON text; undefined when it is no tool's.
 */
export function splitToolContent(text: string): { readonly arguments?: string; readonly result?: string } | undefined {
  if (text.length > TEXT_LENGTH_MAX || !text.includes('"messages"')) return undefined;
  const body = objectIn(parsedJson(text));
  const input = toolMessage(objectIn(body?.['input'])?.['messages']);
  const output = toolMessage(objectIn(body?.['output'])?.['messages']);
  if (input === undefined && output === undefined) return undefined;
  return { ...(input !== undefined && { arguments: input }), ...(output !== undefined && { result: output }) };
}

/** Content of the only message, which is the tool's: text, or an object with the text and the call's id. */
function toolMessage(messages: unknown): string | undefined {
  if (!Array.isArray(messages) || messages.length !== 1) return undefined;
  const message = objectIn(messages[0]);
  if (message?.['role'] !== 'tool') return undefined;
  const content = message['content'];
  const inner = objectIn(content);
  return textOf(inner?.['content'] ?? inner?.['message'] ?? content);
}

function onlyPart(text: string, of: (part: JsonObject) => unknown): string | undefined {
  if (text.length > TEXT_LENGTH_MAX || !text.startsWith('[') || !text.includes('"parts"')) return undefined;
  const messages = parsedJson(text);
  if (!Array.isArray(messages) || messages.length !== 1) return undefined;
  const parts = objectIn(messages[0])?.['parts'];
  if (!Array.isArray(parts) || parts.length !== 1) return undefined;
  const part = objectIn(parts[0]);
  return part === undefined ? undefined : textOf(of(part));
}
