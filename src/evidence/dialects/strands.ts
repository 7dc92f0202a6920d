import { GEN_AI, GEN_AI_EVENT } from '../../otlp/semconv/gen-ai.ts';
import { messageArguments, messageResult } from '../../otlp/semconv/tool-parts.ts';
import { text } from '../attribute.ts';
import { fromEvents } from '../gen-ai-fields.ts';
import { contents, type Dialect } from '../recognised.ts';
import type { AnyValue } from '../telemetry-record.ts';
import { fromGenAi } from './otel-genai.ts';

/** Strands Agents: content in span events, tool status in an attribute of its own. */
export const strands: Dialect = {
  name: 'strands',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const isStrands =
      record.scope.name.startsWith('strands.') || text(attributes, ...GEN_AI.provider) === 'strands-agents';
    const operation = text(attributes, GEN_AI.operationName);
    if (!isStrands || operation === '') return undefined;
    const found = fromGenAi('strands', record, operation);
    if (found.kind !== 'tool_call') return found;
    const failed = text(attributes, 'gen_ai.tool.status') === 'error';
    return {
      ...found,
      outcome: failed ? 'error' : found.outcome,
      content: contents({
        arguments:
          found.content.get('arguments') ??
          fromEvents(record, 'gen_ai.tool.message', 'content') ??
          unwrapped(fromEvents(record, GEN_AI_EVENT.inferenceDetails, GEN_AI.inputMessages), messageArguments),
        result:
          found.content.get('result') ??
          fromEvents(record, 'gen_ai.choice', 'message', 'tool.result') ??
          unwrapped(fromEvents(record, GEN_AI_EVENT.inferenceDetails, GEN_AI.outputMessages), messageResult),
      }),
    };
  },
};

function unwrapped(value: AnyValue | undefined, from: (text: string) => string): AnyValue | undefined {
  return typeof value === 'string' ? from(value) : value;
}
