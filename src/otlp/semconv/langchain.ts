/**
 * What LangChain writes of a tool's run into the attributes of OpenInference and OpenLLMetry spans. Both leave out the call's id,
 * and OpenLLMetry has the name of the tool's class (`DynamicStructuredTool`) in place of the tool's: the serialised
 * `ToolMessage` that a tool answers with has both.
 */

import { objectIn, parsedJson } from './loose-json.ts';

/** Who answered which call; `''` where the message does not say. */
export interface LangChainToolMessage {
  readonly name: string;
  readonly callId: string;
}

/** Longer texts are not parsed for it. */
const TEXT_LENGTH_MAX = 262_144;

/** The tool message in `text`, which is one as LangChain serialises it, or `{"output": …}` around it; undefined otherwise. */
export function langChainToolMessage(text: string): LangChainToolMessage | undefined {
  if (text.length > TEXT_LENGTH_MAX || !text.includes('"ToolMessage"')) return undefined;
  const parsed = objectIn(parsedJson(text));
  const message = parsed === undefined ? undefined : (objectIn(parsed['output']) ?? parsed);
  const type = message?.['id'];
  if (message?.['lc'] !== 1 || !Array.isArray(type) || type.at(-1) !== 'ToolMessage') return undefined;
  const fields = objectIn(message['kwargs']);
  return { name: string(fields?.['name']), callId: string(fields?.['tool_call_id']) };
}

/** The tool's own arguments where `text` is `{"args":["…"]}`, as OpenLLMetry writes a call of one argument; `text` otherwise. */
export function langChainArguments(text: string): string {
  if (text.length > TEXT_LENGTH_MAX || !text.startsWith('{"args":["')) return text;
  const parsed = objectIn(parsedJson(text));
  const [only, ...more] = Array.isArray(parsed?.['args']) ? (parsed['args'] as unknown[]) : [];
  const isAll = parsed !== undefined && Object.keys(parsed).length === 1 && more.length === 0;
  return isAll && typeof only === 'string' ? only : text;
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
