import { GEN_AI } from '../../otlp/semconv/gen-ai.ts';
import { langChainArguments, langChainToolMessage } from '../../otlp/semconv/langchain.ts';
import { first, has, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import { modelInput, modelOf, modelOutput, outcomeOf, requestedCalls, tokensOf } from '../gen-ai-fields.ts';
import { contents, recognised, type Dialect, type Recognised } from '../recognised.ts';
import type { SpanRecord, TelemetryRecord } from '../telemetry-record.ts';
import { fromGenAi } from './otel-genai.ts';

const SCOPES = /^(?:opentelemetry\.instrumentation\.|@traceloop\/|traceloop)/;
/** Python scopes under `opentelemetry.instrumentation.` that are not about models. */
const MODEL_MARKS = ['llm.request.type', 'gen_ai.system', 'gen_ai.provider.name', 'gen_ai.operation.name'];

/** Steps that LangChain makes of every chain, each of which its instrumentation calls a workflow. */
const LANGCHAIN_STEP = /^(?:Runnable|Channel)[A-Z]/;

/** OpenLLMetry (Traceloop), new (`traceloop.span.kind`, GenAI names) and old (`llm.request.type`, `gen_ai.prompt.0.content`). */
export const openLlmetry: Dialect = {
  name: 'openllmetry',
  recognise(record) {
    if (record.signal !== 'traces') return undefined;
    const { attributes } = record;
    const spanKind = text(attributes, 'traceloop.span.kind').toLowerCase();
    if (spanKind !== '') return fromSpanKind(record, spanKind);
    if (!SCOPES.test(record.scope.name) || !has(attributes, ...MODEL_MARKS)) return fromRequestType(record);
    const operation = text(attributes, GEN_AI.operationName);
    if (operation !== '') return withAssociation(record, fromGenAi('openllmetry', record, operation));
    const asked = fromRequestType(record);
    if (asked !== undefined) return asked;
    // The span around a crew names its framework as the system, and no model.
    return modelOf(attributes) === null ? undefined : withAssociation(record, fromGenAi('openllmetry', record, 'chat'));
  },
};

function association(record: TelemetryRecord, ...names: readonly string[]): string {
  return text(record.attributes, ...names.map((name) => `traceloop.association.properties.${name}`));
}

function withAssociation(record: SpanRecord, from: Recognised): Recognised {
  return {
    ...from,
    conversationId: from.conversationId || association(record, 'conversation_id', 'thread_id', 'chat_id'),
    sessionId: from.sessionId || association(record, 'session_id'),
  };
}

function fromSpanKind(record: SpanRecord, spanKind: string): Recognised {
  const { attributes } = record;
  const entity = text(attributes, 'traceloop.entity.name');
  const input = first(attributes, 'traceloop.entity.input');
  const output = first(attributes, 'traceloop.entity.output');
  // The instrumentation of LangChain calls a tool's span a task.
  const kind = spanKind === 'task' && text(attributes, GEN_AI.operationName) === 'execute_tool' ? 'tool' : spanKind;
  const shared = {
    operation: kind,
    conversationId:
      text(attributes, GEN_AI.conversationId) || association(record, 'conversation_id', 'thread_id', 'chat_id'),
    sessionId: text(attributes, 'session.id') || association(record, 'session_id'),
    outcome: outcomeOf(record),
  };
  switch (kind) {
    case 'tool': {
      const message = typeof output === 'string' ? langChainToolMessage(output) : undefined;
      return recognised('openllmetry', {
        ...shared,
        kind: 'tool_call',
        // The collector's normaliser copies the tool's entity name to gen_ai.agent.name: not read here.
        tool: {
          name: text(attributes, GEN_AI.toolName) || message?.name || entity || record.name.replace(/\.tool$/, ''),
          callId: normalisedCallId(first(attributes, GEN_AI.toolCallId) ?? message?.callId),
          type: text(attributes, GEN_AI.toolType) || null,
          mcpServer: null,
          role: has(attributes, 'mcp.request.id', 'mcp.request.argument') ? 'mcp_client' : 'execute',
        },
        content: contents({
          arguments:
            (typeof input === 'string' ? langChainArguments(input) : input) ??
            first(attributes, GEN_AI.toolArguments, 'mcp.request.argument'),
          result: output ?? first(attributes, GEN_AI.toolResult, 'mcp.response.value'),
        }),
      });
    }
    case 'agent':
    case 'workflow':
      if (kind === 'workflow' && LANGCHAIN_STEP.test(text(attributes, 'traceloop.workflow.name'))) {
        return recognised('openllmetry', shared);
      }
      return recognised('openllmetry', {
        ...shared,
        kind: 'agent_run',
        agentName: kind === 'agent' ? text(attributes, GEN_AI.agentName) || entity : '',
        detail: kind === 'workflow' ? text(attributes, 'traceloop.workflow.name') || entity : '',
        content: contents({ input, output }),
      });
    case 'handoff': {
      const [from, to] = handoffSides(record);
      return recognised('openllmetry', { ...shared, kind: 'handoff', agentName: from, detail: `to ${to}` });
    }
    default:
      // A task or a session groups what runs under it. Spans of models carry no span kind.
      return recognised('openllmetry', shared);
  }
}

/** A handoff's span name is looked at so far; no two names of agents are as long. */
const SPAN_NAME_LENGTH_MAX = 1_000;

/** `{from} → {to}.handoff`. */
function handoffSides(record: SpanRecord): readonly [string, string] {
  // Bounded: white space that the parts could each be has the expression try all ways to share it out.
  const match = /^(.*?)\s*(?:→|->)\s*(.*?)(?:\.handoff)?$/.exec(record.name.slice(0, SPAN_NAME_LENGTH_MAX));
  return [
    text(record.attributes, 'gen_ai.handoff.from_agent') || (match?.[1] ?? ''),
    text(record.attributes, 'gen_ai.handoff.to_agent') || (match?.[2] ?? record.name),
  ];
}

const REQUEST_KINDS: ReadonlyMap<string, Recognised['kind']> = new Map([
  ['chat', 'model_call'],
  ['completion', 'model_call'],
  ['embedding', 'model_call'],
  ['rerank', 'retrieval'],
] as const);

/** The old form: `llm.request.type` and indexed prompts and completions. */
function fromRequestType(record: SpanRecord): Recognised | undefined {
  const { attributes } = record;
  const requestType = text(attributes, 'llm.request.type').toLowerCase();
  if (requestType === '' || text(attributes, GEN_AI.operationName) !== '') return undefined;
  const output = modelOutput(record);
  return recognised('openllmetry', {
    kind: REQUEST_KINDS.get(requestType) ?? 'model_call',
    operation: requestType,
    model: modelOf(attributes, 'llm.response.model', 'llm.request.model'),
    tokens: tokensOf(attributes, ['llm.usage.prompt_tokens'], ['llm.usage.completion_tokens']),
    conversationId: association(record, 'conversation_id', 'thread_id', 'chat_id'),
    sessionId: text(attributes, 'session.id') || association(record, 'session_id'),
    outcome: outcomeOf(record),
    content: contents({ input: modelInput(record), output }),
    requestedCalls: requestedCalls(output),
  });
}
