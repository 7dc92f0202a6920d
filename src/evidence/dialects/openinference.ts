import { langChainToolMessage } from '../../otlp/semconv/langchain.ts';
import type { EvidenceKind } from '../../record/evidence.ts';
import { first, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import { indexed, modelOf, outcomeOf, requestedCalls, tokensOf } from '../gen-ai-fields.ts';
import { contents, recognised, type Dialect } from '../recognised.ts';

const KIND_OF: ReadonlyMap<string, EvidenceKind | null> = new Map<string, EvidenceKind | null>([
  ['LLM', 'model_call'],
  ['EMBEDDING', 'model_call'],
  ['TOOL', 'tool_call'],
  ['AGENT', 'agent_run'],
  ['RETRIEVER', 'retrieval'],
  ['RERANKER', 'retrieval'],
  ['GUARDRAIL', 'guardrail'],
  ['EVALUATOR', 'evaluation'],
  ['CHAIN', null],
  ['PROMPT', null],
  ['UNKNOWN', null],
]);

const HANDOFF = /^handoff to (.+)$/;

/** OpenInference (Arize): `openinference.span.kind` says what a span is. */
export const openInference: Dialect = {
  name: 'openinference',
  recognise(record) {
    const { attributes } = record;
    const spanKind = text(attributes, 'openinference.span.kind').toUpperCase();
    if (spanKind === '' || record.signal !== 'traces') return undefined;
    const kind = KIND_OF.get(spanKind) ?? null;
    // The Agents SDK's spans of handoffs are written as those of tools.
    const receiver = spanKind === 'TOOL' ? HANDOFF.exec(record.name)?.[1] : undefined;
    if (receiver !== undefined && record.scope.name.includes('openai_agents')) {
      return recognised('openinference', {
        kind: 'handoff',
        operation: 'handoff',
        agentName: text(attributes, 'graph.node.parent_id'),
        sessionId: text(attributes, 'session.id'),
        outcome: outcomeOf(record),
        detail: `to ${receiver}`,
      });
    }
    const input = first(attributes, 'input.value');
    const output = first(attributes, 'output.value');
    const shared = {
      kind,
      operation: spanKind.toLowerCase(),
      agentName: text(attributes, 'agent.name', 'gen_ai.agent.name') || (spanKind === 'AGENT' ? record.name : ''),
      conversationId: text(attributes, 'gen_ai.conversation.id'),
      sessionId: text(attributes, 'session.id'),
      outcome: outcomeOf(record),
    };
    switch (kind) {
      case 'tool_call':
        return recognised('openinference', {
          ...shared,
          tool: {
            name: text(attributes, 'tool.name', 'gen_ai.tool.name') || record.name,
            callId: normalisedCallId(
              first(attributes, 'tool.id', 'tool_call.id', 'gen_ai.tool.call.id') ??
                (typeof output === 'string' ? langChainToolMessage(output)?.callId : undefined),
            ),
            type: 'function',
            mcpServer: null,
            role: 'execute',
          },
          content: contents({
            arguments: input ?? first(attributes, 'tool.parameters', 'gen_ai.tool.call.arguments'),
            result: output ?? first(attributes, 'gen_ai.tool.call.result'),
          }),
        });
      case 'model_call': {
        const messages = indexed(attributes, 'llm.output_messages.');
        return recognised('openinference', {
          ...shared,
          model: modelOf(
            attributes,
            'llm.response.model_name',
            'llm.model_name',
            'llm.request.model_name',
            'embedding.model_name',
          ),
          tokens: tokensOf(attributes, ['llm.token_count.prompt'], ['llm.token_count.completion']),
          content: contents({
            input: input ?? indexed(attributes, 'llm.input_messages.') ?? indexed(attributes, 'embedding.embeddings.'),
            output: output ?? messages,
          }),
          requestedCalls: requestedCalls(messages ?? output),
        });
      }
      case 'retrieval':
        return recognised('openinference', {
          ...shared,
          content: contents({
            query: input ?? first(attributes, 'reranker.query'),
            documents:
              output ??
              indexed(attributes, 'retrieval.documents.') ??
              indexed(attributes, 'reranker.output_documents.'),
          }),
        });
      default:
        return recognised('openinference', {
          ...shared,
          detail: kind === 'guardrail' || kind === 'evaluation' ? record.name : '',
          content: kind === null ? new Map() : contents({ input, output }),
        });
    }
  },
};
