import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '../../src/record/actor.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import { logsOf, tracesOf, type SpanSketch } from '../support/linker-harness.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';

const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
const RESPONDER: Actor = { kind: 'agent', name: 'helper', id: null, onBehalfOf: 'alice' };
const TENANT = 'default';

let bench: IncidentBench;
let spans = 100;

beforeAll(async () => {
  bench = await openIncidentBench();
});

afterAll(async () => {
  await bench?.dispose();
});

/** A tool call of an agent, now, in a trace of its own. */
function call(agent: string, result: string, attributes: SpanSketch['attributes'] = {}): object {
  spans += 1;
  const request = tracesOf({
    span: spans,
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'get_trace',
      'gen_ai.tool.call.id': `call_${spans}`,
      'gen_ai.agent.name': agent,
      'gen_ai.tool.call.result': result,
      ...attributes,
    },
  });
  const now = BigInt(Date.now()) * 1_000_000n;
  return JSON.parse(
    JSON.stringify(request)
      .replace(/"traceId":"[^"]*"/g, `"traceId":"${String(spans).padStart(32, 'c')}"`)
      .replace(/"startTimeUnixNano":"[^"]*"/g, `"startTimeUnixNano":"${now}"`)
      .replace(/"endTimeUnixNano":"[^"]*"/g, `"endTimeUnixNano":"${now + 1_000_000n}"`),
  ) as object;
}

async function open(ref: string, more: object = {}): Promise<string> {
  const opened = await bench.record.open(TENANT, ALICE, { title: ref, ref, ...more });
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  return opened.incident.id;
}

async function calls(incident: string): Promise<readonly EvidenceRow[]> {
  const page = await bench.temporary.store.evidenceLog.page(TENANT, incident, { kinds: ['tool_call'], limit: 100 });
  return page.items;
}

describe('links that are inferred', () => {
  test('take in what a responding agent did while the incident goes on, and nobody else', async () => {
    const incident = await open('INC-AGENT');
    await bench.record.append(TENANT, incident, RESPONDER, { type: 'participant.join', body: {} });
    await bench.send(TENANT, 'traces', call('helper', 'ok'));
    await bench.send(TENANT, 'traces', call('stranger', 'ok'));
    await bench.watch.refresh(TENANT, incident);
    await bench.watch.refresh(TENANT, incident);
    const rows = await calls(incident);
    expect(rows.map((row) => [row.actor.name, row.link])).toEqual([
      ['helper', { mode: 'inferred', rule: "responder's agent helper active in the window", score: 0.7 }],
    ]);
  });

  test('take in calls that name a trace of the incident whole, by its 64 bits or by its first digits', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const incident = await open('INC-TRACE', { bind: { traceId } });
    await bench.record.append(TENANT, incident, ALICE, {
      type: 'evidence.add',
      body: { kind: 'trace', summary: 'a slow trace', traceId },
    });
    await bench.send(TENANT, 'traces', call('whole', `{"trace":"${traceId}"}`));
    await bench.send(TENANT, 'traces', call('short', `{"trace":"${traceId.slice(16)}"}`));
    await bench.send(TENANT, 'traces', call('prefix', `trace ${traceId.slice(0, 20)} is slow`));
    await bench.send(TENANT, 'traces', call('other', `{"trace":"${traceId.replace('0af', '1af')}9"}`));
    await bench.watch.refresh(TENANT, incident);
    const rows = await calls(incident);
    expect(rows.map((row) => row.actor.name).sort((a, b) => (a < b ? -1 : 1))).toEqual(['prefix', 'short', 'whole']);
    expect(new Set(rows.map((row) => `${row.link?.mode} ${row.link?.rule} ${row.link?.score}`))).toEqual(
      new Set([`inferred names trace ${traceId} 0.6`]),
    );
  });

  test('know the traces that are bound to the incident, in every form of their ids', async () => {
    const traceId = '0bf7651916cd43dd8448eb211c80319c';
    const incident = await open('INC-BOUND-TRACE', { bind: { traceId } });
    await bench.send(TENANT, 'traces', call('upper', `{"trace":"${traceId.toUpperCase()}"}`));
    await bench.send(TENANT, 'traces', call('short', `{"trace":"${traceId.slice(16)}"}`));
    const decimal = BigInt(`0x${traceId.slice(16)}`).toString();
    await bench.send(TENANT, 'traces', call('decimal', `{"dd.trace_id":"${decimal}"}`));
    await bench.send(TENANT, 'traces', call('other', `{"dd.trace_id":"1${decimal}"}`));
    await bench.watch.refresh(TENANT, incident);
    const names = (await calls(incident)).map((row) => row.actor.name);
    expect(names.sort((a, b) => (a < b ? -1 : 1))).toEqual(['decimal', 'short', 'upper']);
  });

  test('are confirmed or cut by a person, and a cut one does not come back', async () => {
    const incident = await open('INC-CONFIRM');
    await bench.record.append(TENANT, incident, RESPONDER, { type: 'participant.join', body: {} });
    await bench.send(TENANT, 'traces', call('helper', 'one'));
    await bench.send(TENANT, 'traces', call('helper', 'two'));
    await bench.watch.refresh(TENANT, incident);
    const [one, two] = await calls(incident);
    const confirm = { type: 'evidence.confirm', body: { evidence: one?.id ?? '' } };
    expect((await bench.record.append(TENANT, incident, RESPONDER, confirm)).kind).toBe('rejected');
    expect((await bench.record.append(TENANT, incident, ALICE, confirm)).kind).toBe('appended');
    const cut = { type: 'evidence.withdraw', body: { evidence: two?.id ?? '', reason: 'another matter' } };
    expect((await bench.record.append(TENANT, incident, ALICE, cut)).kind).toBe('appended');
    await bench.watch.refresh(TENANT, incident);
    expect(await calls(incident)).toHaveLength(2);
    expect((await bench.record.append(TENANT, incident, ALICE, cut)).kind).toBe('rejected');
  });
});

test('the strongest link is the one that is shown: manual, explicit, bound, inferred', async () => {
  const traceId = '1bf7651916cd43dd8448eb211c80319c';
  const incident = await open('INC-ORDER', { bind: [{ agent: 'bound-agent' }, { traceId }] });
  const named = `{"trace":"${traceId}"}`;
  await bench.send(TENANT, 'traces', call('nobody', named));
  await bench.send(TENANT, 'traces', call('bound-agent', named));
  await bench.send(TENANT, 'traces', call('bound-agent', named, { 'incident.id': 'INC-ORDER' }));
  await bench.send(TENANT, 'traces', call('loose', 'nothing'));
  const { evidenceLog } = bench.temporary.store;
  const loose = (await evidenceLog.unfiled(TENANT, { actor: 'loose', limit: 10 })).items.map((row) => row.id);
  await evidenceLog.file(TENANT, incident, loose, { mode: 'manual', rule: 'filed by alice', score: 1 });
  await bench.watch.refresh(TENANT, incident);
  const rows = await calls(incident);
  expect(rows.map((row) => row.link?.mode).sort((a, b) => (String(a) < String(b) ? -1 : 1))).toEqual([
    'bound',
    'explicit',
    'inferred',
    'manual',
  ]);
});

test('an alert sent as a log record is one row about its service, filed under its incident', async () => {
  const incident = await open('INC-OTLP', { services: ['checkout'] });
  const record = {
    service: 'alertmanager',
    severity: 17,
    body: 'checkout fails',
    eventName: 'alert.firing',
    attributes: { 'alert.event_id': 'e1', 'alert.rule_name': 'many errors', 'service.name': 'checkout' },
  };
  const now = String(BigInt(Date.now()) * 1_000_000n);
  for (const body of ['checkout fails', 'checkout still fails']) {
    const request = JSON.stringify(logsOf({ ...record, body })).replace(
      /"timeUnixNano":"[^"]*"/g,
      `"timeUnixNano":"${now}"`,
    );
    await bench.send(TENANT, 'logs', JSON.parse(request) as object);
  }
  const { items } = await bench.temporary.store.evidenceLog.page(TENANT, incident, { kinds: ['alert'], limit: 10 });
  expect(items).toHaveLength(1);
  expect(items[0]).toMatchObject({
    service: 'checkout',
    actor: { kind: 'service', name: 'alertmanager' },
    outcome: 'error',
    link: { mode: 'inferred', score: 0.8 },
  });
});

test('the redacted content of evidence outlives the telemetry it was made from', async () => {
  const token = `ghp_${'Vc3Nb8Ty1W'.repeat(3)}h5J2k9`;
  const incident = await open('INC-KEPT');
  await bench.send(TENANT, 'traces', call('keeper', `uses ${token}`, { 'incident.id': 'INC-KEPT' }));
  const { store, command } = bench.temporary;
  const spans = async () => (await store.query<{ n: string }>('SELECT toString(count()) AS n FROM otel_traces'))[0]?.n;
  expect(Number(await spans())).toBeGreaterThan(0);
  // As time would do it: rows are older than what is kept, and ClickHouse drops their parts.
  await command('ALTER TABLE otel_traces MODIFY TTL toDateTime(ReceivedAt) - toIntervalDay(1)');
  await command('OPTIMIZE TABLE otel_traces FINAL');
  expect(await spans()).toBe('0');
  const [row] = await calls(incident);
  expect(row?.content['result']?.value).toMatch(/^uses \[redacted:/);
  expect(row?.redactions).not.toEqual([]);
});
