import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { MemoryIncidentIndex, tracesOf, type SpanSketch } from '../test/support/linker-harness.ts';
import { searchTables } from '../test/support/table-search.ts';
import { openTemporaryStore, type TemporaryStore } from '../test/support/temporary-store.ts';
import { createLinker, type EvidenceLinker } from './evidence/linker.ts';
import { transcodeJson } from './otlp/json/transcode.ts';
import type { Signal } from './otlp/signal.ts';
import { createPolicyApplications, type ResumingPolicyApplications } from './policy-application.ts';
import type { PolicyApplicationStatus } from './record/policy-application.ts';
import type { Entry } from './record/entry.ts';
import type { EvidenceRow } from './record/evidence.ts';
import { loadPolicy, parsePolicy } from './redaction/policy-file.ts';
import { createRedactor, type Redactor } from './redaction/redactor.ts';
import type { StoredTelemetry } from './store/rewrite/stored-telemetry.ts';
import { TELEMETRY_TABLES } from './store/rewrite/telemetry-table.ts';
import { createLogger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';

// What an open policy let into the store is redacted again under a stricter one, through the real store and the real redactor.

const BADGE = 'acmebadge-blue-2231';
/** Found by the open policy too, so that its receipts name the key beside it. */
const TOKEN = `ghp_${'Zx9Yw8Vu7T'.repeat(3)}s6R5q4`;
const PROMPT = 'please refund the blue shoes';
const OPEN = 'version: 1\nid: open\npreset: open\n';
/** Badges go by their key names and as values, prompts are withheld. */
const STRICTER = `version: 1
id: stricter
preset: balanced
keys: {redact: ['^badge$', '^badge[.]']}
allow: []
packs: [builtin/secrets@3, builtin/pii-core@2, ./acme.rules.yaml]
`;

let temporary: TemporaryStore;
let folder: string;
let redactor: Redactor;
let linker: EvidenceLinker;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});
afterAll(() => temporary.dispose());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-apply-'));
  redactor = createRedactor({
    policy: parsePolicy(OPEN, 'open.yaml'),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  linker = linkerKeeping(8 * 1024 * 1024);
});

/** A linker on the same store that keeps so many characters of content of acts whose rows are stored. */
function linkerKeeping(contentLengthKept: number): EvidenceLinker {
  return createLinker({
    evidenceLog: temporary.store.evidenceLog,
    incidents: new MemoryIncidentIndex(),
    window: { contentLengthKept },
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
}

afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  for (const { name } of TELEMETRY_TABLES) await temporary.command(`TRUNCATE TABLE ${name}`);
  for (const name of ['evidence', 'redaction_receipts', 'unloadable_items', 'record_entries'])
    await temporary.command(`TRUNCATE TABLE ${name}`);
});

function stricter() {
  writeFileSync(
    join(folder, 'acme.rules.yaml'),
    `- id: acme-badge
  version: 1
  class: internal
  keywords: [acmebadge-]
  window: {before: 0, after: 32}
  pattern: '(acmebadge-[a-z]{4}-[0-9]{4})'
  group: 1
  tests: {hit: ['badge acmebadge-blue-2231'], miss: ['acmebadge-']}
`,
  );
  const file = join(folder, 'stricter.yaml');
  writeFileSync(file, STRICTER);
  return loadPolicy(file);
}

const value = (text: string): object => ({ stringValue: text });
const pair = (key: string, text: string): object => ({ key, value: value(text) });
const NOW = BigInt(Date.now()) * 1_000_000n;

/** One request a signal with a badge in every column that holds text, and one without any. */
function requests(
  number: number,
): readonly { readonly signal: Signal; readonly json: unknown; readonly items: number }[] {
  const ids = { traceId: number.toString(16).padStart(32, 'a'), spanId: number.toString(16).padStart(16, 'b') };
  const resource = { attributes: [pair('service.name', 'shop'), pair('team.note', `of ${BADGE}`)] };
  const scope = { name: `scope ${BADGE}`, version: '1', attributes: [pair('badge', 'violet')] };
  const base = { timeUnixNano: String(NOW), startTimeUnixNano: String(NOW), endTimeUnixNano: String(NOW + 5n) };
  const exemplars = [{ ...ids, ...base, asDouble: 1.5, filteredAttributes: [pair('x', BADGE)] }];
  const attributes = [
    pair('note', `see ${BADGE}`),
    pair(`key.${BADGE}`, `has ${TOKEN}`),
    pair('badge.colour', 'violet'),
  ];
  const clean = [pair('http.route', '/item'), { key: 'n', value: { intValue: '1783' } }, pair('ok', 'true')];
  const common = { name: `m ${BADGE}`, description: `d ${BADGE}`, unit: BADGE, metadata: [pair('m', BADGE)] };
  const point = { ...base, attributes, exemplars };
  return [
    {
      signal: 'traces',
      items: 3,
      json: {
        resourceSpans: [
          {
            resource,
            scopeSpans: [
              {
                scope,
                schemaUrl: `https://x.example/${BADGE}`,
                spans: [
                  {
                    ...ids,
                    ...base,
                    name: `span ${BADGE}`,
                    traceState: `vendor=${BADGE}`,
                    attributes: [...attributes, pair('gen_ai.input.messages', PROMPT)],
                    status: { code: 2, message: `failed for ${BADGE}` },
                    events: [{ timeUnixNano: String(NOW), name: `event ${BADGE}`, attributes: [pair('e', BADGE)] }],
                    links: [{ ...ids, traceState: `v=${BADGE}`, attributes: [pair('l', BADGE)] }],
                  },
                  { ...ids, ...base, name: 'clean', attributes: clean },
                ],
              },
            ],
          },
          {
            resource: { attributes: [pair('service.name', 'other')] },
            scopeSpans: [{ spans: [{ ...ids, ...base, name: 'clean' }] }],
          },
        ],
      },
    },
    {
      signal: 'logs',
      items: 2,
      json: {
        resourceLogs: [
          {
            resource,
            scopeLogs: [
              {
                scope,
                logRecords: [
                  {
                    ...ids,
                    ...base,
                    body: value(`user ${BADGE} left`),
                    severityText: `INFO ${BADGE}`,
                    eventName: `e.${BADGE}`,
                    attributes,
                  },
                  { ...ids, ...base, body: value('all is well'), severityText: 'INFO', attributes: clean },
                ],
              },
            ],
          },
        ],
      },
    },
    {
      signal: 'metrics',
      items: 5,
      json: {
        resourceMetrics: [
          {
            resource,
            scopeMetrics: [
              {
                scope,
                metrics: [
                  { ...common, gauge: { dataPoints: [{ ...point, asDouble: -0.25 }] } },
                  {
                    ...common,
                    sum: { aggregationTemporality: 2, dataPoints: [{ ...point, asInt: '9007199254740993' }] },
                  },
                  {
                    ...common,
                    histogram: {
                      aggregationTemporality: 2,
                      dataPoints: [{ ...point, count: '3', sum: 0.1, bucketCounts: ['1', '2'], explicitBounds: [0.3] }],
                    },
                  },
                  {
                    ...common,
                    exponentialHistogram: {
                      aggregationTemporality: 2,
                      dataPoints: [
                        {
                          ...point,
                          count: '3',
                          scale: 2,
                          zeroCount: '1',
                          positive: { offset: -3, bucketCounts: ['18446744073709551615'] },
                          negative: {},
                        },
                      ],
                    },
                  },
                  {
                    ...common,
                    summary: {
                      dataPoints: [
                        { ...base, attributes, count: '2', sum: 0.3, quantileValues: [{ quantile: 0.99, value: 0.1 }] },
                      ],
                    },
                  },
                ],
              },
            ],
          },
        ],
      },
    },
  ];
}

async function send(number: number): Promise<void> {
  for (const { signal, json, items } of requests(number)) {
    const { bytes } = transcodeJson(signal, Buffer.from(JSON.stringify(json)));
    const receivedAtUnixNano = BigInt(Date.now()) * 1_000_000n - 1_000_000_000n + BigInt(number);
    const frame = redactor.redact({ tenant: 'default', signal, bytes, items, receivedAtUnixNano });
    const contentHash = createHash('sha256').update(`${number} ${signal}`).digest('hex');
    const batch = {
      id: createHash('sha256').update(randomUUID()).digest('hex'),
      frames: [{ ...frame, contentHash }],
      redelivered: false,
    };
    expect(await temporary.store.loader.consume(batch)).toEqual({ kind: 'accepted', setAside: 0 });
  }
}

const evidence = (id: string, content: EvidenceRow['content'], summary: string): EvidenceRow => ({
  tenant: 'default',
  id,
  incident: 'inc-1',
  kind: 'tool_call',
  state: 'linked',
  occurredAtUnixNano: NOW,
  endedAtUnixNano: null,
  receivedAtUnixNano: NOW - 1_000_000_000n,
  outcome: 'ok',
  actor: { kind: 'agent', name: 'sre-agent', id: null },
  service: 'shop',
  environment: '',
  summary,
  tool: { name: 'lookup', callId: 'call_1', type: null, mcpServer: null, tier: 'read', tierRule: null },
  model: null,
  tokens: null,
  conversationId: '',
  sessionId: '',
  content,
  redactions: [],
  link: { mode: 'explicit', rule: 'attribute incident.id', score: 1 },
  source: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), signal: 'traces', alsoSeenAs: [] },
  sourceFamily: 'x',
  trust: 'observed',
  dialect: 'gen_ai',
  namedRefs: [],
  facts: { verb: 'get', salt: 'ab'.repeat(16) },
  policyVersion: redactor.policyVersion,
  digest: 'd'.repeat(64),
});

const captured = (text: string) => ({
  captured: true,
  value: text,
  bytes: Buffer.byteLength(text),
  digest: createHash('sha256').update(text).digest('hex'),
});

function applications(telemetry: StoredTelemetry = temporary.store.rewrite.telemetry): ResumingPolicyApplications {
  const { rewrite, evidenceLog, recordLog } = temporary.store;
  return createPolicyApplications({
    redactor,
    rewrite: { ...rewrite, telemetry },
    evidenceLog,
    linker,
    recordLog,
    refOf: () => Promise.resolve('INC-1'),
    spool: { passed: () => Promise.resolve(true) },
    file: join(folder, 'application.json'),
    logger: createLogger('silent'),
  });
}

async function ended(service: ResumingPolicyApplications): Promise<PolicyApplicationStatus> {
  for (;;) {
    const status = service.status('default');
    if (status !== undefined && status.state !== 'running') return status;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const found = (needles: readonly string[]): Promise<string[]> =>
  searchTables((sql, parameters) => temporary.store.query(sql, parameters), needles);

async function receiptsUnder(policy: string): Promise<number> {
  const rows = await temporary.store.query<{ rows: string }>(
    `SELECT toString(count()) AS rows FROM redaction_receipts WHERE PolicyVersion = '${policy}'`,
  );
  return Number(rows[0]?.rows);
}

/** Rows by table; of those without a badge, what they say in full. */
async function contents(): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {};
  for (const { name } of TELEMETRY_TABLES) {
    const columns = name.startsWith('otel_metrics')
      ? 'TimeUnix, StartTimeUnix, ReceivedAt, Flags'
      : 'Timestamp, ReceivedAt, TraceId, SpanId';
    tables[name] = await temporary.store.query(
      `SELECT count() AS rows, sum(cityHash64(${columns})) AS numbers FROM ${name}`,
    );
  }
  tables['clean spans'] = await temporary.store.query(
    `SELECT count() AS rows, sum(cityHash64(tuple(* EXCEPT (PolicyVersion, ScopeName, ScopeAttributes, ScopeSchemaUrl, ResourceAttributes)))) AS hash FROM otel_traces WHERE SpanName = 'clean'`,
  );
  tables['clean logs'] = await temporary.store.query(
    `SELECT count() AS rows, sum(cityHash64(tuple(* EXCEPT (PolicyVersion, ScopeName, ScopeAttributes, ResourceAttributes)))) AS hash FROM otel_logs WHERE Body = 'all is well'`,
  );
  const values = 'toString(tuple(Count, Sum, PositiveBucketCounts, PositiveOffset, Scale))';
  tables['histogram'] = await temporary.store.query(
    `SELECT ${values} AS v FROM otel_metrics_exp_histogram ORDER BY ReceivedAt`,
  );
  tables['integers'] = await temporary.store.query(
    `SELECT toString(IntegerValue) AS v FROM otel_metrics_sum ORDER BY ReceivedAt`,
  );
  return tables;
}

test('what a stricter policy covers is gone from every column, and everything else is as it was', async () => {
  for (const number of [1, 2, 3]) await send(number);
  const { evidenceLog } = temporary.store;
  await evidenceLog.put([
    evidence('e1', { arguments: captured(`{"user":"${BADGE}"}`), input: captured(PROMPT) }, `lookup ${BADGE}`),
    evidence('e2', { arguments: captured('{"q":"shoes"}') }, 'lookup shoes'),
  ]);
  const [traces] = requests(9);
  const aside = transcodeJson('traces', Buffer.from(JSON.stringify(traces?.json))).bytes;
  await temporary.command(
    `INSERT INTO unloadable_items SELECT 'default', now64(9), 'traces', 'otel_traces', 'f1', 0, 3, 'open@0', 6, 'why', base64Decode('${Buffer.from(aside).toString('base64')}')`,
  );
  for (const column of [
    'otel_traces.SpanName',
    'redaction_receipts.Path',
    'unloadable_items.Frame',
    'evidence.content',
  ])
    expect(await found([BADGE])).toContain(`${column}: ${BADGE}`);
  expect(await found([PROMPT, 'violet'])).not.toEqual([]);
  const before = await contents();
  const earlier = redactor.policyVersion;
  const earlierReceipts = await receiptsUnder(earlier);
  expect(earlierReceipts).toBeGreaterThan(0);
  redactor.setPolicy(stricter());
  const service = applications();
  await service.start();
  expect(service.begin('default', new Date(0))).toMatchObject({ kind: 'started' });
  const status = await ended(service);
  expect(status).toMatchObject({ state: 'done', problem: null, remaining: 0 });
  expect(status.tables).toContainEqual({ table: 'otel_traces', rows: 9, changed: 6 });
  expect(status.tables).toContainEqual({ table: 'evidence', rows: 2, changed: 1 });
  expect(status.redactions.map((each) => each.rule)).toEqual(expect.arrayContaining(['acme-badge', 'policy.key']));
  expect(await found([BADGE, PROMPT, 'violet'])).toEqual([]);
  expect(await contents()).toEqual(before);
  const frames = await temporary.store.query<{ policy: string; bytes: string }>(
    'SELECT PolicyVersion AS policy, toString(length(Frame)) AS bytes FROM unloadable_items',
  );
  expect(frames).toEqual([{ policy: redactor.policyVersion, bytes: expect.stringMatching(/^\d{3,}$/) as unknown }]);
  const policies = await temporary.store.query<{ policy: string; at: string }>(
    'SELECT DISTINCT PolicyVersion AS policy FROM otel_traces',
  );
  expect(policies).toEqual([{ policy: redactor.policyVersion }]);
  expect(await receiptsUnder(earlier)).toBe(earlierReceipts);
  // Receipts say what was done, at which place and under which policy.
  const receipts = await temporary.store.query<{ path: string }>(
    `SELECT DISTINCT Path AS path FROM redaction_receipts WHERE Rule = 'acme-badge' AND PolicyVersion = '${redactor.policyVersion}'`,
  );
  for (const path of [
    'name',
    'body',
    'attributes[note]',
    'events[0].name',
    'links[0].traceState',
    'metric.description',
  ])
    expect(receipts.map((each) => each.path)).toContain(path);
  const row = await evidenceLog.get('default', 'inc-1', 'e1');
  expect(row?.content['input']).toEqual({
    captured: true,
    value: null,
    bytes: PROMPT.length,
    digest: expect.stringMatching(/^hmac:k1:/) as unknown,
  });
  expect(row?.content['arguments']?.value).toMatch(/^\{"user":"\[redacted:acme-badge~\w+\]"\}$/);
  expect(row?.summary).toMatch(/^lookup \[redacted:acme-badge~\w+\]$/);
  expect(row?.redactions.map((each) => each.rule)).toContain('content.messages.input');
  expect(row).toMatchObject({ digest: 'd'.repeat(64), actor: { name: 'sre-agent' }, facts: { verb: 'get' } });
  expect((await evidenceLog.get('default', 'inc-1', 'e2'))?.content['arguments']?.value).toBe('{"q":"shoes"}');
});

const call: SpanSketch = {
  name: 'execute_tool lookup',
  span: 10,
  parent: 2,
  start: 100,
  end: 200,
  attributes: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'lookup',
    'gen_ai.tool.call.id': 'call_1',
    'gen_ai.tool.call.arguments': JSON.stringify({ user: BADGE }),
  },
};
/** The other side of the call, heard of later. */
const served: SpanSketch = {
  name: 'tools/call lookup',
  span: 11,
  parent: 10,
  kind: 2,
  start: 110,
  end: 190,
  attributes: {
    'mcp.method.name': 'tools/call',
    'gen_ai.tool.name': 'lookup',
    'gen_ai.tool.call.result': 'blue shoes',
  },
};
const agentOver: SpanSketch = {
  name: `invoke_agent of ${BADGE}`,
  span: 2,
  start: 0,
  end: 300,
  attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': `agent of ${BADGE}` },
};
const nextCall: SpanSketch = {
  ...call,
  span: 12,
  start: 220,
  end: 230,
  attributes: { ...call.attributes, 'gen_ai.tool.call.id': 'call_2', 'gen_ai.tool.call.arguments': '{}' },
};

async function link(...spans: readonly SpanSketch[]): Promise<void> {
  const { bytes } = transcodeJson('traces', Buffer.from(JSON.stringify(tracesOf(...spans))));
  const receivedAtUnixNano = BigInt(Date.now()) * 1_000_000n;
  const frame = redactor.redact({ tenant: 'default', signal: 'traces', bytes, items: 1, receivedAtUnixNano });
  const contentHash = createHash('sha256').update(randomUUID()).digest('hex');
  const batch = { id: randomUUID(), frames: [{ ...frame, contentHash }], redelivered: false };
  expect(await linker.consume(batch)).toEqual({ kind: 'accepted', setAside: 0 });
}

test.each([8 * 1024 * 1024, 0])(
  'an act under way does not come back as it was, with %i characters of content kept in memory',
  async (kept) => {
    linker = linkerKeeping(kept);
    await link(call, agentOver);
    expect(await found([BADGE])).toContain(`evidence.content: ${BADGE}`);
    redactor.setPolicy(stricter());
    await new Promise((resolve) => setTimeout(resolve, 5));
    const service = applications();
    await service.start();
    service.begin('default', new Date(0));
    expect(await ended(service)).toMatchObject({ state: 'done', remaining: 0 });
    expect(await found([BADGE])).toEqual([]);
    await link(served);
    await link(nextCall);
    expect(await found([BADGE])).toEqual([]);
    const rows = await temporary.store.evidenceLog.toolCalls('default', ['1'.padStart(32, '0')]);
    const [row, next, ...more] = rows.toSorted((a, b) => Number(a.occurredAtUnixNano - b.occurredAtUnixNano));
    expect(more).toEqual([]);
    expect(row?.source.alsoSeenAs).toEqual(['000000000000000b']);
    expect(row?.content['result']?.value).toBe('blue shoes');
    expect(row?.content['arguments']?.value).toMatch(/^\{"user":"\[redacted:acme-badge~\w+\]"\}$/);
    expect(next?.actor.name).toMatch(/^agent of \[redacted:acme-badge~\w+\]$/);
  },
);

test('a row that an older policy let in, written while rows are gone through, is gone through as well', async () => {
  const earlier = redactor.policyVersion;
  const remembering = linker;
  let turns = 0;
  linker = {
    name: remembering.name,
    batch: remembering.batch,
    consume: (batch) => remembering.consume(batch),
    async reapply(policy) {
      turns += 1;
      if (turns === 2) {
        const row = evidence('late', { arguments: captured(BADGE) }, `lookup ${BADGE}`);
        const receivedAtUnixNano = BigInt(Date.now()) * 1_000_000n;
        await temporary.store.evidenceLog.put([{ ...row, policyVersion: earlier, receivedAtUnixNano }]);
      }
      return remembering.reapply(policy);
    },
  };
  redactor.setPolicy(stricter());
  const service = applications();
  await service.start();
  service.begin('default', new Date(0));
  expect(await ended(service)).toMatchObject({ state: 'done', remaining: 0 });
  expect(turns).toBeGreaterThan(2);
  expect(await found([BADGE])).toEqual([]);
});

test('of trace ids that a row names only those stay that its content shows or that are ids of traces', async () => {
  await send(1);
  const secret = '7c9e6679f7425f1ca0f3d2b84e1a5b60';
  const shown = '4bf92f3577b34da6a3ce929d0e0e4736';
  const stored = '1'.padStart(32, 'a');
  const row = evidence(
    'e1',
    { arguments: captured(`{"trace":"${shown.toUpperCase()}"}`), result: captured('x') },
    'lookup',
  );
  await temporary.store.evidenceLog.put([
    { ...row, facts: { ...row.facts, traceIds: [secret, shown, stored], argumentsShape: `trace,${BADGE}` } },
    { ...evidence('e2', {}, 'lookup'), facts: { traceIds: [secret] } },
  ]);
  redactor.setPolicy(stricter());
  const service = applications();
  await service.start();
  service.begin('default', new Date(0));
  expect(await ended(service)).toMatchObject({ state: 'done' });
  const clean = await temporary.store.evidenceLog.get('default', 'inc-1', 'e1');
  expect(clean?.facts['traceIds']).toEqual([shown, stored]);
  expect(clean?.facts['argumentsShape']).toMatch(/^trace,\[redacted:acme-badge~\w+\]$/);
  expect((await temporary.store.evidenceLog.get('default', 'inc-1', 'e2'))?.facts).toEqual({});
  expect(await found([secret])).toEqual([]);
});

test('an entry is looked through as it was when it was entered: a ref is no number of a person', async () => {
  const entry = (seq: number, body: Entry['body']): Entry => ({
    tenant: 'default',
    incident: 'inc-9',
    seq,
    entryId: `entry-${seq}`,
    type: 'note.add',
    actor: { kind: 'human', name: 'Zoë', id: null },
    occurredAt: '2026-11-22T12:00:00.000000001Z',
    recordedAt: '2026-11-22T12:00:01Z',
    body,
    basis: [],
    prevHash: '0'.repeat(64),
    hash: String(seq).padStart(64, '0'),
  });
  await temporary.store.recordLog.append([
    entry(1, { ref: 'INC0012345', services: ['pay-v2'], fingerprint: '7c9e6679f7425f1ca0f3d2b84e1a5b60' }),
    entry(2, { statement: `${BADGE} did it` }),
    entry(3, { statement: 'nothing', docket: { note: BADGE } }),
  ]);
  redactor.setPolicy(stricter());
  const service = applications();
  await service.start();
  service.begin('default', new Date(0));
  expect((await ended(service)).entries).toEqual({ looked: 3, kept: 1, named: ['INC-1 #2 note.add'] });
});

test('a frame set aside is there once, also when a policy that was in force before comes back', async () => {
  await temporary.command(
    `INSERT INTO unloadable_items SELECT 'default', now64(9), 'traces', 'otel_traces', 'f1', 0, 3, 'open@0', 6, 'why', 'bytes'`,
  );
  const { aside } = temporary.store.rewrite;
  for (const [turn, policyVersion] of ['one@1', 'other@1', 'one@1'].entries()) {
    const older = { tenant: 'default', policyVersion, from: 0n, to: BigInt(Date.now() + turn + 1) * 1_000_000n };
    const frame = await aside.nextFrame(older);
    if (frame === undefined) throw new Error(`no frame is left for ${policyVersion}`);
    await aside.replaceFrame(older, frame, frame.bytes);
    expect(await aside.nextFrame(older)).toBeUndefined();
  }
  const rows = await temporary.store.query<{ policy: string; bytes: string }>(
    'SELECT PolicyVersion AS policy, Frame AS bytes FROM unloadable_items',
  );
  expect(rows).toEqual([{ policy: 'one@1', bytes: 'bytes' }]);
});

test('a second time changes nothing', async () => {
  await send(1);
  redactor.setPolicy(stricter());
  const service = applications();
  await service.start();
  service.begin('default', new Date(0));
  await ended(service);
  const before = await contents();
  expect(service.begin('default', new Date(0)).kind).toBe('started');
  const again = await ended(service);
  expect(again).toMatchObject({ state: 'done', tables: [], redactions: [] });
  expect(await contents()).toEqual(before);
});

test('only what was received since then, and only of the tenant', async () => {
  await send(1);
  redactor.setPolicy(stricter());
  const service = applications();
  await service.start();
  service.begin('default', new Date(Date.now() + 60_000));
  expect(await ended(service)).toMatchObject({ state: 'done', tables: [] });
  expect(await found([BADGE])).not.toEqual([]);
  service.begin('another', new Date(0));
  while (service.status('another')?.state === 'running') await new Promise((resolve) => setTimeout(resolve, 5));
  expect(service.status('another')).toMatchObject({ state: 'done', tables: [] });
  expect(await found([BADGE])).not.toEqual([]);
});

test(
  'a process that dies at any step goes on where it was, and loses or doubles nothing',
  { timeout: 300_000 },
  async () => {
    for (const number of [1, 2]) await send(number);
    const before = await contents();
    redactor.setPolicy(stricter());
    const file = join(folder, 'application.json');
    let crashes = 0;
    let status: PolicyApplicationStatus | undefined;
    // Dies at the first step, then two steps later, and so on, until one process comes through.
    for (let steps = 1; status?.state !== 'done'; steps += 1) {
      let left = steps;
      let died = false;
      const dying =
        <Arguments extends unknown[], Result>(work: (...given: Arguments) => Promise<Result>) =>
        async (...given: Arguments): Promise<Result> => {
          left -= 1;
          // Half of the deaths come before the step has had its effect, half after.
          if (left === 0 && steps % 2 === 0) await work(...given);
          if (left <= 0) {
            if (!died) copyIfThere(file, `${file}.died`);
            died = true;
            throw new Error('died');
          }
          return work(...given);
        };
      const { telemetry } = temporary.store.rewrite;
      const service = applications({
        count: dying(telemetry.count),
        partitions: dying(telemetry.partitions),
        chunk: dying(telemetry.chunk),
        stage: dying(telemetry.stage),
        addReceipts: dying(telemetry.addReceipts),
        discard: dying(telemetry.discard),
        knownTraces: dying(telemetry.knownTraces),
        async replace(table, partition, older) {
          // Dies between its two halves as well: the older rows gone, the new ones not in yet.
          left -= 1;
          if (left === 0) {
            copyIfThere(file, `${file}.died`);
            died = true;
            await temporary.command(
              `ALTER TABLE ${table.name} DELETE WHERE PolicyVersion != '${older.policyVersion}' SETTINGS mutations_sync = 2`,
            );
            throw new Error('died');
          }
          await dying(telemetry.replace)(table, partition, older);
        },
      });
      try {
        await service.start();
      } catch {
        // Died while it took up what was left.
      }
      if (service.status('default')?.state !== 'running' && service.status('default')?.state !== 'done')
        service.begin('default', new Date(0));
      status = service.status('default') === undefined ? undefined : await ended(service);
      await service.close();
      if (died) {
        crashes += 1;
        // What the next process finds is what was on disk when this one died.
        copyIfThere(`${file}.died`, file);
        status = undefined;
      }
    }
    process.stdout.write(`${crashes} deaths\n`);
    expect(crashes).toBeGreaterThan(20);
    expect(await contents()).toEqual(before);
    expect(await found([BADGE, PROMPT, 'violet'])).toEqual([]);
  },
);

function copyIfThere(from: string, to: string): void {
  if (existsSync(from)) copyFileSync(from, to);
}

test('content that is erased while rows are staged does not come back with them', async () => {
  await send(1);
  const traceId = '1'.padStart(32, 'a');
  const spanId = '1'.padStart(16, 'b');
  const row = evidence('call', { arguments: captured('to be erased') }, 'lookup');
  const { evidenceLog, contentEraser, rewrite } = temporary.store;
  await evidenceLog.put([{ ...row, source: { ...row.source, traceId, spanId } }]);
  redactor.setPolicy(stricter());
  const service = applications({
    ...rewrite.telemetry,
    async replace(table, ...rest) {
      if (table.name === 'otel_traces') await contentEraser.erase('default', 'call', new Date());
      await rewrite.telemetry.replace(table, ...rest);
    },
  });
  await service.start();
  service.begin('default', new Date(0));
  expect(await ended(service)).toMatchObject({ state: 'done', remaining: 0 });
  for (const [table, column] of [
    ['otel_traces', 'SpanAttributes'],
    ['otel_logs', 'LogAttributes'],
  ] as const) {
    const rows = await temporary.store.query<{ rows: string; attributes: string }>(
      `SELECT toString(count()) AS rows, toString(sum(length(${column}))) AS attributes FROM ${table}
WHERE TraceId = '${traceId}' AND SpanId = '${spanId}'`,
    );
    expect(Number(rows[0]?.rows)).toBeGreaterThan(0);
    expect(rows[0]?.attributes).toBe('0');
  }
});

test('a policy that observes only, and a second at a time, are refused', async () => {
  await send(1);
  redactor.setPolicy(stricter());
  const service = applications();
  await service.start();
  service.begin('default', new Date(0));
  expect(service.begin('default', new Date(0)).kind).toBe('busy');
  expect(service.begin('another', new Date(0))).toEqual({ kind: 'busy', status: undefined });
  await ended(service);
  redactor.setPolicy(parsePolicy('version: 1\nid: look\nmode: observe\n', 'look.yaml'));
  expect(service.begin('default', new Date(0)).kind).toBe('observing');
});

test('another policy that comes into force stops it, and the next one goes on', async () => {
  for (const number of [1, 2, 3]) await send(number);
  const before = await contents();
  redactor.setPolicy(stricter());
  const { telemetry } = temporary.store.rewrite;
  let chunks = 0;
  const service = applications({
    ...telemetry,
    async chunk(table, ...rest) {
      chunks += 1;
      if (chunks === 3) redactor.setPolicy(parsePolicy(`${OPEN}keys: {redact: [note]}\n`, 'next.yaml'));
      return telemetry.chunk(table, ...rest);
    },
  });
  await service.start();
  service.begin('default', new Date(0));
  expect(await ended(service)).toMatchObject({ state: 'superseded' });
  expect(await contents()).toEqual(before);
  redactor.setPolicy(stricter());
  service.begin('default', new Date(0));
  expect(await ended(service)).toMatchObject({ state: 'done', remaining: 0 });
  expect(await contents()).toEqual(before);
  expect(await found([BADGE, PROMPT, 'violet'])).toEqual([]);
});
