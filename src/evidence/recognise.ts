import { agentCore } from './dialects/agentcore.ts';
import { agentOps } from './dialects/agentops.ts';
import { alert } from './dialects/alert.ts';
import { autogen } from './dialects/autogen.ts';
import { claudeCode } from './dialects/claude-code.ts';
import { codex } from './dialects/codex.ts';
import { crewAi } from './dialects/crewai.ts';
import { flue } from './dialects/flue.ts';
import { geminiCli } from './dialects/gemini-cli.ts';
import { genkit } from './dialects/genkit.ts';
import { googleAdk } from './dialects/google-adk.ts';
import { laminar } from './dialects/laminar.ts';
import { langfuse } from './dialects/langfuse.ts';
import { langsmith } from './dialects/langsmith.ts';
import { liveKit } from './dialects/livekit.ts';
import { llamaIndex } from './dialects/llamaindex.ts';
import { logfire } from './dialects/logfire.ts';
import { mastra } from './dialects/mastra.ts';
import { mlflow } from './dialects/mlflow.ts';
import { msAgentFramework } from './dialects/ms-agent-framework.ts';
import { openAiAgents } from './dialects/openai-agents.ts';
import { openInference } from './dialects/openinference.ts';
import { openLit } from './dialects/openlit.ts';
import { openLlmetry } from './dialects/openllmetry.ts';
import { otelGenAi } from './dialects/otel-genai.ts';
import { pydanticAi } from './dialects/pydantic-ai.ts';
import { semanticKernel } from './dialects/semantic-kernel.ts';
import { strands } from './dialects/strands.ts';
import { vercelAi } from './dialects/vercel-ai.ts';
import { voltAgent } from './dialects/voltagent.ts';
import type { Dialect, Recognised } from './recognised.ts';
import type { TelemetryRecord } from './telemetry-record.ts';

/**
 * Every dialect in the order they are asked; the first that knows a record says what it is. Explicit span kinds come first
 * (Langfuse, OpenInference, OpenLLMetry: the Collector's GenAI normaliser rewrites the last one lossily), then what
 * speaks GenAI with an accent, then types of their own, and plain GenAI, MCP and bare model names last. CrewAI and
 * LlamaIndex stand before the dialects that carry them, and leave the kind to those.
 */
export const DIALECTS: readonly Dialect[] = [
  langfuse,
  crewAi,
  llamaIndex,
  openInference,
  openLlmetry,
  claudeCode,
  codex,
  geminiCli,
  vercelAi,
  langsmith,
  mastra,
  laminar,
  genkit,
  mlflow,
  agentOps,
  voltAgent,
  liveKit,
  flue,
  pydanticAi,
  openAiAgents,
  logfire,
  googleAdk,
  strands,
  msAgentFramework,
  semanticKernel,
  autogen,
  openLit,
  otelGenAi,
  agentCore,
  alert,
];

/** What a record is, undefined when no dialect knows it. */
export function recognise(record: TelemetryRecord): Recognised | undefined {
  for (const dialect of DIALECTS) {
    const found = dialect.recognise(record);
    if (found !== undefined) return found;
  }
  return undefined;
}
