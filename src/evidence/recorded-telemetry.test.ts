import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { metrics } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import { frameOf, LinkerHarness, tracesOf } from '../../test/support/linker-harness.ts';
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
 * Rows by kind that each recorded file gives, every request of it delivered on its own. Tool calls of OpenInference, Traceloop, Logfire's
 * integrations and the instrumented model of Pydantic AI are asked for by the model and not reported as run.
 */
const EXPECTED_KINDS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'emitted/mcp-http-manual-oinf.traces.1.json': {},
  'emitted/openai-oinf.traces.1.json': { model_call: 5, tool_call: 1 },
  'emitted/openai-traceloop.traces.1.json': { model_call: 4, tool_call: 1 },
  'emitted/vercel-ai7.traces.1.json': { agent_run: 1, model_call: 2, tool_call: 1 },
  'genai/claude-agent-sdk/test_claude_agent_sdk.otlp.json': { agent_run: 2, model_call: 3, tool_call: 5 },
  'genai/langfuse/as_root.otlp.json': {},
  'genai/langfuse/tool_call_empty_model.otlp.json': {},
  'genai/langfuse/sdk_generation_and_span.otlp.json': { model_call: 1 },
  'genai/logfire-anthropic/test_anthropic.otlp.json': { model_call: 15, tool_call: 1 },
  'genai/logfire-anthropic/test_anthropic_bedrock.otlp.json': { model_call: 1 },
  'genai/logfire-openai/test_openai.otlp.json': { model_call: 31, tool_call: 1 },
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
  'genai/pydantic-ai/test_instrumented.otlp.json': { model_call: 5, tool_call: 6 },
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

interface SnapshotSpan {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A request of each test that an SDK's own suite keeps snapshots of: attribute maps, exported spans, or spans as its mocks keep them. */
function snapshotRequests(json: unknown, scope: string): readonly object[] {
  const tests = Array.isArray(json) ? (json as unknown[]) : [json];
  const exported = tests.every((each) => typeof each === 'object' && each !== null && 'spanContext' in each);
  return (exported ? [tests] : tests).flatMap((each) => {
    const spans = spansIn(each);
    return spans.length === 0 ? [] : [tracesOf(...spans.map((span, index) => ({ ...span, scope, span: index + 1 })))];
  });
}

function spansIn(value: unknown): readonly SnapshotSpan[] {
  if (Array.isArray(value)) return value.flatMap(spansIn);
  if (typeof value !== 'object' || value === null) return [];
  const fields = value as Readonly<Record<string, unknown>>;
  const inner = fields['snapshot'] ?? fields['spans'];
  if (inner !== undefined) return spansIn(inner);
  const { name } = fields;
  const attributes = fields['attributes'] ?? fields['initAttributes'];
  if (typeof name === 'string' && typeof attributes === 'object') {
    return [{ name, attributes: { ...attributes, ...(fields['runtimeAttributes'] as object | undefined) } }];
  }
  // A bare map of a span's attributes; parts of one are of no kind.
  return Object.keys(fields).some((key) => /\.(?:operation\.name|span\.kind|request\.model)$/.test(key))
    ? [{ name: '', attributes: fields }]
    : [];
}

/** Rows by kind of the files that hold no OTLP. `conformance/` lists names of attributes only, so there is nothing to recognise. */
const SNAPSHOT_KINDS: Readonly<Record<string, readonly [scope: string, kinds: Readonly<Record<string, number>>]>> = {
  'openinference/openinference_client_span_input_output_only.json': ['', { model_call: 1 }],
  'openinference/openinference_client_span_tool_calls.json': ['', { model_call: 1 }],
  'otel-genai/otel_genai_client_span_tool_calls.json': ['', { model_call: 1 }],
  'otel-genai/otel_genai_deprecated_client_span_tool_calls.json': ['', { model_call: 1 }],
  'otel-genai/otel_genai_tool_execution_span.json': ['', { tool_call: 1 }],
  'vercel-ai/legacy_snapshots.json': ['ai', { agent_run: 15, model_call: 24, tool_call: 5 }],
  'vercel-ai/v6-ai-embed.json': ['ai', {}],
  'vercel-ai/v6-ai-generateObject-doGenerate.json': ['ai', { model_call: 1 }],
  'vercel-ai/v6-ai-generateObject.json': ['ai', { agent_run: 1 }],
  'vercel-ai/v6-ai-generateText-doGenerate.json': ['ai', { model_call: 2 }],
  'vercel-ai/v6-ai-generateText.json': ['ai', { agent_run: 2 }],
  'vercel-ai/v6-ai-streamText-doStream.json': ['ai', { model_call: 1 }],
  'vercel-ai/v6-ai-streamText.json': ['ai', { agent_run: 1 }],
  'vercel-ai/v6-all-spans.json': ['ai', { agent_run: 4, model_call: 5 }],
  'vercel-ai-v7/otel_genai_snapshots.json': ['gen_ai', { agent_run: 9, model_call: 9, retrieval: 1, tool_call: 8 }],
};

describe.skipIf(!sharedData.present)('snapshots of SDKs', () => {
  test.each(Object.entries(SNAPSHOT_KINDS))('%s gives the kinds it is of', async (file, [scope, expected]) => {
    const kinds: Record<string, number> = {};
    for (const request of snapshotRequests(read('genai', ...file.split('/')), scope)) {
      const harness = new LinkerHarness();
      await harness.consume([redacted(request)]);
      for (const row of harness.evidence.of('')) kinds[row.kind] = (kinds[row.kind] ?? 0) + 1;
    }
    expect(kinds).toEqual(expected);
  });

  test('no file of the manifest is left out', () => {
    const manifest = read('genai', 'manifest.json') as { readonly file: string }[];
    const known = new Set([
      ...Object.keys(EXPECTED_KINDS),
      ...Object.keys(SNAPSHOT_KINDS).map((file) => `genai/${file}`),
    ]);
    const missing = manifest.map(({ file }) => `genai/${file}`).filter((file) => !known.has(file));
    expect(missing.filter((file) => !file.startsWith('genai/conformance/'))).toEqual([]);
  });
});
