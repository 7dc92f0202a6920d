/**
 * Names of the OpenTelemetry GenAI and MCP conventions that evidence reads, v1.41.1 of the semantic conventions and the
 * semantic-conventions-genai repository after it. Every one is in "Development" status; `@opentelemetry/semantic-conventions`
 * lacks the newest, so they are kept here. Deprecated names stand beside the current ones, current first.
 */
export const GEN_AI = {
  operationName: 'gen_ai.operation.name',
  agentName: 'gen_ai.agent.name',
  agentId: 'gen_ai.agent.id',
  conversationId: 'gen_ai.conversation.id',
  workflowName: 'gen_ai.workflow.name',
  dataSourceId: 'gen_ai.data_source.id',
  provider: ['gen_ai.provider.name', 'gen_ai.system'],
  model: ['gen_ai.response.model', 'gen_ai.request.model'],
  inputTokens: ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens', 'gen_ai.response.prompt_tokens'],
  outputTokens: ['gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens', 'gen_ai.response.completion_tokens'],
  toolName: 'gen_ai.tool.name',
  toolCallId: 'gen_ai.tool.call.id',
  toolType: 'gen_ai.tool.type',
  toolArguments: 'gen_ai.tool.call.arguments',
  toolResult: 'gen_ai.tool.call.result',
  inputMessages: 'gen_ai.input.messages',
  outputMessages: 'gen_ai.output.messages',
  systemInstructions: 'gen_ai.system_instructions',
  retrievalQuery: 'gen_ai.retrieval.query.text',
  retrievalDocuments: 'gen_ai.retrieval.documents',
  memoryQuery: 'gen_ai.memory.query.text',
  memoryRecords: 'gen_ai.memory.records',
  /** Proposed: who hands over to whom, as an agent's name or under `.name`. */
  handoffFrom: ['gen_ai.handoff.from_agent', 'gen_ai.handoff.from_agent.name'],
  handoffTo: ['gen_ai.handoff.to_agent', 'gen_ai.handoff.to_agent.name'],
  /** Traceloop's, and the proposed one. */
  guardrailName: ['gen_ai.guardrail.name', 'gen_ai.guardrail.component.name'],
  guardrailVerdict: ['gen_ai.guardrail.status', 'gen_ai.guardrail.verdict.type'],
  /** Deprecated: whole prompt and completion as one JSON string, or indexed (`gen_ai.prompt.0.content`). */
  prompt: 'gen_ai.prompt',
  completion: 'gen_ai.completion',
} as const;

export const MCP = {
  methodName: 'mcp.method.name',
  sessionId: 'mcp.session.id',
} as const;

export const GEN_AI_EVENT = {
  inferenceDetails: 'gen_ai.client.inference.operation.details',
  evaluationResult: 'gen_ai.evaluation.result',
  operationException: 'gen_ai.client.operation.exception',
} as const;

/** Where content was uploaded to instead of being sent. */
export const GEN_AI_REFERENCES: Readonly<Record<string, string>> = {
  'gen_ai.input.messages_ref': 'input',
  'gen_ai.output.messages_ref': 'output',
  'gen_ai.system_instructions_ref': 'instructions',
  'gen_ai.tool.definitions_ref': 'tools',
};

export type GenAiOperation =
  | 'model'
  | 'embedding'
  | 'retrieval'
  | 'rerank'
  | 'tool'
  | 'agent'
  | 'workflow'
  | 'step'
  | 'memory'
  | 'guardrail'
  | 'handoff';

/** `gen_ai.operation.name` (lower case) to what it is: the standard's values, then those emitters invented. */
export const GEN_AI_OPERATIONS: ReadonlyMap<string, GenAiOperation> = new Map([
  ['chat', 'model'],
  ['generate_content', 'model'],
  ['text_completion', 'model'],
  ['embeddings', 'embedding'],
  ['retrieval', 'retrieval'],
  ['execute_tool', 'tool'],
  ['create_agent', 'agent'],
  ['invoke_agent', 'agent'],
  ['invoke_workflow', 'workflow'],
  ['plan', 'step'],
  ['create_memory_store', 'memory'],
  ['search_memory', 'memory'],
  ['create_memory', 'memory'],
  ['update_memory', 'memory'],
  ['upsert_memory', 'memory'],
  ['delete_memory', 'memory'],
  ['delete_memory_store', 'memory'],
  ['completion', 'model'],
  ['chat.completions', 'model'],
  ['text.completions', 'model'],
  ['generate', 'model'],
  ['generate_text', 'model'],
  ['responses', 'model'],
  ['llm_request', 'model'],
  ['llm_call', 'model'],
  ['embedding', 'embedding'],
  ['rerank', 'rerank'],
  ['vector_db_retrieve', 'retrieval'],
  ['tool_call', 'tool'],
  ['agent_call', 'agent'],
  ['agent_step', 'step'],
  ['execute_task', 'step'],
  ['execute_event_loop_cycle', 'step'],
  ['chain', 'step'],
  ['schedule_tool_calls', 'step'],
  ['user_prompt', 'step'],
  ['system_prompt', 'step'],
  ['run_guardrail', 'guardrail'],
  ['guardrail', 'guardrail'],
  ['guardrail_check', 'guardrail'],
  ['guardrail.run', 'guardrail'],
  // One of the guards that a `guardrail.run` sums up.
  ['guard', 'step'],
  ['handoff', 'handoff'],
  ['agent_handoff', 'handoff'],
]);
