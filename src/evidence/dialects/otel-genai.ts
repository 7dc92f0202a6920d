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
import {
  contents,
  draft,
  recognised,
  type Dialect,
  type Draft,
  type Recognised,
  type RecognisedTool,
} from '../recognised.ts';
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
  const found = draft(dialect);
  found.kind = KIND_OF[what];
  found.operation = operation;
  found.agentName = text(attributes, GEN_AI.agentName);
  found.agentId = text(attributes, GEN_AI.agentId);
  found.conversationId = text(attributes, GEN_AI.conversationId);
  found.sessionId = text(attributes, 'session.id');
  found.outcome = outcomeOf(record);
  found.references = referencesOf(attributes);
  switch (what) {
    case 'tool': {
      const method = text(attributes, MCP.methodName);
      if (method !== '') return { ...fromMcp(dialect, record, method), ...whoActs(found) };
      found.tool = toolOf(record, 'execute');
      found.content = contents({
        arguments: first(attributes, GEN_AI.toolArguments, 'tool.parameters'),
        result: first(attributes, GEN_AI.toolResult, 'tool.result'),
      });
      break;
    }
    case 'guardrail':
      guardrail(found, record);
      break;
    case 'handoff':
      found.agentName = text(attributes, ...GEN_AI.handoffFrom) || found.agentName;
      found.detail = `to ${text(attributes, ...GEN_AI.handoffTo) || (record.signal === 'traces' ? record.name : '')}`;
      break;
    case 'model': {
      const output = modelOutput(record);
      found.model = modelOf(attributes);
      found.tokens = tokensOf(attributes);
      found.content = contents({
        instructions: first(attributes, GEN_AI.systemInstructions),
        input: modelInput(record),
        output,
      });
      found.requestedCalls = requestedCalls(output);
      break;
    }
    case 'embedding':
      found.model = modelOf(attributes);
      found.tokens = tokensOf(attributes);
      found.content = contents({ input: modelInput(record) });
      break;
    case 'retrieval':
    case 'rerank':
      found.detail = text(attributes, GEN_AI.dataSourceId);
      found.content = contents({
        query: first(attributes, GEN_AI.retrievalQuery),
        documents: first(attributes, GEN_AI.retrievalDocuments),
      });
      break;
    case 'memory':
      memory(found, record);
      break;
    case 'agent':
    case 'workflow':
      found.detail = what === 'workflow' ? text(attributes, GEN_AI.workflowName) : '';
      found.content = contents({ input: modelInput(record), output: modelOutput(record) });
      break;
    default:
  }
  return found;
}

/** A check of what goes in or comes out, and whether it let it pass. */
function guardrail(found: Draft, record: TelemetryRecord): void {
  const { attributes } = record;
  const verdict = text(attributes, ...GEN_AI.guardrailVerdict);
  const stopped =
    /^(?:fail|failed|deny|denied|block|blocked|tripped)$/i.test(verdict) ||
    flag(attributes, 'gen_ai.guardrail.triggered') === true;
  const name = text(attributes, ...GEN_AI.guardrailName) || (record.signal === 'traces' ? record.name : '');
  found.operation = 'guardrail';
  found.detail = `${name} ${stopped ? 'triggered' : 'passed'}`;
  if (stopped) found.outcome = 'denied';
  found.content = contents({
    input: first(attributes, 'gen_ai.guardrail.input'),
    output: first(attributes, 'gen_ai.guardrail.output'),
  });
}

/** Searching memory is a retrieval; changing it is a tool call whose tool is the memory operation. */
function memory(found: Draft, { attributes }: TelemetryRecord): void {
  const records = first(attributes, GEN_AI.memoryRecords);
  if (found.operation === 'search_memory') {
    found.kind = 'retrieval';
    found.content = contents({ query: first(attributes, GEN_AI.memoryQuery), documents: records });
    return;
  }
  found.tool = { name: found.operation, callId: '', type: 'datastore', mcpServer: null, role: 'execute' };
  found.content = contents({ arguments: records });
}

function whoActs(found: Recognised): Pick<Recognised, 'agentName' | 'agentId' | 'conversationId' | 'references'> {
  const { agentName, agentId, conversationId, references } = found;
  return { agentName, agentId, conversationId, references };
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
