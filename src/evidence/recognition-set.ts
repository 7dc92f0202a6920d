/**
 * What makes a record worth decoding: attribute keys, scope names and event names that only agents' telemetry has, plus
 * the keys that name an incident. Kept wide on purpose: a false candidate costs a decode, a missed one costs the evidence.
 */

/** Attributes by which a record names an incident. */
export const INCIDENT_REF_KEYS = ['incident.id', 'docket.incident.id'] as const;

/** Prefixes of attribute keys (a whole key is a prefix of itself). */
export const AGENT_KEY_PREFIXES = [
  'gen_ai.',
  'openinference.span.kind',
  'traceloop.',
  'langfuse.',
  'langsmith.',
  'ai.',
  'mcp.',
  'llm.',
  'tool.name',
  'mastra.span.type',
  'lmnr.',
  'genkit:',
  'mlflow.span',
  'agentops.',
  'lk.',
  'flue.',
  'voltagent.',
  'pydantic_ai.',
  'gcp.vertex.agent.',
  'crewai.',
  'agent_framework.',
  'agent_name',
] as const;

/** Prefixes of scope names whose every record is decoded. */
export const AGENT_SCOPE_PREFIXES = [
  'openinference.',
  '@arizeai/',
  'traceloop',
  '@traceloop/',
  'langfuse',
  'langsmith',
  'pydantic-ai',
  'logfire.',
  'gcp.vertex.agent',
  'com.anthropic.claude_code',
  'strands.',
  'agent_framework',
  'Experimental.Microsoft.',
  'Microsoft.SemanticKernel',
  'semantic_kernel',
  'autogen',
  'openlit',
  'livekit-agents',
  '@voltagent/',
  'gemini-cli',
  'codex_otel',
  'mastra',
  'crewai',
  'llama-index',
  'llama_index',
  // Scopes whose log records hold the content that was moved out of spans.
  'opentelemetry.instrumentation.langchain',
  'opentelemetry.instrumentation.crewai',
  'opentelemetry.instrumentation.llamaindex',
] as const;

/** Prefixes of a log record's event name (or of its body, when that is text). */
export const AGENT_EVENT_PREFIXES = ['gen_ai.', 'claude_code.', 'codex.', 'gemini_cli.', 'alert.'] as const;

/** Keys that say that a record is about an exception. */
export const EXCEPTION_KEYS = ['exception.type', 'exception.message'] as const;
