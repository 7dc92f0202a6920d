import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { metrics } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import { frameOf, LinkerHarness } from '../../test/support/linker-harness.ts';
import { sharedData } from '../../test/support/shared-data.ts';
import type { SpooledFrame } from '../pipeline/frame.ts';
import type { EvidenceRow } from '../record/evidence.ts';
import { defaultPolicy } from '../redaction/policy-file.ts';
import { createRedactor } from '../redaction/redactor.ts';
import { createLogger } from '../telemetry/logger.ts';

/** Recorded telemetry through the real redactor under the default policy, then through the linker. */
const redactor = createRedactor({
  policy: defaultPolicy(),
  fingerprintKey: Buffer.alloc(32, 7),
  fingerprintKeyId: 'k1',
  meter: metrics.getMeter('test'),
  logger: createLogger('silent'),
});

function redacted(json: object): SpooledFrame {
  const signal = 'resourceLogs' in json ? 'logs' : 'traces';
  const raw = frameOf(signal, json);
  const frame = redactor.redact({
    tenant: raw.tenant,
    signal,
    bytes: raw.bytes,
    items: 0,
    receivedAtUnixNano: raw.receivedAtUnixNano,
  });
  return { ...frame, contentHash: createHash('sha256').update(frame.bytes).digest('hex') };
}

interface Scenario {
  readonly expected: {
    readonly tool_call_span_ids?: readonly string[];
    readonly production_mutation_span_ids?: readonly string[];
  };
}

function read(...path: string[]): unknown {
  return JSON.parse(readFileSync(sharedData.path(...path), 'utf8'));
}

const scenarios = sharedData.present
  ? readdirSync(sharedData.path('incidents')).filter((name) =>
      existsSync(sharedData.path('incidents', name, 'scenario.json')),
    )
  : [];

/** The rows that report a span. */
function rowsOf(rows: readonly EvidenceRow[], spanId: string): readonly EvidenceRow[] {
  return rows.filter((row) => row.source.spanId === spanId || row.source.alsoSeenAs.includes(spanId));
}

describe.skipIf(!sharedData.present)('recorded incidents', () => {
  test.each(scenarios)('%s: every expected tool call is one row, every mutation has tier mutate', async (name) => {
    const { expected } = read('incidents', name, 'scenario.json') as Scenario;
    const harness = new LinkerHarness();
    await harness.consume([redacted(read('incidents', name, 'traces.otlp.json') as object)]);
    const calls = harness.evidence.of('').filter((row) => row.kind === 'tool_call');
    for (const spanId of expected.tool_call_span_ids ?? []) expect(rowsOf(calls, spanId), spanId).toHaveLength(1);
    expect(calls).toHaveLength(expected.tool_call_span_ids?.length ?? 0);
    for (const spanId of expected.production_mutation_span_ids ?? []) {
      expect(rowsOf(calls, spanId)[0]?.tool?.tier, spanId).toBe('mutate');
    }
    // A brief that calls looking a change hides the change: the others are at most posts to an address nobody knows.
    for (const row of calls) {
      if (row.tool?.tier !== 'mutate' || expected.production_mutation_span_ids?.includes(row.source.spanId)) continue;
      expect(`${row.tool.tierRule} ${row.summary}`).toMatch(/^shell\.curl .*-X POST http:\/\/[\w.:]+\/submit /);
    }
    for (const row of calls) {
      expect(row.content['arguments']?.captured).toBe(true);
      expect(row.content['arguments']?.digest).toMatch(/^hmac:k1:/);
      expect(row.actor.kind).toBe('agent');
    }
  });

  test('prompts and answers are withheld, their size and digest kept', async () => {
    const harness = new LinkerHarness();
    await harness.consume([redacted(read('incidents', 'sregym-portconflict-codex', 'traces.otlp.json') as object)]);
    const answers = harness.evidence
      .of('')
      .filter((row) => row.kind === 'model_call')
      .map((row) => row.content['output']);
    const captured = answers.filter((content) => content?.captured === true);
    expect(captured.length).toBeGreaterThan(0);
    for (const content of captured) {
      expect(content?.value).toBeNull();
      expect(content?.bytes).toBeGreaterThan(0);
      expect(content?.digest).toMatch(/^hmac:k1:[0-9a-f]+$/);
    }
  });
});

/**
 * Rows by kind that each recorded file gives, every request of it delivered on its own. Tool calls of the two OpenInference
 * files are asked for by the model and not reported as run.
 */
const EXPECTED_KINDS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'emitted/mcp-http-manual-oinf.traces.1.json': {},
  'emitted/openai-oinf.traces.1.json': { model_call: 5, tool_call: 1 },
  'emitted/openai-traceloop.traces.1.json': { model_call: 4 },
  'emitted/vercel-ai7.traces.1.json': { agent_run: 1, model_call: 2, tool_call: 1 },
  'genai/claude-agent-sdk/test_claude_agent_sdk.otlp.json': { agent_run: 2, model_call: 3, tool_call: 5 },
  'genai/langfuse/as_root.otlp.json': {},
  'genai/langfuse/sdk_generation_and_span.otlp.json': { model_call: 1 },
  'genai/logfire-anthropic/test_anthropic.otlp.json': { model_call: 15 },
  'genai/logfire-anthropic/test_anthropic_bedrock.otlp.json': { model_call: 1 },
  'genai/logfire-openai/test_openai.otlp.json': { model_call: 31 },
  'genai/mcp/test_openai_agents_mcp.otlp.json': { agent_run: 1, model_call: 2, tool_call: 1 },
  'genai/mcp/test_pydantic_ai_mcp.otlp.json': { agent_run: 2, model_call: 4, tool_call: 1 },
  'genai/openai-agents/test_openai_agents.otlp.json': {
    agent_run: 15,
    guardrail: 2,
    handoff: 1,
    model_call: 13,
    tool_call: 2,
  },
  'genai/openinference/test_dspy.otlp.json': { model_call: 1 },
  'genai/openinference/test_litellm.otlp.json': { model_call: 2, tool_call: 1 },
  'genai/openlit/openai_chat.otlp.json': { model_call: 1 },
  'genai/openllmetry/openai_chat_gen_ai_prompt_N.otlp.json': { model_call: 1 },
  'genai/otel-genai/inference_details_as_span_event.otlp.json': { model_call: 1 },
  'genai/pydantic-ai/test_instrumented.otlp.json': { model_call: 5 },
  'genai/pydantic-ai/test_logfire.otlp.json': { agent_run: 1, approval_signal: 2, model_call: 1, tool_call: 4 },
  'genai/vercel-ai/embedding_minimal.otlp.json': { model_call: 1 },
  'genai/vercel-ai/generateText_v5.otlp.json': { agent_run: 1 },
  'genai/vercel-ai/toolCall.otlp.json': { tool_call: 1 },
};

describe.skipIf(!sharedData.present)('recorded telemetry of SDKs', () => {
  test.each(Object.keys(EXPECTED_KINDS))('%s gives the kinds it is of', async (file) => {
    const json = read(...file.split('/')) as object | { readonly otlp: object }[];
    const requests = Array.isArray(json) ? json.map((each: { readonly otlp: object }) => each.otlp) : [json];
    const kinds: Record<string, number> = {};
    for (const request of requests) {
      // Each of these requests is a test of its own, whose ids repeat.
      const harness = new LinkerHarness();
      await harness.consume([redacted(request)]);
      for (const row of harness.evidence.of('')) kinds[row.kind] = (kinds[row.kind] ?? 0) + 1;
    }
    expect(kinds).toEqual(EXPECTED_KINDS[file]);
  });
});
