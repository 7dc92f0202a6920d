import { first, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import { outcomeOf } from '../gen-ai-fields.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';

/** Flue: tools under `flue.tool.*`; whatever else it writes groups what runs under it or speaks GenAI. */
export const flue: Dialect = {
  name: 'flue',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const name = text(attributes, 'flue.tool.name');
    if (name === '') return undefined;
    return recognised('flue', {
      kind: 'tool_call',
      operation: 'tool',
      tool: {
        name,
        callId: normalisedCallId(first(attributes, 'flue.tool.call_id')),
        type: 'function',
        mcpServer: null,
        role: 'execute',
      },
      outcome: outcomeOf(record),
      content: contents({
        arguments: first(attributes, 'flue.tool.arguments'),
        result: first(attributes, 'flue.tool.result'),
      }),
    });
  },
};
