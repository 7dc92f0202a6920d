import type { KeyInfo } from './attribute-key.ts';
import type { WalkState } from './walk-state.ts';

/** Events that carry a tool's arguments and result in records of tools, and messages of models elsewhere. */
const TOOL_EVENTS: ReadonlySet<string> = new Set([
  'gen_ai.tool.message',
  'gen_ai.choice',
  'gen_ai.client.inference.operation.details',
]);

/** The class of an attribute's content by its key and by what its record is; '' when it is none. */
export function attributeClass(walk: WalkState, info: KeyInfo, nested: boolean): string {
  const { content } = info;
  if (content === undefined) return '';
  if (content.agentOnly) {
    if (nested) return '';
    if (!walk.isAgent()) return '';
  }
  if (content.class === 'entity.io' && walk.item >= 0 && walk.recordContext().tool) {
    return /(?:output|Output|result|response)/.test(info.text) ? 'tool.result' : 'tool.arguments';
  }
  const ofTool = toolClass(walk, content.class, info.text);
  return ofTool === '' ? content.class : ofTool;
}

/** What names of messages mean where they tell of a tool: in its own messages, and in all of a tool's record. */
function toolClass(walk: WalkState, contentClass: string, key: string): '' | 'tool.arguments' | 'tool.result' {
  const event = walk.eventName ?? '';
  const isLegacy = event === '' && (key === 'gen_ai.prompt' || key === 'gen_ai.completion');
  if (!isLegacy && !TOOL_EVENTS.has(event)) return '';
  const inTool = walk.item >= 0 && walk.recordContext().tool;
  if (event === 'gen_ai.tool.message' && contentClass === 'messages.event')
    return inTool ? 'tool.arguments' : 'tool.result';
  if (!inTool) return '';
  if (contentClass === 'messages.input') return 'tool.arguments';
  return contentClass === 'messages.output' || contentClass === 'messages.event' ? 'tool.result' : '';
}
