/**
 * Attribute keys that may carry prompts, completions, tool arguments and results, retrieved documents, memory, and the
 * keys of ordinary semantic conventions that often quote them. One list over the dialects Docket knows: OpenTelemetry
 * GenAI (current and before 1.37), OpenLLMetry, OpenInference, Vercel AI SDK, Langfuse, LangSmith, Pydantic AI and
 * Logfire, Google ADK, Strands, Semantic Kernel, Mastra, CrewAI, MLflow, Laminar, Genkit, LiveKit, AgentOps, OpenLIT, and the
 * log events of Claude Code, Codex CLI and Gemini CLI. Names come from those projects' documentation and sources.
 */

/** What kind of content a key carries. Dots make a hierarchy: `messages.input` is under `messages`. */
export type ContentClass =
  | 'messages.input'
  | 'messages.output'
  | 'messages.event'
  | 'messages.all'
  | 'messages.raw'
  | 'system_prompt'
  | 'prompt.template'
  | 'tool.arguments'
  | 'tool.result'
  | 'tool.definitions'
  | 'tool.description'
  | 'retrieval.query'
  | 'retrieval.documents'
  | 'memory'
  | 'entity.io'
  | 'agent.io'
  | 'guardrail.io'
  | 'vector.content'
  | 'embedding.text'
  | 'embedding.vector'
  | 'evaluation.text'
  | 'error.text'
  | 'log.message'
  | 'log.original'
  | 'user.metadata'
  | 'params'
  | 'headers'
  | 'url'
  | 'http.body'
  | 'graphql'
  | 'db.query'
  | 'db.params'
  | 'db.secret'
  | 'process'
  | 'messaging'
  | 'mcp'
  | 'feature_flag'
  | 'workflow.definition'
  | 'k8s.annotations'
  | 'vcs.text'
  | 'network.address'
  | 'stop_sequences'
  | 'content.reference'
  | 'identifier'
  | 'pii'
  | 'pii.pseudonymous';

export interface ContentKey {
  readonly class: ContentClass;
  /** The name is too general to mean content by itself: it counts only in a record an agent framework wrote. */
  readonly agentOnly: boolean;
}

interface KeyGroup {
  readonly match: 'exact' | 'prefix';
  readonly class: ContentClass;
  readonly agentOnly: boolean;
  readonly keys: readonly string[];
}

const GROUPS: readonly KeyGroup[] = [
  {
    match: 'exact',
    class: 'messages.input',
    agentOnly: false,
    keys: [
      'gen_ai.input.messages',
      'gen_ai.prompt',
      'llm.function_call',
      'ai.prompt',
      'ai.prompt.messages',
      'ai.value',
      'ai.values',
      'ai.documents',
      'ai.schema',
      'gcp.vertex.agent.llm_request',
      'gcp.vertex.agent.data',
      'user_prompt',
      'response.model_output',
      'request_text',
      'hook_input',
      'hook_output',
    ],
  },
  {
    match: 'exact',
    class: 'messages.output',
    agentOnly: false,
    keys: [
      'gen_ai.output.messages',
      'gen_ai.completion',
      'gen_ai.completion.chunk',
      'llm.content.completion.chunk',
      'gen_ai.content.completion.chunk',
      'ai.response.text',
      'ai.response.object',
      'ai.response.toolCalls',
      'ai.response.reasoning',
      'ai.response.files',
      'ai.result.text',
      'ai.result.object',
      'ai.result.toolCalls',
      'ai.ranking',
      'gcp.vertex.agent.llm_response',
      'response_text',
    ],
  },
  {
    match: 'exact',
    class: 'system_prompt',
    agentOnly: false,
    keys: ['gen_ai.system_instructions', 'system_prompt_preview', 'lk.instructions', 'gen_ai.agent.instructions'],
  },
  {
    match: 'exact',
    class: 'tool.arguments',
    agentOnly: false,
    keys: [
      'gen_ai.tool.call.arguments',
      'mcp.request.argument',
      'tool.parameters',
      'ai.toolCall.args',
      'tool_arguments',
      'gcp.vertex.agent.tool_call_args',
      'tool_input',
      'tool_parameters',
      'full_command',
      'bash_command',
      'function_args',
      'lk.function_tool.arguments',
      'flue.tool.arguments',
      'gen_ai.agent.action.tool_input',
      'gen_ai.browser.action.value',
    ],
  },
  {
    match: 'exact',
    class: 'tool.result',
    agentOnly: false,
    keys: [
      'gen_ai.tool.call.result',
      'mcp.response.value',
      'ai.toolCall.result',
      'tool_response',
      'gcp.vertex.agent.tool_response',
      'tool.result',
      'lk.function_tool.output',
      'flue.tool.result',
      'gen_ai.agent.tool_results',
      'gen_ai.browser.console.logs',
    ],
  },
  {
    match: 'exact',
    class: 'tool.definitions',
    agentOnly: false,
    keys: [
      'gen_ai.tool.definitions',
      'gen_ai.request.structured_output_schema',
      'tool.json_schema',
      'ai.prompt.tools',
      'sk.available_functions',
    ],
  },
  {
    match: 'exact',
    class: 'tool.description',
    agentOnly: false,
    keys: [
      'gen_ai.tool.description',
      'gen_ai.agent.description',
      'tool.description',
      'gen_ai.serialized.doc',
      'gen_ai.serialized.signature',
    ],
  },
  {
    match: 'exact',
    class: 'retrieval.query',
    agentOnly: false,
    keys: [
      'gen_ai.retrieval.query.text',
      'adk.experimental.grounding.web_search_queries',
      'adk.experimental.grounding.source_uris',
    ],
  },
  {
    match: 'exact',
    class: 'retrieval.documents',
    agentOnly: false,
    keys: ['gen_ai.retrieval.documents', 'reranker.query'],
  },
  { match: 'exact', class: 'memory', agentOnly: false, keys: ['gen_ai.memory.records', 'gen_ai.memory.query.text'] },
  {
    match: 'exact',
    class: 'evaluation.text',
    agentOnly: false,
    keys: ['gen_ai.evaluation.explanation', 'gen_ai.prompt.prompt_filter_results'],
  },
  {
    match: 'exact',
    class: 'stop_sequences',
    agentOnly: false,
    keys: ['gen_ai.request.stop_sequences', 'gen_ai.openai.request.stop'],
  },
  {
    match: 'exact',
    class: 'content.reference',
    agentOnly: false,
    keys: [
      'gen_ai.input.messages_ref',
      'gen_ai.output.messages_ref',
      'gen_ai.system_instructions_ref',
      'gen_ai.tool.definitions_ref',
    ],
  },
  {
    match: 'exact',
    class: 'messages.event',
    agentOnly: false,
    keys: [
      'gen_ai.system.message',
      'gen_ai.user.message',
      'gen_ai.assistant.message',
      'gen_ai.tool.message',
      'gen_ai.choice',
      'gen_ai.content.prompt',
      'gen_ai.content.completion',
      'gen_ai.content.reasoning',
      'gen_ai.event.content',
    ],
  },
  {
    match: 'exact',
    class: 'entity.io',
    agentOnly: false,
    keys: [
      'traceloop.entity.input',
      'traceloop.entity.output',
      'input.value',
      'output.value',
      'langfuse.trace.input',
      'langfuse.trace.output',
      'langfuse.observation.input',
      'langfuse.observation.output',
      'langfuse.experiment.item.expected_output',
      'langfuse.experiment.item.metadata',
      'mlflow.spanInputs',
      'mlflow.spanOutputs',
      'lmnr.span.input',
      'lmnr.span.output',
      'genkit:input',
      'genkit:output',
      'lk.input_text',
      'lk.user_transcript',
      'lk.chat_ctx',
      'lk.user_input',
      'lk.response.text',
      'flue.turn.input',
      'flue.turn.output',
      'flue.task.prompt',
      'flue.task.result',
      'flue.operation.result',
      'flue.workflow.payload',
      'flue.workflow.result',
      'agent.messages',
      'llm.messages',
      'agentops.entity.input',
      'agentops.entity.output',
      'agent.reasoning',
      'agent.thinking',
    ],
  },
  {
    match: 'exact',
    class: 'prompt.template',
    agentOnly: false,
    keys: [
      'traceloop.prompt.template',
      'traceloop.prompt.template_variables',
      'llm.prompt_template.template',
      'llm.prompt_template.variables',
    ],
  },
  {
    match: 'prefix',
    class: 'user.metadata',
    agentOnly: false,
    keys: [
      'traceloop.association.properties',
      'ai.telemetry.metadata.',
      'ai.settings.context.',
      'langfuse.trace.metadata',
      'langfuse.observation.metadata',
      'langfuse.metadata',
      'langsmith.metadata',
    ],
  },
  {
    match: 'exact',
    class: 'pii.pseudonymous',
    agentOnly: false,
    keys: [
      'llm.user',
      'gen_ai.user',
      'enduser.id',
      'user.id',
      'session.id',
      'enduser.pseudo.id',
      'session.previous_id',
    ],
  },
  {
    match: 'prefix',
    class: 'tool.definitions',
    agentOnly: false,
    keys: ['llm.request.functions', 'gen_ai.request.functions', 'llm.tools'],
  },
  {
    match: 'exact',
    class: 'headers',
    agentOnly: false,
    keys: ['llm.headers', 'gen_ai.headers', 'gen_ai.request.headers', 'langsmith.request.headers'],
  },
  {
    match: 'exact',
    class: 'params',
    agentOnly: false,
    keys: [
      'mcp.session.init_options',
      'llm.invocation_parameters',
      'embedding.invocation_parameters',
      'model_request_parameters',
    ],
  },
  {
    match: 'exact',
    class: 'vector.content',
    agentOnly: false,
    keys: [
      'db.query.result.document',
      'db.query.result.metadata',
      'db.search.result.entity',
      'db.marqo.search.query',
      'pinecone.query.filter',
      'pinecone.query.queries',
    ],
  },
  {
    match: 'exact',
    class: 'embedding.vector',
    agentOnly: false,
    keys: [
      'db.query.embeddings.vector',
      'db.query.result.vector',
      'db.search.embeddings.vector',
      'db.vector.query.embeddings.vector',
      'ai.embedding',
      'ai.embeddings',
    ],
  },
  {
    match: 'exact',
    class: 'agent.io',
    agentOnly: false,
    keys: [
      'crewai.crew.tasks_output',
      'crewai.crew.result',
      'crewai.crew.inputs',
      'crewai.agent.goal',
      'crewai.agent.backstory',
      'crewai.task.description',
      'crewai.task.expected_output',
      'crewai.task.context',
      'gen_ai.task.input',
      'gen_ai.task.output',
      'gen_ai.agent.actual_output',
      'gen_ai.agent.human_input',
      'gen_ai.content.revised_prompt',
      'gen_ai.agent.action.log',
      'gen_ai.agent.finish.output',
      'gen_ai.agent.finish.log',
      'gen_ai.agent.context',
      'gen_ai.agent.goal',
      'gen_ai.agent.thinking',
      'gen_ai.agent.step_messages',
      'gen_ai.agent.final_result',
      'gen_ai.execution.input',
      'gen_ai.execution.output',
      'gen_ai.extraction.instruction',
    ],
  },
  {
    match: 'exact',
    class: 'guardrail.io',
    agentOnly: false,
    keys: ['gen_ai.guardrail.input', 'gen_ai.guardrail.output'],
  },
  {
    match: 'exact',
    class: 'error.text',
    agentOnly: false,
    keys: [
      'gen_ai.guardrail.error.message',
      'langfuse.observation.status_message',
      'exception.message',
      'exception.stacktrace',
      'error.message',
      'feature_flag.error.message',
      'rpc.jsonrpc.error_message',
      'build.error.message',
      'otel.status_description',
    ],
  },
  { match: 'exact', class: 'user.metadata', agentOnly: true, keys: ['metadata'] },
  {
    match: 'exact',
    class: 'user.metadata',
    agentOnly: false,
    keys: [
      'tag.tags',
      'ai.response.providerMetadata',
      'langsmith.span.tags',
      'gen_ai.request.extra_query',
      'gen_ai.request.extra_body',
      'pydantic_ai.tool.deferral.metadata',
      'gen_ai.agent.tools',
    ],
  },
  {
    match: 'prefix',
    class: 'headers',
    agentOnly: false,
    keys: [
      'ai.request.headers.',
      'http.request.header.',
      'http.response.header.',
      'rpc.request.metadata.',
      'rpc.response.metadata.',
      'rpc.grpc.request.metadata.',
      'rpc.grpc.response.metadata.',
      'rpc.connect_rpc.request.metadata.',
      'rpc.connect_rpc.response.metadata.',
    ],
  },
  {
    match: 'exact',
    class: 'messages.all',
    agentOnly: false,
    keys: ['pydantic_ai.all_messages', 'all_messages_events'],
  },
  {
    match: 'exact',
    class: 'messages.all',
    agentOnly: true,
    keys: [
      'final_result',
      'request_data',
      'response_data',
      'events',
      'prompt',
      'raw_input',
      'response',
      'request',
      'data',
      'mcp_data',
    ],
  },
  { match: 'exact', class: 'tool.definitions', agentOnly: true, keys: ['tools', 'hook_definitions'] },
  { match: 'exact', class: 'params', agentOnly: true, keys: ['model_config'] },
  {
    match: 'exact',
    class: 'log.message',
    agentOnly: false,
    keys: ['logfire.msg', 'logfire.metrics', 'exception.logfire.data', 'logfire.feedback.comment'],
  },
  { match: 'exact', class: 'messages.event', agentOnly: true, keys: ['content', 'message'] },
  { match: 'exact', class: 'system_prompt', agentOnly: true, keys: ['system_prompt'] },
  {
    match: 'exact',
    class: 'workflow.definition',
    agentOnly: false,
    keys: ['workflow.definition', 'workflow_builder.description', 'workflow.description'],
  },
  { match: 'exact', class: 'messages.input', agentOnly: true, keys: ['new_context'] },
  { match: 'exact', class: 'tool.arguments', agentOnly: true, keys: ['file_path', 'arguments'] },
  {
    match: 'exact',
    class: 'identifier',
    agentOnly: true,
    keys: ['skill_name', 'subagent_type', 'organization.id', 'public_key'],
  },
  { match: 'exact', class: 'tool.result', agentOnly: true, keys: ['diff'] },
  { match: 'exact', class: 'error.text', agentOnly: true, keys: ['error', 'error_message', 'error.message'] },
  { match: 'exact', class: 'pii', agentOnly: false, keys: ['user.email', 'user.full_name', 'user.name'] },
  {
    match: 'exact',
    class: 'identifier',
    agentOnly: false,
    keys: ['user.account_uuid', 'user.account_id', 'db.user', 'user.hash', 'device.id'],
  },
  { match: 'exact', class: 'messages.raw', agentOnly: true, keys: ['body', 'request_body', 'response_body'] },
  { match: 'exact', class: 'messages.output', agentOnly: true, keys: ['reasoning'] },
  { match: 'exact', class: 'db.query', agentOnly: false, keys: ['db.query.text', 'db.statement'] },
  {
    match: 'prefix',
    class: 'db.params',
    agentOnly: false,
    keys: ['db.query.parameter.', 'db.operation.parameter.', 'db.elasticsearch.path_parts.'],
  },
  { match: 'exact', class: 'db.secret', agentOnly: false, keys: ['db.connection_string'] },
  {
    match: 'exact',
    class: 'http.body',
    agentOnly: false,
    keys: ['http.request.body.content', 'http.response.body.content', 'http.request.body', 'http.response.body'],
  },
  {
    match: 'exact',
    class: 'url',
    agentOnly: false,
    keys: [
      'url.full',
      'url.query',
      'url.original',
      'url.fragment',
      'http.url',
      'http.target',
      'browser.document.url.full',
    ],
  },
  { match: 'exact', class: 'graphql', agentOnly: false, keys: ['graphql.document'] },
  {
    match: 'exact',
    class: 'network.address',
    agentOnly: false,
    keys: ['client.address', 'source.address', 'network.peer.address', 'host.ip', 'host.mac'],
  },
  {
    match: 'exact',
    class: 'process',
    agentOnly: false,
    keys: ['process.command_args', 'process.command_line', 'process.command', 'process.working_directory'],
  },
  { match: 'prefix', class: 'process', agentOnly: false, keys: ['process.environment_variable.'] },
  {
    match: 'exact',
    class: 'feature_flag',
    agentOnly: false,
    keys: ['feature_flag.result.value', 'feature_flag.context.id'],
  },
  {
    match: 'exact',
    class: 'messaging',
    agentOnly: false,
    keys: ['messaging.kafka.message.key', 'messaging.rocketmq.message.keys'],
  },
  { match: 'exact', class: 'vcs.text', agentOnly: false, keys: ['vcs.change.title'] },
  { match: 'exact', class: 'log.original', agentOnly: false, keys: ['log.record.original'] },
  { match: 'exact', class: 'mcp', agentOnly: false, keys: ['mcp.resource.uri'] },
  { match: 'exact', class: 'agent.io', agentOnly: true, keys: ['thought', 'history', 'event_body'] },
  { match: 'exact', class: 'entity.io', agentOnly: true, keys: ['input', 'output', 'result'] },
];

interface KeyPattern {
  readonly pattern: RegExp;
  readonly class: ContentClass;
}

const PATTERNS: readonly KeyPattern[] = [
  { pattern: /^gen_ai\.prompt\.\d+\..+$/, class: 'messages.input' },
  {
    pattern:
      /^llm\.input_messages\.\d+\.message\.(content|contents\..+|function_call_arguments_json|tool_calls\.\d+\.tool_call\.function\.arguments)$/,
    class: 'messages.input',
  },
  { pattern: /^llm\.(prompts|choices)(\..+)?$/, class: 'messages.input' },
  { pattern: /^gen_ai\.completion\.\d+\..+$/, class: 'messages.output' },
  {
    pattern:
      /^llm\.output_messages\.\d+\.message\.(content|contents\..+|function_call_arguments_json|tool_calls\.\d+\.tool_call\.function\.arguments)$/,
    class: 'messages.output',
  },
  { pattern: /^db\.vector\.query\.result\.\d+\.metadata$/, class: 'vector.content' },
  { pattern: /^db\.chroma\.(query|get|delete)\.where(_document)?$/, class: 'vector.content' },
  { pattern: /^db\.milvus\.(query|search|delete)\.filter$/, class: 'vector.content' },
  {
    pattern: /^(retrieval\.documents|reranker\.(input|output)_documents)\.\d+\.document\.(content|metadata)$/,
    class: 'retrieval.documents',
  },
  { pattern: /^embedding\.embeddings\.\d+\.embedding\.text$/, class: 'embedding.text' },
  { pattern: /^embedding\.embeddings\.\d+\.embedding\.vector$/, class: 'embedding.vector' },
  {
    pattern:
      /^(annotations|evaluations|trace\.(annotations|evaluations)|session\.(annotations|evaluations))\..*\.(explanation|metadata)$/,
    class: 'evaluation.text',
  },
  { pattern: /^mastra\.[a-z_]+\.(input|output)$/, class: 'entity.io' },
  { pattern: /^agentops\.(agent|tool|task|workflow|session)\.(input|output|spec)$/, class: 'entity.io' },
  { pattern: /^k8s\.[a-z]+\.(annotation|label)\..+$/, class: 'k8s.annotations' },
];

/** Members of indexed messages that name parts and never hold text: `gen_ai.prompt.0.role`, `…tool_calls.0.id`. */
const STRUCTURAL =
  /^gen_ai\.(prompt|completion)\.\d+\.(role|finish_reason|tool_call_id|tool_calls\.\d+\.(id|name|type))$/;

/** Longer keys are looked up by exact name and prefix only, which bounds what the patterns cost. */
const PATTERN_KEY_LENGTH_MAX = 512;

const EXACT: ReadonlyMap<string, ContentKey> = (() => {
  const exact = new Map<string, ContentKey>();
  for (const group of GROUPS) {
    if (group.match !== 'exact') continue;
    for (const key of group.keys) {
      // A name that is content everywhere outranks the same name under a dialect.
      if (exact.get(key)?.agentOnly === false) continue;
      exact.set(key, { class: group.class, agentOnly: group.agentOnly });
    }
  }
  return exact;
})();

const PREFIXES = GROUPS.filter((group) => group.match === 'prefix').flatMap((group) =>
  group.keys.map((prefix) => ({ prefix, key: { class: group.class, agentOnly: group.agentOnly } })),
);

/** The content a key carries by its name, or undefined for an ordinary key. Pure; cost is bounded by the key's length. */
export function contentKey(key: string): ContentKey | undefined {
  const exact = EXACT.get(key);
  if (exact !== undefined) return exact;
  for (const { prefix, key: found } of PREFIXES) {
    if (key.startsWith(prefix)) return found;
  }
  if (key.length > PATTERN_KEY_LENGTH_MAX || STRUCTURAL.test(key)) return undefined;
  for (const { pattern, class: contentClass } of PATTERNS) {
    if (pattern.test(key)) return { class: contentClass, agentOnly: false };
  }
  return undefined;
}

/** Instrumentation scopes of agent frameworks, LLM clients and their tracers. */
const AGENT_SCOPE =
  /gen_?ai|llm|openinference|traceloop|openllmetry|langfuse|langsmith|langchain|langgraph|llama[-_]?index|logfire|pydantic[-_.]?ai|\bai\b|openai|anthropic|claude|codex|gemini|vertex|bedrock|mistral|cohere|ollama|litellm|strands|agentcore|semantic[-_.]?kernel|agent[-_.]?framework|agents?\b|mastra|crew[-_.]?ai|autogen|haystack|dspy|genkit|livekit|laminar|lmnr|agentops|openlit|voltagent|beeai|flue|mcp\b|gcp\.vertex/i;

/** True when the instrumentation scope's name says that its records come from an agent framework. */
export function isAgentScope(name: string): boolean {
  return name.length <= PATTERN_KEY_LENGTH_MAX && AGENT_SCOPE.test(name);
}

const AGENT_NAME = /^(gen_ai|claude_code|codex|gemini_cli|qwen-code|llm|traceloop|openinference|langfuse|mcp|ai)\./;

/** True when an attribute key, an event name or a span name belongs to an agent dialect's own namespace. */
export function isAgentName(name: string): boolean {
  return AGENT_NAME.test(name);
}
