import { first, flag, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import { outcomeOf } from '../gen-ai-fields.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';

/** LiveKit Agents: tools under names of its own; its requests of models speak GenAI. */
export const liveKit: Dialect = {
  name: 'livekit',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const name = text(attributes, 'lk.function_tool.name');
    if (name === '') return undefined;
    return recognised('livekit', {
      kind: 'tool_call',
      operation: 'function_tool',
      tool: {
        name,
        callId: normalisedCallId(first(attributes, 'lk.function_tool.id')),
        type: 'function',
        mcpServer: null,
        role: 'execute',
      },
      outcome: flag(attributes, 'lk.function_tool.is_error') === true ? 'error' : outcomeOf(record),
      content: contents({
        arguments: first(attributes, 'lk.function_tool.arguments', 'lk.pii.function_tool.arguments'),
        result: first(attributes, 'lk.function_tool.output', 'lk.pii.function_tool.output'),
      }),
    });
  },
};
