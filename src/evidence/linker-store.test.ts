import { metrics } from '@opentelemetry/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { frameOf, MemoryIncidentIndex, tracesOf } from '../../test/support/linker-harness.ts';
import { openTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';
import { createLogger } from '../telemetry/logger.ts';
import { rowDigest } from './evidence-row.ts';
import { createLinker } from './linker.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

const agent = {
  span: 2,
  attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'sre', 'incident.id': 'INC-1' },
};
const tool = {
  span: 3,
  parent: 2,
  attributes: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'get_pods',
    'gen_ai.tool.call.id': 'call_1',
    'gen_ai.tool.call.arguments': '{"ns":"shop"}',
  },
};

test('rows stored unfiled move to the incident when the agent above them turns out to name it', async () => {
  const { evidenceLog } = temporary.store;
  const incidents = new MemoryIncidentIndex();
  incidents.open('i1', 'INC-1');
  const options = { evidenceLog, incidents, meter: metrics.getMeter('test'), logger: createLogger('silent') };
  const linker = createLinker(options);
  const toolFrame = frameOf('traces', tracesOf(tool));
  await linker.consume({ id: 'a', frames: [toolFrame], redelivered: false });
  expect((await evidenceLog.unfiled('default', { limit: 10 })).items.map((row) => row.kind)).toEqual(['tool_call']);

  await linker.consume({ id: 'b', frames: [frameOf('traces', tracesOf(agent))], redelivered: false });
  expect((await evidenceLog.unfiled('default', { limit: 10 })).items).toEqual([]);
  const filed = await evidenceLog.page('default', 'i1', { limit: 10 });
  expect(filed.items.map((row) => `${row.kind} ${row.actor.name} ${row.link?.mode}`).sort()).toEqual([
    'agent_run sre explicit',
    'tool_call sre explicit',
  ]);

  // After a restart the first request comes again.
  await createLinker(options).consume({ id: 'a', frames: [toolFrame], redelivered: true });
  expect((await evidenceLog.unfiled('default', { limit: 10 })).items).toEqual([]);
  expect((await evidenceLog.page('default', 'i1', { limit: 10 })).items).toHaveLength(2);
});

test('every row is stored with its own content, beside rows that are as they were and rows under an incident', async () => {
  const { evidenceLog } = temporary.store;
  const incidents = new MemoryIncidentIndex();
  incidents.open('i2', 'INC-2');
  const options = { evidenceLog, incidents, meter: metrics.getMeter('test'), logger: createLogger('silent') };
  const linker = createLinker(options);
  const spans = Array.from({ length: 60 }, (_, at) => ({
    trace: 100 + at,
    span: 100 + at,
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'read_file',
      'gen_ai.tool.call.id': `call_${at}`,
      'gen_ai.tool.call.arguments': `{"path":"/etc/${at}"}`,
      'gen_ai.tool.call.result': `${at} "é" `.repeat(1_000),
      ...(at % 7 === 0 ? { 'incident.id': 'INC-2' } : {}),
    },
  }));
  // Of the second batch a third is known and says nothing new.
  await linker.consume({ id: 'c', frames: [frameOf('traces', tracesOf(...spans.slice(0, 30)))], redelivered: false });
  await linker.consume({ id: 'd', frames: [frameOf('traces', tracesOf(...spans.slice(20)))], redelivered: false });
  const filed = await evidenceLog.page('default', 'i2', { limit: 100 });
  const loose = await evidenceLog.unfiled('default', { limit: 100 });
  expect(filed.items).toHaveLength(9);
  expect(loose.items).toHaveLength(51);
  for (const row of [...filed.items, ...loose.items]) {
    const at = Number(row.tool?.callId?.slice('call_'.length));
    expect(row.content['arguments']?.value).toBe(`{"path":"/etc/${at}"}`);
    expect(row.content['result']?.value).toBe(`${at} "é" `.repeat(1_000));
    if (row.incident === '') expect(rowDigest(row)).toBe(row.digest);
  }
});
