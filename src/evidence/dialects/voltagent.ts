import type { EvidenceKind } from '../../record/evidence.ts';
import { first, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import type { Dialect } from '../recognised.ts';
import { typedSpan } from '../typed-span.ts';

const KIND_OF: ReadonlyMap<string, EvidenceKind> = new Map([
  ['llm', 'model_call'],
  ['embedding', 'model_call'],
  ['tool', 'tool_call'],
  ['agent', 'agent_run'],
  ['retriever', 'retrieval'],
  ['guardrail', 'guardrail'],
] as const);

/** VoltAgent: `span.type`, or `entity.type` where that is left out, under its own scope. */
export const voltAgent: Dialect = {
  name: 'voltagent',
  recognise(record) {
    if (record.signal !== 'traces' || !record.scope.name.startsWith('@voltagent/')) return undefined;
    const { attributes } = record;
    const spanType = text(attributes, 'span.type', 'entity.type').toLowerCase();
    if (spanType === '') return undefined;
    return typedSpan(record, {
      dialect: 'voltagent',
      kind: KIND_OF.get(spanType) ?? null,
      operation: spanType,
      name:
        text(attributes, spanType === 'tool' ? 'tool.name' : 'entity.name') ||
        record.name.replace(/^tool\.execution:/, ''),
      callId: normalisedCallId(first(attributes, 'tool.call.id')),
      input: first(attributes, 'input'),
      output: first(attributes, 'output'),
      conversationId: text(attributes, 'voltagent.conversation_id', 'conversation.id'),
    });
  },
};
