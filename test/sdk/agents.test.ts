import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../src/store/connect.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { apiOf, type EvidenceJson } from '../support/api-client.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { searchFolder } from '../support/folder-search.ts';
import { eventually } from '../support/otlp-json.ts';
import { searchTables } from '../support/table-search.ts';
import { startModelServer } from './model-server.ts';

/**
 * Real agent SDKs with their own instrumentations and exporters, each in a process of its own, against a running Docket. Their
 * packages are apart from Docket's (`test/sdk/package.json`); the model is a server on this machine, or the SDK's mock.
 */
const run = promisify(execFile);
const SECRET = `ghp_${'Qp7Lm2Xc9R'.repeat(3)}b4N8w1`;
const AUTHORIZATION = `Bearer ${SECRET}`;
const AGENT_MILLISECONDS = 60_000;

interface Expected {
  /** Rows by kind and dialect, and how many. */
  readonly rows: Readonly<Record<string, number>>;
  readonly callId: string;
  /** Outcome of the tool call: `unknown` where nobody reports the run. */
  readonly outcome: 'ok' | 'unknown';
  /** Further records that tell of the call: the span of the model that asked for it, though what it said is withheld, and those of servers. */
  readonly alsoSeenAs: number;
  readonly mcpServer?: string;
  readonly trust?: string;
}

const AGENTS: Readonly<Record<string, Expected>> = {
  'vercel-ai-7': {
    rows: { 'agent_run vercel-ai': 1, 'model_call vercel-ai': 2, 'tool_call vercel-ai': 1 },
    callId: 'call_ai7',
    outcome: 'ok',
    alsoSeenAs: 1,
  },
  'vercel-ai-6': {
    rows: { 'agent_run vercel-ai': 1, 'model_call vercel-ai': 2, 'tool_call vercel-ai': 1 },
    callId: 'call_ai6',
    outcome: 'ok',
    alsoSeenAs: 1,
  },
  'openai-opentelemetry': {
    rows: { 'agent_run otel-genai': 1, 'model_call otel-genai': 2, 'tool_call otel-genai': 1 },
    callId: 'call_model_1',
    outcome: 'ok',
    alsoSeenAs: 1,
  },
  'openai-traceloop': {
    rows: { 'agent_run otel-genai': 1, 'model_call openllmetry': 2, 'tool_call otel-genai': 1 },
    callId: 'call_model_1',
    outcome: 'ok',
    alsoSeenAs: 1,
  },
  // The agent does not report its tool's run: what the model asked for is all there is.
  'openai-openinference': {
    rows: { 'agent_run otel-genai': 1, 'model_call openinference': 2, 'tool_call openinference': 1 },
    callId: 'call_model_1',
    outcome: 'unknown',
    alsoSeenAs: 0,
  },
  // Its chains are no rows. The model's span asks for the call without its id; the tool's answer has it.
  'langgraph-openinference': {
    rows: { 'model_call openinference': 2, 'tool_call openinference': 1 },
    callId: 'call_model_1',
    outcome: 'ok',
    alsoSeenAs: 1,
  },
  'langgraph-traceloop': {
    rows: { 'agent_run openllmetry': 1, 'model_call openllmetry': 2, 'tool_call openllmetry': 1 },
    callId: 'call_model_1',
    outcome: 'ok',
    alsoSeenAs: 0,
  },
  // The span of the MCP server, another process, is the same act; it vouches for it.
  'mcp-agent': {
    rows: { 'agent_run vercel-ai': 1, 'model_call vercel-ai': 2, 'tool_call vercel-ai': 1 },
    callId: 'call_mcp',
    outcome: 'ok',
    alsoSeenAs: 2,
    mcpServer: 'kubernetes-mcp',
    trust: 'observed',
  },
};

let docket: DocketProcess;

beforeAll(async () => {
  if (!existsSync(join(import.meta.dirname, 'node_modules'))) {
    throw new Error('the agent SDKs are not installed: run `npm test`, or `npm ci --prefix test/sdk`');
  }
  docket = await startDocket();
});

afterAll(async () => {
  await docket?.dispose();
});

/** Runs one agent to its end. It names its incident in its resource, as any OpenTelemetry SDK lets it. */
async function runAgent(agent: string, incident: string): Promise<void> {
  const model = await startModelServer({
    arguments: { resource: 'pods', namespace: 'shop', authorization: AUTHORIZATION },
    answer: 'The cart pod restarts again and again.',
  });
  try {
    await run(process.execPath, [join(import.meta.dirname, 'agents', `${agent}.mjs`)], {
      timeout: AGENT_MILLISECONDS,
      env: {
        PATH: process.env['PATH'],
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://${docket.otlpHttp}`,
        OTEL_SERVICE_NAME: 'sre-agent',
        OTEL_RESOURCE_ATTRIBUTES: `incident.id=${incident}`,
        OPENAI_BASE_URL: model.baseUrl,
        PLANTED_SECRET: SECRET,
      },
    });
  } finally {
    await model.close();
  }
}

function counted(rows: readonly EvidenceJson[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, dialect } of rows) {
    counts[`${kind} ${dialect}`] = (counts[`${kind} ${dialect}`] ?? 0) + 1;
  }
  return counts;
}

test.each(Object.entries(AGENTS))('%s: its work is these rows, its tool call one of them', async (agent, expected) => {
  const api = apiOf(docket.api);
  const ref = `INC-${agent}`;
  await api.post('/incidents', { title: `Work of ${agent}`, ref });
  await runAgent(agent, ref);
  const wanted = Object.values(expected.rows).reduce((sum, rows) => sum + rows, 0);
  // Spans and log records of one call, and those of two processes, arrive apart.
  const isComplete = (row: EvidenceJson): boolean =>
    row.kind === 'model_call'
      ? row.content['input']?.captured === true && row.content['output']?.captured === true
      : row.kind !== 'tool_call' || row.source.alsoSeenAs.length >= expected.alsoSeenAs;
  const rows = await eventually(
    () => api.evidence(ref),
    (found) => found.length >= wanted && found.every(isComplete),
  );
  expect(counted(rows)).toEqual(expected.rows);
  for (const row of rows) {
    expect(row).toMatchObject({
      state: 'linked',
      link: { mode: 'explicit', rule: 'attribute incident.id' },
      actor: { kind: 'agent', name: 'sre-agent' },
      service: 'sre-agent',
    });
    expect(JSON.stringify(row)).not.toContain(SECRET);
  }
  for (const row of rows.filter((each) => each.kind === 'model_call')) {
    expect(row.model?.name).toMatch(/^gpt-5/);
    expect(row.tokens).toEqual({ input: 42, output: 7 });
    // What the model answers is withheld under the default policy.
    expect(row.content['output']?.value).toBeNull();
  }
  const [call] = rows.filter((row) => row.kind === 'tool_call');
  expect(call).toMatchObject({
    outcome: expected.outcome,
    trust: expected.trust ?? 'self_reported',
    tool: { name: 'kubectl_get', callId: expected.callId, mcpServer: expected.mcpServer ?? null },
  });
  expect(call?.source.alsoSeenAs).toHaveLength(expected.alsoSeenAs);
  if (expected.outcome === 'unknown') return;
  // The run is reported: with what it was asked and what it answered, less the credentials.
  expect(call?.tool?.tier).toBe('read');
  expect(JSON.parse(String(call?.content['arguments']?.value))).toMatchObject({
    resource: 'pods',
    namespace: 'shop',
    authorization: expect.stringMatching(/^\[redacted:/) as string,
  });
  expect(call?.content['result']?.value).toContain('CrashLoopBackOff');
  expect(call?.content['result']?.value).toContain('[redacted:');
});

test('a credential that user, model and tools let slip is nowhere', async () => {
  const output = docket.output();
  const metrics = await (await fetch(`http://${docket.api}/metrics`)).text();
  await docket.stop();
  expect(output).not.toContain(SECRET);
  expect(metrics).not.toContain(SECRET);
  expect(searchFolder(docket.dataDirectory, SECRET)).toEqual([]);
  const store = openStore({
    location: { kind: 'embedded', directory: join(docket.dataDirectory, 'clickhouse') },
    retentionSeconds: 30 * 86_400,
    logger: createLogger('silent'),
    meter: createMetrics().meter,
  });
  try {
    // The search finds what is there: text of the same tool results.
    const found = (needle: string) => searchTables((sql, parameters) => store.query(sql, parameters), [needle]);
    expect(await found('CrashLoopBackOff')).not.toEqual([]);
    expect(await found(SECRET)).toEqual([]);
  } finally {
    await store.close();
  }
});
