import type { EvidenceKind } from '../../record/evidence.ts';
import { text } from '../attribute.ts';
import { modelInput, modelOf, modelOutput, outcomeOf, requestedCalls, tokensOf } from '../gen-ai-fields.ts';
import { recognised, type Dialect } from '../recognised.ts';
import { contentFor } from '../typed-span.ts';

const KIND_OF: ReadonlyMap<string, EvidenceKind> = new Map([
  ['llm', 'model_call'],
  ['embedding', 'model_call'],
  ['tool', 'tool_call'],
  ['retriever', 'retrieval'],
] as const);

/**
 * LangSmith's OpenTelemetry export. `langsmith.span.kind` is asked before the operation name, which says `embeddings` for
 * retrievers. `langsmith.trace.session_id` is the project, not a conversation, and is not read.
 */
export const langsmith: Dialect = {
  name: 'langsmith',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const spanKind = text(attributes, 'langsmith.span.kind').toLowerCase();
    if (spanKind === '') return undefined;
    const kind = KIND_OF.get(spanKind) ?? null;
    const name = text(attributes, 'gen_ai.tool.name') || record.name || text(attributes, 'langsmith.trace.name');
    const input = modelInput(record);
    const output = modelOutput(record);
    return recognised('langsmith', {
      kind,
      operation: spanKind,
      tool: kind === 'tool_call' ? { name, callId: '', type: 'function', mcpServer: null, role: 'execute' } : null,
      model: kind === 'model_call' ? modelOf(attributes) : null,
      tokens: kind === 'model_call' ? tokensOf(attributes) : null,
      conversationId: text(
        attributes,
        'langsmith.metadata.thread_id',
        'langsmith.metadata.conversation_id',
        'gen_ai.conversation.id',
      ),
      sessionId: text(attributes, 'langsmith.metadata.session_id', 'session.id'),
      outcome: outcomeOf(record),
      content: contentFor(kind, input, output),
      requestedCalls: kind === 'model_call' ? requestedCalls(output) : [],
    });
  },
};
