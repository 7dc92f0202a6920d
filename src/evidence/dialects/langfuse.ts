import type { EvidenceKind, EvidenceTokens } from '../../record/evidence.ts';
import { count, figuresIn, first, parsedJson, text } from '../attribute.ts';
import { modelOf, outcomeOf, requestedCalls, tokensOf } from '../gen-ai-fields.ts';
import { recognised, type Dialect } from '../recognised.ts';
import { contentFor } from '../typed-span.ts';
import type { Attributes } from '../telemetry-record.ts';

const KIND_OF: ReadonlyMap<string, EvidenceKind> = new Map([
  ['generation', 'model_call'],
  ['embedding', 'model_call'],
  ['agent', 'agent_run'],
  ['tool', 'tool_call'],
  ['retriever', 'retrieval'],
  ['guardrail', 'guardrail'],
  ['evaluator', 'evaluation'],
] as const);

/** Langfuse SDK 3 and later (`langfuse.observation.type`). Spans, chains and events group what runs under them. */
export const langfuse: Dialect = {
  name: 'langfuse',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const type = text(attributes, 'langfuse.observation.type').toLowerCase();
    if (type === '') return undefined;
    const kind = KIND_OF.get(type) ?? null;
    const input = first(attributes, 'langfuse.observation.input', 'langfuse.trace.input');
    const output = first(attributes, 'langfuse.observation.output', 'langfuse.trace.output');
    const isModel = kind === 'model_call';
    return recognised('langfuse', {
      kind,
      operation: type,
      tool:
        kind === 'tool_call' ? { name: record.name, callId: '', type: null, mcpServer: null, role: 'execute' } : null,
      model: isModel ? modelOf(attributes, 'langfuse.observation.model.name') : null,
      tokens: isModel ? (usageDetails(attributes) ?? tokensOf(attributes)) : null,
      agentName: type === 'agent' ? record.name : '',
      // Langfuse's own precedence.
      sessionId: text(attributes, 'langfuse.session.id', 'session.id'),
      conversationId: text(attributes, 'gen_ai.conversation.id'),
      outcome: text(attributes, 'langfuse.observation.level') === 'ERROR' ? 'error' : outcomeOf(record),
      detail: kind === 'guardrail' || kind === 'evaluation' ? record.name : '',
      content: contentFor(kind, input, output),
      requestedCalls: isModel ? requestedCalls(output) : [],
    });
  },
};

function usageDetails(attributes: Attributes): EvidenceTokens | null {
  const usage = figuresIn(parsedJson(first(attributes, 'langfuse.observation.usage_details')));
  const input = count(usage, 'input_tokens', 'input', 'prompt_tokens');
  const output = count(usage, 'output_tokens', 'output', 'completion_tokens');
  return input === null && output === null ? null : { input, output };
}
