import { GEN_AI, GEN_AI_EVENT, GEN_AI_OPERATIONS, MCP, type GenAiOperation } from '../../otlp/semconv/gen-ai.ts';
import type { EvidenceKind } from '../../record/evidence.ts';
import { first, flag, has, text } from '../attribute.ts';
import { normalisedCallId } from '../../otlp/semconv/call-id.ts';
import {
  modelInput,
  modelOf,
  modelOutput,
  outcomeOf,
  referencesOf,
  requestedCalls,
  tokensOf,
} from '../gen-ai-fields.ts';
import { contents, recognised, type Dialect, type Recognised, type RecognisedTool } from '../recognised.ts';
import type { TelemetryRecord } from '../telemetry-record.ts';

const KIND_OF: Readonly<Record<GenAiOperation, EvidenceKind | null>> = {
  model: 'model_call',
  embedding: 'model_call',
  retrieval: 'retrieval',
  rerank: 'retrieval',
  tool: 'tool_call',
  agent: 'agent_run',
  workflow: 'agent_run',
  step: null,
  memory: 'tool_call',
  guardrail: 'guardrail',
  handoff: 'handoff',
};

/** Names of models on spans that say nothing else of what they are. */
const MODEL_KEYS = ['llm.response.model_name', 'llm.model_name', 'ai.response.model', 'ai.model.id'] as const;

/** The OpenTelemetry GenAI conventions, current and deprecated, on spans, span events and log records. */
export const otelGenAi: Dialect = {
  name: 'otel-genai',
  recognise(record) {
    const event = fromEvent(record);
    if (event !== undefined) return event;
    const { attributes } = record;
    const operation = text(attributes, GEN_AI.operationName);
    if (operation !== '') return fromGenAi('otel-genai', record, operation);
    const method = text(attributes, MCP.methodName);
    if (method !== '') return fromMcp('otel-genai', record, method);
    // Older emitters set no operation name on tools.
    if (first(attributes, GEN_AI.toolName, GEN_AI.toolCallId, 'tool.name') !== undefined) {
      return fromGenAi('otel-genai', record, 'execute_tool');
    }
    if (first(attributes, ...GEN_AI.handoffTo) !== undefined) return fromGenAi('otel-genai', record, 'handoff');
    if (has(attributes, ...GEN_AI.guardrailName)) return fromGenAi('otel-genai', record, 'guardrail');
    if (modelOf(attributes, ...MODEL_KEYS) === null) return undefined;
    return { ...fromGenAi('otel-genai', record, 'chat'), model: modelOf(attributes, ...MODEL_KEYS) };
  },
};

/** What a GenAI span or event of this operation is; dialects that speak GenAI with an accent start from it. */
export function fromGenAi(dialect: string, record: TelemetryRecord, operationName: string): Recognised {
  const { attributes } = record;
  const operation = operationName.toLowerCase();
  const what = GEN_AI_OPERATIONS.get(operation) ?? 'step';
  const method = text(attributes, MCP.methodName);
  const shared = {
    kind: KIND_OF[what],
    operation,
    agentName: text(attributes, GEN_AI.agentName),
    agentId: text(attributes, GEN_AI.agentId),
    conversationId: text(attributes, GEN_AI.conversationId),
    sessionId: text(attributes, 'session.id'),
    outcome: outcomeOf(record),
    references: referencesOf(attributes),
  };
  switch (what) {
    case 'tool':
      if (method !== '') return { ...fromMcp(dialect, record, method), ...withoutKind(shared) };
      return recognised(dialect, {
        ...shared,
        tool: toolOf(record, 'execute'),
        content: contents({
          arguments: first(attributes, GEN_AI.toolArguments, 'tool.parameters'),
          result: first(attributes, GEN_AI.toolResult, 'tool.result'),
        }),
      });
    case 'guardrail':
      return guardrail(dialect, record, shared);
    case 'handoff':
      return recognised(dialect, {
        ...shared,
        agentName: text(attributes, ...GEN_AI.handoffFrom) || shared.agentName,
        detail: `to ${text(attributes, ...GEN_AI.handoffTo) || (record.signal === 'traces' ? record.name : '')}`,
      });
    case 'model': {
      const output = modelOutput(record);
      return recognised(dialect, {
        ...shared,
        model: modelOf(attributes),
        tokens: tokensOf(attributes),
        content: contents({
          instructions: first(attributes, GEN_AI.systemInstructions),
          input: modelInput(record),
          output,
        }),
        requestedCalls: requestedCalls(output),
      });
    }
    case 'embedding':
      return recognised(dialect, {
        ...shared,
        model: modelOf(attributes),
        tokens: tokensOf(attributes),
        content: contents({ input: modelInput(record) }),
      });
    case 'retrieval':
    case 'rerank':
      return recognised(dialect, {
        ...shared,
        detail: text(attributes, GEN_AI.dataSourceId),
        content: contents({
          query: first(attributes, GEN_AI.retrievalQuery),
          documents: first(attributes, GEN_AI.retrievalDocuments),
        }),
      });
    case 'memory':
      return memory(dialect, record, operation, shared);
    case 'agent':
    case 'workflow':
      return recognised(dialect, {
        ...shared,
        detail: what === 'workflow' ? text(attributes, GEN_AI.workflowName) : '',
        content: contents({ input: modelInput(record), output: modelOutput(record) }),
      });
    default:
      return recognised(dialect, shared);
  }
}

/** A check of what goes in or comes out, and whether it let it pass. */
function guardrail(dialect: string, record: TelemetryRecord, shared: Partial<Omit<Recognised, 'dialect'>>): Recognised {
  const { attributes } = record;
  const verdict = text(attributes, ...GEN_AI.guardrailVerdict);
  const stopped =
    /^(?:fail|failed|deny|denied|block|blocked|tripped)$/i.test(verdict) ||
    flag(attributes, 'gen_ai.guardrail.triggered') === true;
  const name = text(attributes, ...GEN_AI.guardrailName) || (record.signal === 'traces' ? record.name : '');
  return recognised(dialect, {
    ...shared,
    operation: 'guardrail',
    detail: `${name} ${stopped ? 'triggered' : 'passed'}`,
    outcome: stopped ? 'denied' : (shared.outcome ?? 'unknown'),
    content: contents({
      input: first(attributes, 'gen_ai.guardrail.input'),
      output: first(attributes, 'gen_ai.guardrail.output'),
    }),
  });
}

/** Searching memory is a retrieval; changing it is a tool call whose tool is the memory operation. */
function memory(
  dialect: string,
  record: TelemetryRecord,
  operation: string,
  shared: Partial<Omit<Recognised, 'dialect'>>,
): Recognised {
  const { attributes } = record;
  const records = first(attributes, GEN_AI.memoryRecords);
  if (operation === 'search_memory') {
    return recognised(dialect, {
      ...shared,
      kind: 'retrieval',
      content: contents({ query: first(attributes, GEN_AI.memoryQuery), documents: records }),
    });
  }
  return recognised(dialect, {
    ...shared,
    tool: { name: operation, callId: '', type: 'datastore', mcpServer: null, role: 'execute' },
    content: contents({ arguments: records }),
  });
}

function withoutKind(shared: Partial<Omit<Recognised, 'dialect'>>): Partial<Omit<Recognised, 'dialect'>> {
  const { agentName, agentId, conversationId, references } = shared;
  return {
    ...(agentName === undefined ? {} : { agentName }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(conversationId === undefined ? {} : { conversationId }),
    ...(references === undefined ? {} : { references }),
  };
}

/** An MCP client or server span. `tools/call` is a tool call, `resources/read` a retrieval; other methods are no rows. */
export function fromMcp(dialect: string, record: TelemetryRecord, method: string): Recognised {
  const { attributes } = record;
  const shared = {
    operation: method,
    agentName: text(attributes, GEN_AI.agentName),
    conversationId: text(attributes, GEN_AI.conversationId),
    sessionId: text(attributes, 'session.id'),
    outcome: outcomeOf(record),
  };
  if (method === 'tools/call') {
    const isServer = record.signal === 'traces' && record.kind === 2;
    return recognised(dialect, {
      ...shared,
      kind: 'tool_call',
      tool: toolOf(record, isServer ? 'mcp_server' : 'mcp_client'),
      content: contents({
        arguments: first(attributes, GEN_AI.toolArguments),
        result: first(attributes, GEN_AI.toolResult),
      }),
    });
  }
  if (method === 'resources/read') return recognised(dialect, { ...shared, kind: 'retrieval' });
  return recognised(dialect, shared);
}

/** The tool a GenAI or MCP record names. An MCP server names itself by `service.name`, a client its peer by address. */
export function toolOf(record: TelemetryRecord, role: RecognisedTool['role']): RecognisedTool {
  const { attributes } = record;
  const isMcp = role === 'mcp_client' || role === 'mcp_server' || text(attributes, MCP.methodName) !== '';
  const server = isMcp
    ? text(attributes, 'mcp.server.name', 'fastmcp.server.name', 'service.peer.name', 'server.address') ||
      (role === 'mcp_server' ? text(record.resource.attributes, 'service.name') : '')
    : text(attributes, 'mcp.server.name');
  const name = text(attributes, GEN_AI.toolName, 'tool.name');
  const type = text(attributes, GEN_AI.toolType);
  return {
    name: name === '' && record.signal === 'traces' ? afterVerb(record.name) : name,
    callId: normalisedCallId(first(attributes, GEN_AI.toolCallId, 'gen_ai.tool.call_id', 'tool.call.id', 'tool.id')),
    type: type === '' ? null : type,
    mcpServer: server === '' ? null : server,
    role,
  };
}

/** `execute_tool kubectl_get` and `tools/call kubectl_get` name the tool after the verb. */
function afterVerb(spanName: string): string {
  return /^(?:execute_tool|tools\/call)\s+(\S.*)$/.exec(spanName)?.[1] ?? '';
}

const TOOL_MESSAGE = 'gen_ai.tool.message';
const MESSAGE_EVENTS = /^gen_ai\.(?:system|user|assistant|tool)\.message$/;

/** GenAI log events. The deprecated message events carry one side of a model call each; they join their span's row. */
function fromEvent(record: TelemetryRecord): Recognised | undefined {
  if (record.signal !== 'logs') return undefined;
  const { attributes, eventName, body } = record;
  const shared = {
    agentName: text(attributes, GEN_AI.agentName),
    conversationId: text(attributes, GEN_AI.conversationId),
    sessionId: text(attributes, 'session.id'),
  };
  if (eventName === GEN_AI_EVENT.evaluationResult) {
    const label = text(attributes, 'gen_ai.evaluation.score.label');
    return recognised('otel-genai', {
      ...shared,
      kind: 'evaluation',
      operation: 'evaluation',
      outcome: outcomeOf(record),
      detail: [text(attributes, 'gen_ai.evaluation.name'), label].filter(Boolean).join(' '),
      content: contents({ data: first(attributes, 'gen_ai.evaluation.explanation') }),
    });
  }
  if (eventName === GEN_AI_EVENT.inferenceDetails) {
    return fromGenAi('otel-genai', record, text(attributes, GEN_AI.operationName) || 'chat');
  }
  if (MESSAGE_EVENTS.test(eventName) || eventName === 'gen_ai.choice') {
    const isOutput = eventName === 'gen_ai.choice';
    return recognised('otel-genai', {
      ...shared,
      kind: 'model_call',
      operation: 'chat',
      model: modelOf(attributes),
      // A tool's answer is told again by every request that has it in its history; who ran the tool says it once.
      joinsSpan: record.spanId !== '',
      content: contents({ [isOutput ? 'output' : eventName === TOOL_MESSAGE ? 'result' : 'input']: body }),
      requestedCalls: isOutput ? requestedCalls(body) : [],
    });
  }
  return undefined;
}
