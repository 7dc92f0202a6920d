import { GEN_AI } from '../../otlp/semconv/gen-ai.ts';
import { first, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import { modelOf, outcomeOf, requestedCalls, tokensOf } from '../gen-ai-fields.ts';
import { contents, recognised, type Dialect, type Recognised } from '../recognised.ts';
import type { SpanRecord } from '../telemetry-record.ts';
import { fromGenAi } from './otel-genai.ts';

/**
 * The Vercel AI SDK. Versions 4 to 6 and the legacy integration of 7 write `ai.*` under scope `ai`; the OpenTelemetry
 * integration of 7 writes GenAI names under scope `ai` or `gen_ai`.
 */
export const vercelAi: Dialect = {
  name: 'vercel-ai',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes, scope } = record;
    const operationId = text(attributes, 'ai.operationId') || operationOf(text(attributes, 'operation.name'));
    if (operationId !== '') return fromOperation(record, operationId);
    if (first(attributes, 'ai.toolCall.name', 'ai.toolCall.id') !== undefined) {
      return fromOperation(record, 'ai.toolCall');
    }
    const operation = text(attributes, GEN_AI.operationName);
    if (operation !== '' && (scope.name === 'ai' || scope.name === 'gen_ai')) {
      return fromGenAi('vercel-ai', record, operation);
    }
    return undefined;
  },
};

/** `operation.name` is the operation id and, after a space, the function id. */
function operationOf(operationName: string): string {
  return operationName.startsWith('ai.') ? (operationName.split(' ')[0] ?? '') : '';
}

function metadata(record: SpanRecord, ...names: readonly string[]): string {
  return text(record.attributes, ...names.map((name) => `ai.telemetry.metadata.${name}`));
}

function fromOperation(record: SpanRecord, operation: string): Recognised {
  const { attributes } = record;
  const shared = {
    operation,
    agentName: text(attributes, 'ai.telemetry.functionId', 'resource.name'),
    conversationId: metadata(record, 'conversationId', 'threadId', 'chatId'),
    sessionId: metadata(record, 'sessionId') || text(attributes, 'session.id'),
    outcome: outcomeOf(record),
  };
  if (operation === 'ai.toolCall') {
    return recognised('vercel-ai', {
      ...shared,
      kind: 'tool_call',
      tool: {
        name: text(attributes, 'ai.toolCall.name'),
        callId: normalisedCallId(first(attributes, 'ai.toolCall.id')),
        type: 'function',
        mcpServer: null,
        role: 'execute',
      },
      content: contents({
        arguments: first(attributes, 'ai.toolCall.args', 'ai.toolCall.input'),
        result: first(attributes, 'ai.toolCall.result', 'ai.toolCall.output'),
      }),
    });
  }
  const isModelCall = /\.do(?:Generate|Stream|Embed|Rerank)$/.test(operation);
  const input = first(attributes, 'ai.prompt.messages', 'ai.prompt', 'ai.value', 'ai.values', GEN_AI.inputMessages);
  const output = first(attributes, 'ai.response.text', 'ai.response.object', 'ai.result.text', 'ai.result.object');
  const toolCalls = first(attributes, 'ai.response.toolCalls', 'ai.result.toolCalls');
  return recognised('vercel-ai', {
    ...shared,
    // The outer span of a call repeats the totals of the model calls under it; embeddings have no agent around them.
    kind: isModelCall ? (operation.endsWith('doRerank') ? 'retrieval' : 'model_call') : outerKind(operation),
    model: modelOf(attributes, 'ai.response.model', 'ai.model.id'),
    tokens: isModelCall
      ? tokensOf(
          attributes,
          ['ai.usage.inputTokens', 'ai.usage.promptTokens', 'ai.usage.tokens'],
          ['ai.usage.outputTokens', 'ai.usage.completionTokens'],
        )
      : null,
    content: contents({ input, output: output ?? toolCalls }),
    requestedCalls: isModelCall ? requestedCalls(toolCalls) : [],
  });
}

function outerKind(operation: string): Recognised['kind'] {
  return /^(?:ai\.)?(?:generate|stream)/.test(operation) ? 'agent_run' : null;
}
