import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { frameOf, logsOf, tracesOf, type LogSketch, type SpanSketch } from '../../../test/support/linker-harness.ts';
import { plain } from '../attribute.ts';
import { selectCandidates } from '../candidates.ts';
import { DIALECTS, recognise } from '../recognise.ts';
import type { Recognised } from '../recognised.ts';

/** What a case expects; fields that are not named must be empty. */
interface Expected {
  readonly kind: Recognised['kind'];
  readonly tool?: string;
  readonly callId?: string;
  readonly role?: string;
  readonly mcpServer?: string;
  readonly model?: string;
  readonly tokens?: readonly [number | null, number | null];
  readonly agent?: string;
  readonly conversation?: string;
  readonly session?: string;
  readonly outcome?: Recognised['outcome'];
  readonly content?: Readonly<Record<string, unknown>>;
  readonly asksFor?: readonly string[];
  readonly detail?: string;
  readonly references?: Readonly<Record<string, string>>;
}

interface Case {
  readonly dialect: string;
  readonly what: string;
  readonly span?: SpanSketch;
  readonly log?: LogSketch;
  readonly expected: Expected;
}

const span = (dialect: string, what: string, sketch: SpanSketch, expected: Expected): Case => ({
  dialect,
  what,
  span: sketch,
  expected: { outcome: 'ok', ...expected },
});
const log = (dialect: string, what: string, sketch: LogSketch, expected: Expected): Case => ({
  dialect,
  what,
  log: sketch,
  expected: { outcome: 'unknown', ...expected },
});

const CALL = [
  { role: 'assistant', parts: [{ type: 'tool_call', id: 'call_1', name: 'get_pods', arguments: { ns: 'shop' } }] },
];
const genAiTool = {
  'gen_ai.operation.name': 'execute_tool',
  'gen_ai.tool.name': 'get_pods',
  'gen_ai.tool.call.id': 'call_1',
  'gen_ai.tool.call.arguments': '{"ns":"shop"}',
  'gen_ai.tool.call.result': '2 pods',
};
const genAiToolExpected: Expected = {
  kind: 'tool_call',
  tool: 'get_pods',
  callId: 'call_1',
  role: 'execute',
  content: { arguments: '{"ns":"shop"}', result: '2 pods' },
};
/** As LangChain serialises what a tool answers. */
const TOOL_MESSAGE = JSON.stringify({
  lc: 1,
  type: 'constructor',
  id: ['langchain_core', 'messages', 'ToolMessage'],
  kwargs: { content: '2 pods', tool_call_id: 'call_1', name: 'get_pods' },
});
const genAiChat = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.request.model': 'm-large',
  'gen_ai.usage.input_tokens': 30,
  'gen_ai.usage.output_tokens': 9,
};

const CASES: readonly Case[] = [
  span('otel-genai', 'tool', { attributes: { ...genAiTool, 'gen_ai.tool.type': 'function' } }, genAiToolExpected),
  span(
    'otel-genai',
    'tool without operation name',
    { attributes: { 'gen_ai.tool.name': 'get_pods' } },
    {
      kind: 'tool_call',
      tool: 'get_pods',
      role: 'execute',
    },
  ),
  span(
    'otel-genai',
    'tool call id that is no id',
    { attributes: { ...genAiTool, 'gen_ai.tool.call.id': '<not specified>' } },
    {
      ...genAiToolExpected,
      callId: '',
    },
  ),
  span(
    'otel-genai',
    'failed tool',
    { error: true, attributes: { ...genAiTool, 'error.type': 'DeadlineExceeded' } },
    {
      ...genAiToolExpected,
      outcome: 'timeout',
    },
  ),
  span(
    'otel-genai',
    'model call, messages as JSON text',
    {
      attributes: {
        ...genAiChat,
        'gen_ai.provider.name': 'openai',
        'gen_ai.response.model': 'm-large-2026',
        'gen_ai.conversation.id': 'conv-1',
        'gen_ai.output.messages': JSON.stringify(CALL),
        'gen_ai.system_instructions_ref': 's3://bucket/1.json',
      },
    },
    {
      kind: 'model_call',
      model: 'm-large-2026',
      tokens: [30, 9],
      conversation: 'conv-1',
      content: { output: JSON.stringify(CALL) },
      asksFor: ['get_pods call_1'],
      references: { instructions: 's3://bucket/1.json' },
    },
  ),
  span(
    'otel-genai',
    'model call, structured messages',
    { attributes: { ...genAiChat, 'gen_ai.output.messages': CALL } },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], content: { output: CALL }, asksFor: ['get_pods call_1'] },
  ),
  span(
    'otel-genai',
    'deprecated names and message events',
    {
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.system': 'openai',
        'gen_ai.request.model': 'm-old',
        'gen_ai.usage.prompt_tokens': 5,
        'gen_ai.usage.completion_tokens': 6,
      },
      events: [
        { name: 'gen_ai.user.message', attributes: { content: 'why?' } },
        { name: 'gen_ai.choice', attributes: { message: '{"content":"because"}' } },
      ],
    },
    {
      kind: 'model_call',
      model: 'm-old',
      tokens: [5, 6],
      content: { input: [{ content: 'why?' }], output: [{ message: '{"content":"because"}' }] },
    },
  ),
  span(
    'otel-genai',
    'embedding',
    { attributes: { ...genAiChat, 'gen_ai.operation.name': 'embeddings' } },
    {
      kind: 'model_call',
      model: 'm-large',
      tokens: [30, 9],
    },
  ),
  span(
    'otel-genai',
    'retrieval',
    {
      attributes: {
        'gen_ai.operation.name': 'retrieval',
        'gen_ai.data_source.id': 'runbooks',
        'gen_ai.retrieval.query.text': 'oom',
      },
    },
    { kind: 'retrieval', content: { query: 'oom' }, detail: 'runbooks' },
  ),
  span(
    'otel-genai',
    'agent run',
    { attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'sre', 'session.id': 's1' } },
    { kind: 'agent_run', agent: 'sre', session: 's1' },
  ),
  span(
    'otel-genai',
    'workflow',
    { attributes: { 'gen_ai.operation.name': 'invoke_workflow', 'gen_ai.workflow.name': 'triage' } },
    { kind: 'agent_run', detail: 'triage' },
  ),
  span(
    'otel-genai',
    'plan',
    { attributes: { 'gen_ai.operation.name': 'plan', 'gen_ai.agent.name': 'sre' } },
    { kind: null, agent: 'sre' },
  ),
  span(
    'otel-genai',
    'searched memory',
    { attributes: { 'gen_ai.operation.name': 'search_memory', 'gen_ai.memory.query.text': 'last outage' } },
    { kind: 'retrieval', content: { query: 'last outage' } },
  ),
  span(
    'otel-genai',
    'changed memory',
    { attributes: { 'gen_ai.operation.name': 'update_memory', 'gen_ai.memory.records': '[1]' } },
    { kind: 'tool_call', tool: 'update_memory', role: 'execute', content: { arguments: '[1]' } },
  ),
  span(
    'otel-genai',
    'MCP client',
    {
      name: 'tools/call get_pods',
      kind: 3,
      attributes: { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 'get_pods', 'server.address': 'kube-mcp' },
    },
    { kind: 'tool_call', tool: 'get_pods', role: 'mcp_client', mcpServer: 'kube-mcp' },
  ),
  span(
    'otel-genai',
    'MCP server, named by its service',
    {
      name: 'tools/call get_pods',
      service: 'kube-mcp',
      kind: 2,
      error: true,
      attributes: {
        'mcp.method.name': 'tools/call',
        'gen_ai.operation.name': 'execute_tool',
        'error.type': 'tool_error',
      },
    },
    { kind: 'tool_call', tool: 'get_pods', role: 'mcp_server', mcpServer: 'kube-mcp', outcome: 'error' },
  ),
  span('otel-genai', 'MCP listing', { attributes: { 'mcp.method.name': 'tools/list' } }, { kind: null }),
  span(
    'otel-genai',
    'bare model name',
    { attributes: { 'gen_ai.request.model': 'm-large' } },
    { kind: 'model_call', model: 'm-large' },
  ),
  log(
    'otel-genai',
    'inference details event',
    {
      eventName: 'gen_ai.client.inference.operation.details',
      attributes: { ...genAiChat, 'gen_ai.output.messages': CALL },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], content: { output: CALL }, asksFor: ['get_pods call_1'] },
  ),
  log(
    'otel-genai',
    'deprecated choice event',
    {
      eventName: 'gen_ai.choice',
      body: {
        index: 0,
        message: { role: 'assistant' },
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_pods', arguments: '{}' } }],
      },
    },
    {
      kind: 'model_call',
      content: {
        output: {
          index: 0,
          message: { role: 'assistant' },
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_pods', arguments: '{}' } }],
        },
      },
      asksFor: ['get_pods call_1'],
    },
  ),
  log(
    'otel-genai',
    'evaluation',
    {
      eventName: 'gen_ai.evaluation.result',
      attributes: { 'gen_ai.evaluation.name': 'grounded', 'gen_ai.evaluation.score.label': 'fail' },
    },
    { kind: 'evaluation', detail: 'grounded fail' },
  ),

  span(
    'openinference',
    'tool',
    {
      scope: 'openinference.instrumentation.langchain',
      attributes: {
        'openinference.span.kind': 'TOOL',
        'tool.name': 'get_pods',
        'tool.id': 'call_1',
        'input.value': '{"ns":"shop"}',
        'output.value': '2 pods',
        'session.id': 's1',
      },
    },
    { ...genAiToolExpected, session: 's1' },
  ),
  span(
    'openinference',
    'model call with indexed messages',
    {
      attributes: {
        'openinference.span.kind': 'LLM',
        'llm.model_name': 'm-large',
        'llm.token_count.prompt': 30,
        'llm.token_count.completion': 9,
        'input.value': 'why?',
        'llm.output_messages.0.message.tool_calls.0.tool_call.id': 'call_1',
        'llm.output_messages.0.message.tool_calls.0.tool_call.function.name': 'get_pods',
        'llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments': '{}',
      },
    },
    {
      kind: 'model_call',
      model: 'm-large',
      tokens: [30, 9],
      content: {
        input: 'why?',
        output: {
          '0.message.tool_calls.0.tool_call.id': 'call_1',
          '0.message.tool_calls.0.tool_call.function.name': 'get_pods',
          '0.message.tool_calls.0.tool_call.function.arguments': '{}',
        },
      },
      asksFor: ['get_pods call_1'],
    },
  ),
  span(
    'openinference',
    'agent',
    { name: 'sre', attributes: { 'openinference.span.kind': 'AGENT' } },
    { kind: 'agent_run', agent: 'sre' },
  ),
  span(
    'openinference',
    'retriever',
    { attributes: { 'openinference.span.kind': 'RETRIEVER', 'input.value': 'oom' } },
    {
      kind: 'retrieval',
      content: { query: 'oom' },
    },
  ),
  span(
    'openinference',
    'guardrail',
    { name: 'pii', attributes: { 'openinference.span.kind': 'GUARDRAIL' } },
    { kind: 'guardrail', detail: 'pii' },
  ),
  span(
    'openinference',
    'chain',
    { attributes: { 'openinference.span.kind': 'CHAIN', 'input.value': 'x' } },
    { kind: null },
  ),

  span(
    'openllmetry',
    'tool; the normaliser has put the entity name on the agent',
    {
      scope: 'traceloop.tracer',
      attributes: {
        'traceloop.span.kind': 'tool',
        'traceloop.entity.name': 'get_pods',
        'traceloop.entity.input': '{"ns":"shop"}',
        'traceloop.entity.output': '2 pods',
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.agent.name': 'get_pods',
        'traceloop.association.properties.thread_id': 'th-1',
      },
    },
    { ...genAiToolExpected, callId: '', conversation: 'th-1' },
  ),
  span(
    'openllmetry',
    'new model call',
    {
      scope: '@traceloop/instrumentation-openai',
      attributes: { ...genAiChat, 'traceloop.association.properties.session_id': 's1' },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], session: 's1' },
  ),
  span(
    'openllmetry',
    'old model call with indexed prompt and completion',
    {
      scope: 'opentelemetry.instrumentation.openai.v1',
      attributes: {
        'llm.request.type': 'chat',
        'gen_ai.system': 'OpenAI',
        'gen_ai.request.model': 'm-old',
        'gen_ai.usage.prompt_tokens': 5,
        'gen_ai.usage.completion_tokens': 6,
        'gen_ai.prompt.0.content': 'why?',
        'gen_ai.completion.0.tool_calls.0.id': 'call_1',
        'gen_ai.completion.0.tool_calls.0.name': 'get_pods',
      },
    },
    {
      kind: 'model_call',
      model: 'm-old',
      tokens: [5, 6],
      content: {
        input: { '0.content': 'why?' },
        output: { '0.tool_calls.0.id': 'call_1', '0.tool_calls.0.name': 'get_pods' },
      },
      asksFor: ['get_pods call_1'],
    },
  ),
  span(
    'openllmetry',
    'agent',
    { attributes: { 'traceloop.span.kind': 'agent', 'traceloop.entity.name': 'sre' } },
    { kind: 'agent_run', agent: 'sre' },
  ),
  span(
    'openllmetry',
    'handoff',
    { name: 'triage → sre.handoff', attributes: { 'traceloop.span.kind': 'handoff' } },
    {
      kind: 'handoff',
      agent: 'triage',
      detail: 'to sre',
    },
  ),
  span(
    'openllmetry',
    'tool of LangChain: a task named after the class of the tool',
    {
      name: 'execute_tool DynamicStructuredTool',
      scope: '@traceloop/instrumentation-langchain',
      attributes: {
        'traceloop.span.kind': 'task',
        'traceloop.entity.name': 'DynamicStructuredTool',
        'gen_ai.operation.name': 'execute_tool',
        'traceloop.entity.input': '{"args":["{\\"ns\\":\\"shop\\"}"]}',
        'traceloop.entity.output': TOOL_MESSAGE,
      },
    },
    { ...genAiToolExpected, content: { arguments: '{"ns":"shop"}', result: TOOL_MESSAGE } },
  ),
  span(
    'openllmetry',
    'step of a LangChain workflow',
    { attributes: { 'traceloop.span.kind': 'workflow', 'traceloop.workflow.name': 'RunnableSequence' } },
    { kind: null },
  ),
  span('openllmetry', 'task', { attributes: { 'traceloop.span.kind': 'task' } }, { kind: null }),

  span(
    'vercel-ai',
    'tool, versions 4 to 6',
    {
      scope: 'ai',
      name: 'ai.toolCall',
      attributes: {
        'operation.name': 'ai.toolCall triage',
        'ai.toolCall.name': 'get_pods',
        'ai.toolCall.id': 'call_1',
        'ai.toolCall.args': '{"ns":"shop"}',
        'ai.toolCall.result': '2 pods',
        'ai.telemetry.functionId': 'triage',
      },
    },
    { ...genAiToolExpected, agent: 'triage' },
  ),
  span(
    'vercel-ai',
    'model call, version 4',
    {
      scope: 'ai',
      attributes: {
        'ai.operationId': 'ai.generateText.doGenerate',
        'ai.model.id': 'm-large',
        'ai.usage.promptTokens': 30,
        'ai.usage.completionTokens': 9,
        'ai.prompt.messages': '[]',
        'ai.response.toolCalls': JSON.stringify([{ toolCallId: 'call_1', toolName: 'get_pods', input: '{}' }]),
        'ai.telemetry.metadata.sessionId': 's1',
      },
    },
    {
      kind: 'model_call',
      model: 'm-large',
      tokens: [30, 9],
      session: 's1',
      content: { input: '[]', output: JSON.stringify([{ toolCallId: 'call_1', toolName: 'get_pods', input: '{}' }]) },
      asksFor: ['get_pods call_1'],
    },
  ),
  span(
    'vercel-ai',
    'outer span of a call, versions 5 and 6: its totals are not counted again',
    {
      scope: 'ai',
      attributes: {
        'ai.operationId': 'ai.streamText',
        'ai.model.id': 'm-large',
        'ai.usage.inputTokens': 30,
        'ai.response.text': 'done',
      },
    },
    { kind: 'agent_run', model: 'm-large', content: { output: 'done' } },
  ),
  span(
    'vercel-ai',
    'outer span of an embedding',
    { scope: 'ai', attributes: { 'ai.operationId': 'ai.embed' } },
    { kind: null },
  ),
  span('vercel-ai', 'tool, version 7', { scope: 'gen_ai', attributes: genAiTool }, genAiToolExpected),
  span(
    'vercel-ai',
    'step, version 7',
    { scope: 'ai', attributes: { 'gen_ai.operation.name': 'agent_step' } },
    { kind: null },
  ),

  span(
    'langfuse',
    'generation',
    {
      scope: 'langfuse-sdk',
      attributes: {
        'langfuse.observation.type': 'generation',
        'langfuse.observation.model.name': 'm-large',
        'langfuse.observation.usage_details': '{"input_tokens":30,"output_tokens":9}',
        'langfuse.observation.input': 'why?',
        'langfuse.session.id': 's1',
        'session.id': 's2',
      },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], session: 's1', content: { input: 'why?' } },
  ),
  span(
    'langfuse',
    'tool',
    {
      name: 'get_pods',
      attributes: {
        'langfuse.observation.type': 'tool',
        'langfuse.observation.input': '{"ns":"shop"}',
        'langfuse.observation.output': '2 pods',
        'langfuse.observation.level': 'ERROR',
      },
    },
    { ...genAiToolExpected, callId: '', outcome: 'error' },
  ),
  span('langfuse', 'span', { attributes: { 'langfuse.observation.type': 'span' } }, { kind: null }),

  span(
    'langsmith',
    'tool',
    {
      scope: 'langsmith',
      name: 'get_pods',
      attributes: {
        'langsmith.span.kind': 'tool',
        'gen_ai.prompt': '{"ns":"shop"}',
        'gen_ai.completion': '2 pods',
        'langsmith.metadata.thread_id': 'th-1',
      },
    },
    { ...genAiToolExpected, callId: '', conversation: 'th-1' },
  ),
  span(
    'langsmith',
    'retriever, whose operation name says embeddings',
    {
      attributes: {
        'langsmith.span.kind': 'retriever',
        'gen_ai.operation.name': 'embeddings',
        'langsmith.trace.session_id': 'project',
      },
    },
    { kind: 'retrieval' },
  ),

  span(
    'logfire',
    'model call of the SDK integration',
    {
      scope: 'logfire.openai',
      attributes: {
        'logfire.span_type': 'span',
        'gen_ai.request.model': 'm-large',
        request_data: '{"messages":[]}',
        response_data: '{}',
      },
    },
    { kind: 'model_call', model: 'm-large', content: { input: '{"messages":[]}', output: '{}' } },
  ),
  span(
    'logfire',
    'marker of a span that has begun',
    { scope: 'logfire.openai', attributes: { ...genAiChat, 'logfire.span_type': 'pending_span' } },
    {
      kind: null,
      outcome: 'unknown',
    },
  ),
  span(
    'logfire',
    "a stream's closing log",
    { scope: 'logfire.openai', attributes: { ...genAiChat, 'logfire.span_type': 'log' } },
    {
      kind: null,
      model: 'm-large',
      tokens: [30, 9],
    },
  ),
  span(
    'logfire',
    'MCP client',
    {
      scope: 'logfire.mcp',
      name: 'MCP request: tools/call get_pods',
      attributes: { request: '{"params":{"name":"get_pods","arguments":{"ns":"shop"}}}', response: '2 pods' },
    },
    { ...genAiToolExpected, callId: '', role: 'mcp_client' },
  ),
  span(
    'logfire',
    'MCP server',
    {
      scope: 'logfire.mcp',
      service: 'kube-mcp',
      name: 'MCP server handle request: tools/call',
      attributes: { request: '{"params":{"name":"get_pods","arguments":{"ns":"shop"}}}', response: '2 pods' },
    },
    { ...genAiToolExpected, callId: '', role: 'mcp_server', mcpServer: 'kube-mcp' },
  ),

  span(
    'pydantic-ai',
    'tool, format 3',
    { scope: 'pydantic-ai', attributes: { ...genAiTool, 'gen_ai.agent.name': 'sre' } },
    {
      ...genAiToolExpected,
      agent: 'sre',
    },
  ),
  span(
    'pydantic-ai',
    'tool, format 2',
    {
      scope: 'pydantic-ai',
      name: 'running tool',
      attributes: {
        'gen_ai.tool.name': 'get_pods',
        'gen_ai.tool.call.id': 'call_1',
        tool_arguments: '{"ns":"shop"}',
        tool_response: '2 pods',
      },
    },
    genAiToolExpected,
  ),
  span(
    'pydantic-ai',
    'agent, format 2',
    {
      scope: 'pydantic-ai',
      name: 'agent run',
      attributes: { agent_name: 'sre', all_messages_events: '[]', final_result: 'done' },
    },
    { kind: 'agent_run', agent: 'sre', content: { input: '[]', output: 'done' } },
  ),
  span(
    'pydantic-ai',
    'call put off until somebody approves',
    {
      scope: 'pydantic-ai',
      error: true,
      attributes: { ...genAiTool, 'pydantic_ai.tool.deferral.name': 'ApprovalRequired' },
    },
    { ...genAiToolExpected, kind: 'approval_signal', outcome: 'unknown' },
  ),

  span(
    'openai-agents',
    'function',
    {
      scope: 'logfire.openai_agents',
      name: 'Function: {name}',
      attributes: {
        'logfire.msg_template': 'Function: {name}',
        name: 'get_pods',
        input: '{"ns":"shop"}',
        output: '2 pods',
      },
    },
    { ...genAiToolExpected, callId: '' },
  ),
  span(
    'openai-agents',
    'handoff',
    {
      scope: 'logfire.openai_agents',
      name: 'Handoff: {from_agent} → {to_agent}',
      attributes: { from_agent: 'triage', to_agent: 'sre' },
    },
    { kind: 'handoff', agent: 'triage', detail: 'to sre' },
  ),
  span(
    'openai-agents',
    'guardrail that triggered',
    {
      scope: 'logfire.openai_agents',
      name: 'Guardrail {name!r} {triggered=}',
      attributes: { name: 'no_prod', triggered: true },
    },
    { kind: 'guardrail', outcome: 'denied', detail: 'no_prod triggered' },
  ),
  span(
    'openai-agents',
    'agent run',
    { scope: 'logfire.openai_agents', name: 'Agent run: {name!r}', attributes: { name: 'sre' } },
    {
      kind: 'agent_run',
      agent: 'sre',
    },
  ),
  span(
    'openai-agents',
    'model call',
    {
      scope: 'logfire.openai_agents',
      name: 'Responses API with {gen_ai.request.model!r}',
      attributes: { ...genAiChat, raw_input: '[]' },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], content: { input: '[]' } },
  ),

  span(
    'google-adk',
    'tool',
    {
      scope: 'gcp.vertex.agent',
      name: 'execute_tool get_pods',
      attributes: {
        'gen_ai.tool.name': 'get_pods',
        'gen_ai.tool.call.id': 'call_1',
        'gcp.vertex.agent.tool_call_args': '{"ns":"shop"}',
        'gcp.vertex.agent.tool_response': '2 pods',
        'gcp.vertex.agent.session_id': 'conv-1',
      },
    },
    { ...genAiToolExpected, conversation: 'conv-1' },
  ),
  span(
    'google-adk',
    'parallel calls reported once more together',
    {
      scope: 'gcp.vertex.agent',
      name: 'execute_tool (merged tools)',
      attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': '(merged tools)' },
    },
    { kind: null, tool: '(merged tools)', role: 'execute' },
  ),
  span(
    'google-adk',
    'model call',
    {
      scope: 'gcp.vertex.agent',
      name: 'call_llm',
      attributes: { 'gen_ai.request.model': 'm-large', 'gcp.vertex.agent.llm_request': '{}' },
    },
    { kind: 'model_call', model: 'm-large', content: { input: '{}' } },
  ),

  span(
    'strands',
    'tool, content in span events',
    {
      scope: 'strands.telemetry.tracer',
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'get_pods',
        'gen_ai.tool.call.id': 'call_1',
        'gen_ai.tool.status': 'success',
      },
      events: [
        { name: 'gen_ai.tool.message', attributes: { content: '{"ns":"shop"}' } },
        { name: 'gen_ai.choice', attributes: { message: '2 pods' } },
      ],
    },
    genAiToolExpected,
  ),

  span(
    'ms-agent-framework',
    'tool, call id in an array',
    {
      scope: 'agent_framework',
      attributes: { ...genAiTool, 'gen_ai.tool.call.id': '["run_9","call_1"]' },
    },
    genAiToolExpected,
  ),
  span(
    'semantic-kernel',
    'tool',
    { scope: 'Microsoft.SemanticKernel.Diagnostics', attributes: genAiTool },
    genAiToolExpected,
  ),
  span(
    'autogen',
    'tool',
    { scope: 'autogen-core', attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'get_pods' } },
    {
      kind: 'tool_call',
      tool: 'get_pods',
      role: 'execute',
    },
  ),

  span(
    'crewai',
    'tool through OpenInference',
    {
      scope: 'openinference.instrumentation.crewai',
      attributes: {
        'openinference.span.kind': 'TOOL',
        'tool.name': 'get_pods',
        'input.value': '{"ns":"shop"}',
        'output.value': '2 pods',
      },
    },
    { ...genAiToolExpected, callId: '' },
  ),
  span(
    'crewai',
    'agent through OpenLLMetry',
    {
      scope: 'opentelemetry.instrumentation.crewai',
      attributes: { 'traceloop.span.kind': 'agent', 'crewai.agent.role': 'SRE' },
    },
    { kind: 'agent_run', agent: 'SRE' },
  ),
  span(
    'crewai',
    'its own telemetry',
    { scope: 'crewai.telemetry', name: 'Tool Usage', attributes: { tool_name: 'get_pods' } },
    {
      kind: 'tool_call',
      tool: 'get_pods',
      role: 'execute',
    },
  ),
  span(
    'llamaindex',
    'tool through OpenInference',
    {
      scope: 'openinference.instrumentation.llama_index',
      attributes: { 'openinference.span.kind': 'TOOL', 'tool.name': 'get_pods' },
    },
    { kind: 'tool_call', tool: 'get_pods', role: 'execute' },
  ),

  span(
    'mastra',
    'tool of an MCP server',
    {
      attributes: { ...genAiTool, 'mastra.span.type': 'mcp_tool_call', 'mcp.server.name': 'kube-mcp' },
    },
    { ...genAiToolExpected, mcpServer: 'kube-mcp' },
  ),
  span(
    'mastra',
    'agent',
    {
      attributes: {
        'mastra.span.type': 'agent_run',
        'gen_ai.agent.name': 'sre',
        'mastra.agent_run.input': 'why?',
        'gen_ai.conversation.id': 'th-1',
      },
    },
    { kind: 'agent_run', agent: 'sre', conversation: 'th-1', content: { input: 'why?' } },
  ),
  span('mastra', 'step', { attributes: { 'mastra.span.type': 'workflow_step' } }, { kind: null }),

  span(
    'openlit',
    'model call, content in span events',
    {
      scope: 'openlit.otel.tracing',
      attributes: genAiChat,
      events: [
        { name: 'gen_ai.content.prompt', attributes: { 'gen_ai.prompt': 'why?' } },
        { name: 'gen_ai.content.completion', attributes: { 'gen_ai.completion': 'because' } },
      ],
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], content: { input: 'why?', output: 'because' } },
  ),
  span(
    'openlit',
    'tool named as an agent action',
    {
      resource: { 'telemetry.sdk.name': 'openlit' },
      attributes: { 'gen_ai.agent.action.tool': 'get_pods', 'gen_ai.agent.action.tool_input': '{"ns":"shop"}' },
    },
    { kind: 'tool_call', tool: 'get_pods', role: 'execute', content: { arguments: '{"ns":"shop"}' } },
  ),

  span(
    'mlflow',
    'tool, values as JSON',
    {
      name: 'get_pods',
      attributes: { 'mlflow.spanType': '"TOOL"', 'mlflow.spanInputs': '{"ns":"shop"}', 'mlflow.spanOutputs': '2 pods' },
    },
    { ...genAiToolExpected, callId: '' },
  ),
  span(
    'laminar',
    'tool',
    {
      name: 'get_pods',
      attributes: { 'lmnr.span.type': 'TOOL', 'lmnr.span.input': '{"ns":"shop"}', 'lmnr.span.output': '2 pods' },
    },
    { ...genAiToolExpected, callId: '' },
  ),
  span(
    'genkit',
    'tool',
    {
      attributes: {
        'genkit:metadata:subtype': 'tool',
        'genkit:name': 'get_pods',
        'genkit:input': '{"ns":"shop"}',
        'genkit:output': '2 pods',
        'genkit:state': 'error',
      },
    },
    { ...genAiToolExpected, callId: '', outcome: 'error' },
  ),
  span(
    'genkit',
    'model',
    { attributes: { 'genkit:metadata:subtype': 'model', 'genkit:name': 'googleai/m-large' } },
    {
      kind: 'model_call',
      model: 'googleai/m-large',
    },
  ),
  log(
    'agentcore',
    'content split from its span',
    {
      trace: 1,
      span: 5,
      body: { input: { messages: [{ role: 'user', content: 'why?' }] }, output: { messages: [] } },
      scope: 'strands.telemetry.tracer',
    },
    {
      kind: 'model_call',
      content: { input: { messages: [{ role: 'user', content: 'why?' }] }, output: { messages: [] } },
    },
  ),

  log(
    'claude-code',
    'tool_result',
    {
      scope: 'com.anthropic.claude_code.events',
      body: 'claude_code.tool_result',
      attributes: {
        'event.name': 'tool_result',
        tool_name: 'Bash',
        tool_use_id: 'toolu_1',
        success: 'true',
        duration_ms: 20,
        tool_input: '{"command":"ls"}',
        'session.id': 's1',
      },
    },
    {
      kind: 'tool_call',
      tool: 'Bash',
      callId: 'toolu_1',
      role: 'event',
      agent: 'claude-code',
      session: 's1',
      outcome: 'ok',
      content: { arguments: '{"command":"ls"}' },
    },
  ),
  log(
    'claude-code',
    'tool_result of an MCP tool',
    {
      body: 'claude_code.tool_result',
      attributes: {
        tool_name: 'mcp_tool',
        success: 'false',
        tool_parameters: '{"mcp_server_name":"kube","mcp_tool_name":"get_pods"}',
      },
    },
    {
      kind: 'tool_call',
      tool: 'get_pods',
      role: 'event',
      mcpServer: 'kube',
      agent: 'claude-code',
      outcome: 'error',
      content: { arguments: '{"mcp_server_name":"kube","mcp_tool_name":"get_pods"}' },
    },
  ),
  log(
    'claude-code',
    'tool_decision',
    {
      body: 'claude_code.tool_decision',
      attributes: { tool_name: 'Bash', tool_use_id: 'toolu_1', decision: 'reject', source: 'user_reject' },
    },
    {
      kind: 'approval_signal',
      tool: 'Bash',
      callId: 'toolu_1',
      role: 'event',
      agent: 'claude-code',
      outcome: 'denied',
      detail: 'reject by user_reject',
    },
  ),
  log(
    'claude-code',
    'api_request',
    {
      body: 'claude_code.api_request',
      attributes: { model: 'm-large', input_tokens: 30, output_tokens: '9' },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], agent: 'claude-code', outcome: 'ok' },
  ),
  span(
    'claude-code',
    'tool span',
    {
      scope: 'com.anthropic.claude_code.tracing',
      name: 'claude_code.tool',
      attributes: { 'span.type': 'tool', tool_name: 'Bash', tool_use_id: 'toolu_1', full_command: 'ls' },
      events: [{ name: 'tool.output', attributes: { output: 'a b' } }],
    },
    {
      kind: 'tool_call',
      tool: 'Bash',
      callId: 'toolu_1',
      role: 'execute',
      agent: 'claude-code',
      content: { arguments: 'ls', result: 'a b' },
    },
  ),
  span(
    'claude-code',
    'wait for the user',
    {
      scope: 'com.anthropic.claude_code.tracing',
      name: 'claude_code.tool.blocked_on_user',
      attributes: { 'span.type': 'tool.blocked_on_user', decision: 'accept', source: 'user_temporary' },
    },
    { kind: 'approval_signal', agent: 'claude-code', detail: 'accept by user_temporary' },
  ),

  log(
    'codex',
    'tool_result',
    {
      attributes: {
        'event.name': 'codex.tool_result',
        tool_name: 'shell',
        call_id: 'call_1',
        arguments: '{"cmd":"ls"}',
        output: 'a b',
        success: 'true',
        duration_ms: '20',
        'conversation.id': 'conv-1',
      },
    },
    {
      kind: 'tool_call',
      tool: 'shell',
      callId: 'call_1',
      role: 'event',
      agent: 'codex',
      conversation: 'conv-1',
      outcome: 'ok',
      content: { arguments: '{"cmd":"ls"}', result: 'a b' },
    },
  ),
  log(
    'codex',
    'tool_decision',
    {
      eventName: 'codex.tool_decision',
      attributes: { tool_name: 'shell', call_id: 'call_1', decision: 'denied', source: 'user' },
    },
    {
      kind: 'approval_signal',
      tool: 'shell',
      callId: 'call_1',
      role: 'event',
      agent: 'codex',
      outcome: 'denied',
      detail: 'denied by user',
    },
  ),
  log(
    'codex',
    'completed response',
    {
      eventName: 'codex.sse_event',
      attributes: { model: 'm-large', input_token_count: '30', output_token_count: '9' },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], agent: 'codex', outcome: 'ok' },
  ),
  log('codex', 'stream event without figures', { eventName: 'codex.sse_event' }, { kind: null, agent: 'codex' }),
  log(
    'codex',
    'call that the sandbox stopped',
    {
      eventName: 'codex.sandbox_outcome',
      attributes: { tool_name: 'shell', call_id: 'call_1', outcome: 'denied' },
    },
    {
      kind: 'guardrail',
      tool: 'shell',
      callId: 'call_1',
      role: 'event',
      agent: 'codex',
      outcome: 'denied',
      detail: 'denied',
    },
  ),

  log(
    'gemini-cli',
    'tool_call',
    {
      attributes: {
        'event.name': 'gemini_cli.tool_call',
        function_name: 'run_shell_command',
        function_args: '{"command":"ls"}',
        success: true,
        decision: 'auto_accept',
        duration_ms: 20,
        'session.id': 's1',
      },
    },
    {
      kind: 'tool_call',
      tool: 'run_shell_command',
      role: 'event',
      agent: 'gemini-cli',
      session: 's1',
      outcome: 'ok',
      content: { arguments: '{"command":"ls"}' },
      detail: '(auto_accept)',
    },
  ),
  log(
    'gemini-cli',
    'call that was rejected',
    {
      eventName: 'gemini_cli.tool_call',
      attributes: { function_name: 'run_shell_command', decision: 'reject', success: false },
    },
    {
      kind: 'approval_signal',
      tool: 'run_shell_command',
      role: 'event',
      agent: 'gemini-cli',
      outcome: 'denied',
      detail: 'reject',
    },
  ),
  log(
    'gemini-cli',
    'api_response',
    {
      eventName: 'gemini_cli.api_response',
      attributes: { model: 'm-large', input_token_count: 30, output_token_count: 9 },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], agent: 'gemini-cli', outcome: 'ok' },
  ),
  log(
    'alert',
    'alert as a log record',
    {
      eventName: 'alert.firing',
      attributes: { 'alert.event_id': 'e1', 'alert.rule_name': 'many errors', 'service.name': 'checkout' },
    },
    { kind: 'alert', outcome: 'error', agent: 'sre-agent', detail: 'many errors checkout' },
  ),
  span(
    'otel-genai',
    'tool that only a general name says',
    { attributes: { 'tool.name': 'get_pods', 'tool.parameters': '{"ns":"shop"}' } },
    { kind: 'tool_call', tool: 'get_pods', role: 'execute', content: { arguments: '{"ns":"shop"}' } },
  ),
  span(
    'otel-genai',
    'guardrail that stopped something',
    { attributes: { 'gen_ai.guardrail.name': 'pii', 'gen_ai.guardrail.status': 'FAILED' } },
    { kind: 'guardrail', outcome: 'denied', detail: 'pii triggered' },
  ),
  span(
    'otel-genai',
    'guardrail that let pass (proposed names)',
    {
      attributes: {
        'gen_ai.operation.name': 'run_guardrail',
        'gen_ai.guardrail.component.name': 'content_filter',
        'gen_ai.guardrail.verdict.type': 'allow',
      },
    },
    { kind: 'guardrail', detail: 'content_filter passed' },
  ),
  span(
    'otel-genai',
    'handoff (proposed names)',
    { attributes: { 'gen_ai.handoff.from_agent': 'triage', 'gen_ai.handoff.to_agent': 'fixer' } },
    { kind: 'handoff', agent: 'triage', detail: 'to fixer' },
  ),
  span(
    'openinference',
    'handoff of the Agents SDK, written as a tool',
    {
      name: 'handoff to fixer',
      scope: 'openinference.instrumentation.openai_agents',
      attributes: { 'openinference.span.kind': 'TOOL' },
    },
    { kind: 'handoff', detail: 'to fixer' },
  ),
  span(
    'crewai',
    'crew through OpenLLMetry, which names no model',
    {
      name: 'crewai.workflow',
      scope: 'opentelemetry.instrumentation.crewai',
      attributes: { 'gen_ai.system': 'crewai', 'crewai.crew.result': 'done' },
    },
    { kind: 'agent_run', content: { output: 'done' } },
  ),
  span(
    'semantic-kernel',
    'model call, older names',
    {
      scope: 'Microsoft.SemanticKernel.Connectors.OpenAI',
      attributes: {
        'gen_ai.operation.name': 'chat.completions',
        'gen_ai.request.model': 'm-large',
        'gen_ai.response.prompt_tokens': 30,
        'gen_ai.response.completion_tokens': 9,
      },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9] },
  ),
  span(
    'mlflow',
    'model call',
    {
      attributes: {
        'mlflow.spanType': '"CHAT_MODEL"',
        'mlflow.llm.model': '"m-large"',
        'mlflow.chat.tokenUsage': '{"input_tokens":30,"output_tokens":9,"total_tokens":39}',
      },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9] },
  ),
  span(
    'laminar',
    'model call, content under indexed names',
    {
      attributes: {
        'lmnr.span.type': 'LLM',
        'gen_ai.request.model': 'm-large',
        'gen_ai.prompt.0.content': 'why?',
        'gen_ai.completion.0.content': 'so',
      },
    },
    {
      kind: 'model_call',
      model: 'm-large',
      content: { input: { '0.content': 'why?' }, output: { '0.content': 'so' } },
    },
  ),
  span(
    'mastra',
    'tool of an MCP server, named as the address',
    {
      attributes: {
        'mastra.span.type': 'mcp_tool_call',
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'get_pods',
        'server.address': 'kubernetes',
      },
    },
    { kind: 'tool_call', tool: 'get_pods', role: 'execute', mcpServer: 'kubernetes' },
  ),
  span(
    'strands',
    'tool, content in messages of the latest conventions',
    {
      scope: 'strands.telemetry.tracer',
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'shell',
        'gen_ai.tool.status': 'error',
      },
      events: [
        {
          name: 'gen_ai.client.inference.operation.details',
          attributes: {
            'gen_ai.input.messages': JSON.stringify([
              { role: 'tool', parts: [{ type: 'tool_call', name: 'shell', id: 't1', arguments: { command: 'ls' } }] },
            ]),
          },
        },
        {
          name: 'gen_ai.client.inference.operation.details',
          attributes: {
            'gen_ai.output.messages': JSON.stringify([
              { role: 'tool', parts: [{ type: 'tool_call_response', id: 't1', response: 'two files' }] },
            ]),
          },
        },
      ],
    },
    {
      kind: 'tool_call',
      tool: 'shell',
      role: 'execute',
      outcome: 'error',
      content: { arguments: '{"command":"ls"}', result: 'two files' },
    },
  ),
  span(
    'agentops',
    'tool',
    {
      name: 'get_pods.tool',
      attributes: {
        'agentops.span.kind': 'tool',
        'tool.name': 'get_pods',
        'tool.id': 'call_1',
        'tool.parameters': '{"ns":"shop"}',
        'tool.result': '2 pods',
      },
    },
    genAiToolExpected,
  ),
  span(
    'voltagent',
    'tool',
    {
      name: 'tool.execution:get_pods',
      scope: '@voltagent/core',
      attributes: {
        'span.type': 'tool',
        'entity.type': 'agent',
        'tool.call.id': 'call_1',
        input: '{"ns":"shop"}',
        output: '2 pods',
        'voltagent.conversation_id': 'conv-1',
      },
    },
    { ...genAiToolExpected, conversation: 'conv-1' },
  ),
  span(
    'voltagent',
    'agent',
    { scope: '@voltagent/core', attributes: { 'entity.type': 'agent', 'entity.name': 'triager', input: 'why?' } },
    { kind: 'agent_run', agent: 'triager', content: { input: 'why?' } },
  ),
  span(
    'livekit',
    'tool that failed',
    {
      name: 'function_tool',
      scope: 'livekit-agents',
      attributes: {
        'lk.function_tool.name': 'get_pods',
        'lk.function_tool.id': 'call_1',
        'lk.function_tool.arguments': '{"ns":"shop"}',
        'lk.function_tool.output': '2 pods',
        'lk.function_tool.is_error': true,
      },
    },
    { ...genAiToolExpected, outcome: 'error' },
  ),
  span(
    'flue',
    'tool',
    {
      attributes: {
        'flue.tool.name': 'get_pods',
        'flue.tool.call_id': 'call_1',
        'flue.tool.arguments': '{"ns":"shop"}',
        'flue.tool.result': '2 pods',
      },
    },
    genAiToolExpected,
  ),
  log(
    'agentcore',
    "content split from a tool's span",
    {
      trace: 1,
      span: 1,
      scope: 'strands.telemetry.tracer',
      body: {
        input: { messages: [{ role: 'tool', content: { content: '{"command":"ls"}', id: 't1' } }] },
        output: { messages: [{ role: 'tool', content: { message: 'two files', id: 't1' } }] },
      },
    },
    { kind: 'model_call', content: { arguments: '{"command":"ls"}', result: 'two files' } },
  ),
  log(
    'claude-code',
    'tool_result of an MCP tool by its whole name',
    { body: 'claude_code.tool_result', attributes: { tool_name: 'mcp__k8s__pods_list', success: 'true' } },
    {
      kind: 'tool_call',
      tool: 'mcp__k8s__pods_list',
      role: 'event',
      mcpServer: 'k8s',
      agent: 'claude-code',
      outcome: 'ok',
    },
  ),
  log(
    'claude-code',
    'api_request, most of which the cache had',
    {
      body: 'claude_code.api_request',
      attributes: {
        model: 'm-large',
        input_tokens: '3',
        cache_read_tokens: '20',
        cache_creation_tokens: 7,
        output_tokens: 9,
      },
    },
    { kind: 'model_call', model: 'm-large', tokens: [30, 9], agent: 'claude-code', outcome: 'ok' },
  ),
];

function found(each: Case): Recognised | undefined {
  const signal = each.span === undefined ? 'logs' : 'traces';
  const json = each.span === undefined ? logsOf(each.log ?? {}) : tracesOf(each.span);
  const [record] = selectCandidates(signal, frameOf(signal, json).bytes).records;
  return record === undefined ? undefined : recognise(record);
}

/** A result in the shape of what cases expect, empty fields left out. */
function told(result: Recognised): Record<string, unknown> {
  const { tool, model, tokens } = result;
  const content = Object.fromEntries([...result.content].map(([name, value]) => [name, plain(value)]));
  const all: Record<string, unknown> = {
    kind: result.kind,
    outcome: result.outcome,
    tool: tool?.name,
    callId: tool?.callId,
    role: tool?.role,
    mcpServer: tool?.mcpServer,
    model: model?.name,
    tokens: tokens === null ? undefined : [tokens.input, tokens.output],
    agent: result.agentName,
    conversation: result.conversationId,
    session: result.sessionId,
    content: Object.keys(content).length === 0 ? undefined : content,
    asksFor:
      result.requestedCalls.length === 0
        ? undefined
        : result.requestedCalls.map((call) => `${call.name} ${call.callId}`),
    detail: result.detail,
    references: result.references.size === 0 ? undefined : Object.fromEntries(result.references),
  };
  return withoutEmpty(all);
}

function withoutEmpty(all: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(all).filter(
      ([key, value]) => key === 'kind' || (value !== undefined && value !== null && value !== ''),
    ),
  );
}

describe('a record becomes what its dialect says', () => {
  test.each(CASES.map((each) => [`${each.dialect}: ${each.what}`, each] as const))('%s', (_title, each) => {
    const result = found(each);
    expect(result?.dialect).toBe(each.dialect);
    if (result === undefined) return;
    expect(JSON.parse(JSON.stringify(told(result)))).toEqual(withoutEmpty({ ...each.expected }));
  });

  test('every dialect has a case', () => {
    const tested = new Set(CASES.map((each) => each.dialect));
    expect(DIALECTS.map((dialect) => dialect.name).filter((name) => !tested.has(name))).toEqual([]);
  });

  test('spans of services are of no dialect', () => {
    const json = tracesOf({ name: 'GET /', attributes: { 'http.request.method': 'GET', 'server.address': 'x' } });
    expect(selectCandidates('traces', frameOf('traces', json).bytes)).toEqual({ records: [], naming: [], items: 1 });
  });
});

const START = '<!-- dialects: written by src/evidence/dialects/dialects.test.ts -->';
const END = '<!-- end of dialects -->';

/** One line a case: what was sent in which dialect, and what of it reached the row. */
function dialectTable(): string {
  const lines = [
    '| dialect | record | kind | tool · call id | content | model · tokens | agent · conversation · session |',
    '|---|---|---|---|---|---|---|',
  ];
  const cell = (...values: readonly (string | undefined)[]): string =>
    values.filter(Boolean).join(' · ').replaceAll('|', '\\|');
  for (const { dialect, what, log: record, expected } of CASES) {
    lines.push(
      `| ${[
        dialect,
        `${record === undefined ? 'span' : 'log'}: ${cell(what)}`,
        `${expected.kind ?? 'no row'}${expected.outcome === 'ok' || expected.outcome === 'unknown' || expected.outcome === undefined ? '' : ` (${expected.outcome})`}`,
        cell(expected.tool && 'tool', expected.callId && 'call id', expected.mcpServer && 'MCP server'),
        cell(
          ...Object.keys(expected.content ?? {}),
          expected.asksFor && 'calls asked for',
          expected.references && 'references',
        ),
        cell(expected.model && 'model', expected.tokens && 'tokens'),
        cell(expected.agent && 'agent', expected.conversation && 'conversation', expected.session && 'session'),
      ].join(' | ')} |`,
    );
  }
  return lines.join('\n');
}

test('the table of dialects in docs/spec/evidence.md is the one these cases give (vitest -u writes it)', async () => {
  const path = join(import.meta.dirname, '..', '..', '..', 'docs', 'spec', 'evidence.md');
  const page = readFileSync(path, 'utf8');
  const [before, after] = [page.indexOf(START), page.indexOf(END)];
  expect(before).toBeGreaterThan(0);
  expect(after).toBeGreaterThan(before);
  const expected = `${page.slice(0, before)}${START}\n\n${dialectTable()}\n\n${page.slice(after)}`;
  await expect(expected).toMatchFileSnapshot(path);
});
