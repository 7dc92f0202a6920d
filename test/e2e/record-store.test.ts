import { metrics } from '@opentelemetry/api';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBundleExporter } from '../../src/record/bundle-exporter.ts';
import { openCheckpointAnchors } from '../../src/record/checkpoint-anchors.ts';
import { loadCheckpointKey } from '../../src/record/checkpoint-key.ts';
import { createCheckpointSigner, type CheckpointSigner } from '../../src/record/checkpoint-signer.ts';
import { readPublicKey } from '../../src/record/checkpoint.ts';
import { observeEvidence } from '../../src/record/evidence-version.ts';
import { createRecordService, type SweepingRecordService } from '../../src/record/service.ts';
import { verifyBundle } from '../../src/record/verify-bundle.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { AGENT, ALICE, BOB, evidenceRow, silentOptions, TENANT } from '../support/record-fixture.ts';
import { openTemporaryStore, type TemporaryStore } from '../support/temporary-store.ts';

let temporary: TemporaryStore;
let keys: string;
let signer: CheckpointSigner;

beforeAll(async () => {
  temporary = await openTemporaryStore();
  keys = mkdtempSync(join(tmpdir(), 'docket-keys-'));
  const key = await loadCheckpointKey(keys);
  signer = createCheckpointSigner({
    key,
    anchors: await openCheckpointAnchors(join(keys, 'anchors.jsonl'), readPublicKey(key.publicKey)),
  });
});

afterAll(async () => {
  await signer.close();
  await temporary.dispose();
  rmSync(keys, { recursive: true, force: true });
});

async function startService(shared = false): Promise<SweepingRecordService> {
  const { store } = temporary;
  const observed = observeEvidence(store.evidenceLog);
  const service = createRecordService({
    recordLog: store.recordLog,
    evidenceLog: observed.log,
    evidenceVersions: observed.versions,
    queries: store.evidenceQueries,
    eraser: store.contentEraser,
    checkpoints: signer,
    sharedLog: shared,
    sweepIntervalMilliseconds: 0,
    pollIntervalMilliseconds: 0,
    ...silentOptions(),
  });
  await service.start();
  return service;
}

async function opened(service: SweepingRecordService, title: string): Promise<string> {
  const result = await service.open(TENANT, ALICE, { title, severity: 'sev2', services: ['checkout'] });
  if (result.kind !== 'opened') throw new Error(JSON.stringify(result));
  return result.incident.id;
}

test('invariant 31: erasure removes content and salt from the disk, keeps digest and size, and the bundle verifies', async () => {
  const service = await startService();
  const incident = await opened(service, 'Erasure');
  const secret = 'Jane Roe of 12 Elm Street called at noon';
  const added = await service.append(TENANT, incident, BOB, {
    type: 'evidence.add',
    body: { kind: 'note', summary: 'A call', text: secret },
  });
  if (added.kind !== 'appended') throw new Error(JSON.stringify(added));
  const { items } = (await service.entries(TENANT, incident, { after: 0, limit: 10 })) ?? { items: [] };
  const evidence = items.at(-1)?.body['evidence'];
  const id = typeof evidence === 'string' ? evidence : '';
  const before = await temporary.store.evidenceLog.get(TENANT, incident, id);
  expect(before?.facts['salt']).toMatch(/^[0-9a-f]{64}$/);
  const agents = await service.append(TENANT, incident, AGENT, {
    type: 'content.erase',
    body: { evidence: id, reason: 'x' },
  });
  expect(agents).toMatchObject({ kind: 'rejected', rejection: { code: 'content.erase_needs_human' } });
  const entryId = '018f0000-0000-7000-8000-00000000e5a5';
  const erase = { type: 'content.erase', body: { evidence: id, reason: 'Asked for by the person' }, entryId };
  expect(await service.append(TENANT, incident, ALICE, erase)).toMatchObject({ kind: 'appended' });
  expect(await service.append(TENANT, incident, ALICE, erase)).toMatchObject({ kind: 'repeated' });
  const after = await temporary.store.evidenceLog.get(TENANT, incident, id);
  expect(after).toMatchObject({
    summary: 'content erased',
    digest: before?.digest,
    content: { body: { captured: true, value: null, bytes: Buffer.byteLength(secret), digest: null } },
  });
  expect(after?.facts).not.toHaveProperty('salt');
  // A redelivery of the row as it was brings nothing back.
  if (before !== undefined) await temporary.store.evidenceLog.put([before]);
  expect((await temporary.store.evidenceLog.get(TENANT, incident, id))?.summary).toBe('content erased');
  await service.sweep();
  expect(
    await temporary.store.query<{ found: string }>(
      `SELECT toString(count()) AS found FROM evidence WHERE position(content, 'Elm Street') > 0`,
    ),
  ).toEqual([{ found: '0' }]);

  const again = await service.append(TENANT, incident, ALICE, {
    type: 'content.erase',
    body: { evidence: id, reason: 'again' },
  });
  expect(again).toMatchObject({ kind: 'rejected', rejection: { code: 'content.erased' } });
  const bundles = createBundleExporter({
    record: service,
    evidence: temporary.store.evidenceLog,
    signer,
    logger: createLogger('silent'),
    meter: metrics.getMeter('test'),
  });
  const bundle = await bundles.export(TENANT, incident, ALICE);
  expect(verifyBundle(Buffer.from(bundle?.text ?? ''))).toMatchObject({
    integrity: { ok: true },
    completeness: { ok: true },
  });
  await service.close();
});

test('erasing a row empties the spans and logs it was made of', async () => {
  const service = await startService();
  const incident = await opened(service, 'Erasure of telemetry');
  const traceId = 'cd'.repeat(16);
  const spanId = 'ef'.repeat(8);
  await temporary.command(`INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanAttributes, StatusMessage, Tenant, ReceivedAt)
VALUES (now64(9), '${traceId}', '${spanId}', 'execute_tool', map('gen_ai.tool.call.arguments', 'Elm Street'), 'Elm Street', '${TENANT}', now64(9))`);
  await temporary.command(`INSERT INTO otel_logs (Timestamp, TraceId, SpanId, Body, LogAttributes, Tenant, ReceivedAt)
VALUES (now64(9), '${traceId}', '${spanId}', 'Elm Street', map('body', 'Elm Street'), '${TENANT}', now64(9))`);
  const id = 'f'.repeat(32);
  await temporary.store.evidenceLog.put([
    evidenceRow({ id, incident, source: { traceId, spanId, signal: 'traces', alsoSeenAs: [] } }),
  ]);
  const erased = await service.append(TENANT, incident, ALICE, {
    type: 'content.erase',
    body: { evidence: id, reason: 'Asked for' },
  });
  expect(erased).toMatchObject({ kind: 'appended' });
  const trace = await temporary.store.telemetryReader.trace(TENANT, traceId);
  expect(trace?.spans).toMatchObject([{ spanId, name: 'execute_tool', attributes: {}, statusMessage: '' }]);
  expect(trace?.logs).toMatchObject([{ spanId, body: '', attributes: {} }]);
  await service.close();
});

test('a start reads outlines: lists, bindings and refs are there before a log is read', async () => {
  const service = await startService();
  const incident = await opened(service, 'Outlined');
  await service.bind(TENANT, incident, ALICE, { traceId: 'ab'.repeat(16) });
  await service.append(TENANT, incident, ALICE, { type: 'incident.status', body: { status: 'active' } });
  await service.append(TENANT, incident, ALICE, { type: 'incident.severity', body: { severity: 'sev1' } });
  const before = await service.list(TENANT, {});
  await service.close();
  const again = await startService();
  expect(await again.list(TENANT, {})).toEqual(before);
  expect(
    again.index.resolve(TENANT, {
      refs: [],
      traceId: 'ab'.repeat(16),
      conversationId: '',
      sessionId: '',
      agent: '',
      service: '',
      environment: '',
      occurredAtUnixNano: 0n,
      namedTraceIds: [],
    }),
  ).toMatchObject([{ incidentId: incident, link: { mode: 'bound' } }]);
  expect((await again.record(TENANT, incident))?.severity).toBe('sev1');
  await again.close();
});

test('the aim of recent queries is counted in the store and asks for a challenge', async () => {
  let time = Date.parse('2026-11-22T14:00:00Z');
  const { store } = temporary;
  const service = createRecordService({
    recordLog: store.recordLog,
    evidenceLog: store.evidenceLog,
    queries: store.evidenceQueries,
    sweepIntervalMilliseconds: 0,
    clock: () => new Date(time),
    ...silentOptions(),
  });
  await service.start();
  const incident = await opened(service, 'Checkout answers 500');
  const did = async (type: string, body: Record<string, string>) => {
    const result = await service.append(TENANT, incident, ALICE, { type, body });
    if (result.kind !== 'appended') throw new Error(JSON.stringify(result));
  };
  await did('incident.status', { status: 'active' });
  await did('hypothesis.propose', { statement: 'The redis cache evicts sessions' });
  await did('hypothesis.propose', { statement: 'Release 2.4.1 sends an empty currency' });
  await store.evidenceLog.put(
    Array.from({ length: 12 }, (_, index) =>
      evidenceRow({
        id: `c${String(index).padStart(31, '0')}`,
        incident,
        occurredAtUnixNano: BigInt(time + (index + 1) * 1_000) * 1_000_000n,
        tool: { name: 'query_metrics', callId: null, type: null, mcpServer: null, tier: 'read', tierRule: null },
        summary: index === 0 ? 'query_metrics payments_currency' : 'query_metrics Redis_hits',
      }),
    ),
  );
  const record = await service.record(TENANT, incident);
  expect(record?.fixation).toMatchObject({ recentQueries: 12, challengeDue: false });
  expect(record?.fixation.queryShareOnLeader).toBeCloseTo(11 / 12);
  expect(record?.fixation.explanation).toContain('11 of the last 12 queries were aimed at it.');
  time += 21 * 60_000;
  expect((await service.record(TENANT, incident))?.fixation.challengeDue).toBe(true);
  await service.sweep();
  const after = await service.record(TENANT, incident);
  expect(after?.gaps.map((gap) => gap.what)).toEqual(['Nobody but its author is there to challenge H1']);
  await service.close();
});

test('mutating calls are matched to approvals by arguments digest, and every one is looked at', async () => {
  const service = await startService();
  const incident = await opened(service, 'Mutations');
  const digest = (name: string): string => `hmac:k1:${name.repeat(8)}`;
  const did = async (actor: typeof ALICE, type: string, body: Record<string, unknown>) => {
    const result = await service.append(TENANT, incident, actor, { type, body: body as Record<string, string> });
    if (result.kind !== 'appended') throw new Error(JSON.stringify(result));
  };
  await did(AGENT, 'action.propose', {
    intent: 'Restart',
    target: 'checkout',
    operation: 'restart',
    tier: 'mutate',
    parametersDigest: digest('a'),
    rollback: { plan: 'Restart again' },
  });
  await did(AGENT, 'approval.request', { action: 'A1' });
  await did(BOB, 'approval.vote', { approval: 'P1', verdict: 'approve' });
  await did(AGENT, 'action.start', { action: 'A1' });
  const call = (index: number, of: string, outcome: 'ok' | 'error' | 'denied' = 'ok') =>
    evidenceRow({
      id: `d${String(index).padStart(31, '0')}`,
      incident,
      occurredAtUnixNano: BigInt(Date.now() + index) * 1_000_000n,
      outcome,
      tool: { name: 'kubectl', callId: null, type: null, mcpServer: null, tier: 'mutate', tierRule: null },
      content: { arguments: { captured: true, value: '{}', bytes: 2, digest: digest(of) } },
    });
  // A failed try and the approved call; the same call again; another call; one that was denied.
  await temporary.store.evidenceLog.put([
    call(0, 'a', 'error'),
    call(1, 'a'),
    call(2, 'a'),
    call(3, 'b'),
    call(4, 'c', 'denied'),
  ]);
  await service.sweep();
  const gaps = async () =>
    (await service.record(TENANT, incident))?.gaps.map((gap) => Number(gap.blocks[0]?.slice(1))) ?? [];
  expect(await gaps()).toEqual([2, 3]);
  await temporary.store.evidenceLog.put(
    Array.from({ length: 700 }, (_, index) => ({
      ...call(100 + index, 'a'),
      tool: { name: 'get', callId: null, type: null, mcpServer: null, tier: 'read' as const, tierRule: null },
    })),
  );
  // Older than seven hundred others, and found.
  await temporary.store.evidenceLog.put([{ ...call(5, 'b'), occurredAtUnixNano: 1_000_000_000n }]);
  const fresh = await startService();
  await fresh.sweep();
  await fresh.sweep();
  const found = await fresh.record(TENANT, incident);
  expect(found?.gaps.map((gap) => Number(gap.blocks[0]?.slice(1)))).toEqual([2, 3, 5]);
  await fresh.close();
  await service.close();
});

test('two processes on one log see what the other opened, bound and entered, and never give a ref twice', async () => {
  const one = await startService(true);
  const two = await startService(true);
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? one : two).open(TENANT, ALICE, { title: `Opened ${index}` }),
    ),
  );
  const refs = results.map((result) => (result.kind === 'opened' ? result.incident.ref : result.kind));
  expect(new Set(refs).size).toBe(20);
  expect(refs.every((ref) => /^INC-\d+$/.test(ref))).toBe(true);
  // What one opened is there for the other at once, by its ref.
  const [first = ''] = refs;
  expect((await two.record(TENANT, first))?.title).toBe('Opened 0');
  await one.bind(TENANT, first, ALICE, { conversationId: 'shared-conversation' });
  await two.append(TENANT, first, BOB, { type: 'hypothesis.propose', body: { statement: 'Seen by both' } });
  expect((await one.record(TENANT, first))?.hypotheses).toHaveLength(1);
  await two.poll();
  expect(two.index.knows(TENANT, refs[18] ?? '')).toBe(true);
  expect(
    two.index.resolve(TENANT, {
      refs: [],
      traceId: '',
      conversationId: 'shared-conversation',
      sessionId: '',
      agent: '',
      service: '',
      environment: '',
      occurredAtUnixNano: 0n,
      namedTraceIds: [],
    }),
  ).toHaveLength(1);
  const chosen = { title: 'Chosen', ref: 'PAY-1' };
  const both = await Promise.all([one.open(TENANT, ALICE, chosen), two.open(TENANT, BOB, chosen)]);
  expect(both.map((each) => each.kind).sort()).toEqual(['conflict', 'opened']);
  // A request that is sent again to the other process is the same request.
  const entryId = '018f0000-0000-7000-8000-0000000000aa';
  expect((await one.open(TENANT, ALICE, { title: 'Again', entryId })).kind).toBe('opened');
  expect((await two.open(TENANT, ALICE, { title: 'Again', entryId })).kind).toBe('repeated');
  expect((await two.list(TENANT, { limit: 200 })).items.some((each) => each.id.startsWith('ref:'))).toBe(false);
  await one.close();
  await two.close();
});
