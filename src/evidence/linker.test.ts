import { describe, expect, test } from 'vitest';
import {
  frameOf,
  LinkerHarness,
  tracesOf,
  type LogSketch,
  type SpanSketch,
} from '../../test/support/linker-harness.ts';
import type { EvidenceRow } from '../record/evidence.ts';
import { FAILURES_PER_TRACE_MAX, IDENTICAL_CALLS_MAX } from './act-window.ts';

const executeTool: SpanSketch = {
  name: 'execute_tool kubectl_get',
  span: 10,
  parent: 2,
  start: 100,
  end: 200,
  attributes: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'kubectl_get',
    'gen_ai.tool.call.id': 'call_1',
    'gen_ai.tool.call.arguments': '{"resource":"pods"}',
  },
};
const mcpClient: SpanSketch = {
  name: 'tools/call kubectl_get',
  span: 11,
  parent: 10,
  kind: 3,
  start: 110,
  end: 190,
  attributes: { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 'kubectl_get' },
};
const mcpServer: SpanSketch = {
  name: 'tools/call kubectl_get',
  service: 'kube-mcp',
  span: 13,
  parent: 12,
  kind: 2,
  start: 130,
  end: 180,
  attributes: {
    'mcp.method.name': 'tools/call',
    'gen_ai.tool.name': 'kubectl_get',
    'gen_ai.tool.call.result': 'pod/checkout Running',
  },
};
/** Ordinary HTTP between MCP client and server. */
const http: SpanSketch = {
  name: 'POST /mcp',
  service: 'kube-mcp',
  span: 12,
  parent: 11,
  kind: 3,
  start: 120,
  end: 185,
};
const chat: SpanSketch = {
  name: 'chat m',
  span: 9,
  parent: 2,
  start: 0,
  end: 90,
  attributes: {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'm',
    'gen_ai.output.messages': JSON.stringify([
      {
        role: 'assistant',
        parts: [{ type: 'tool_call', id: 'call_1', name: 'kubectl_get', arguments: { resource: 'pods' } }],
        finish_reason: 'tool_call',
      },
    ]),
  },
};
const agent: SpanSketch = {
  name: 'invoke_agent sre',
  span: 2,
  start: 0,
  end: 300,
  attributes: {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.name': 'sre',
    'gen_ai.conversation.id': 'conv-1',
    'incident.id': 'INC-1',
  },
};
const toolLog: LogSketch = {
  at: 195,
  trace: 1,
  eventName: 'gen_ai.client.inference.operation.details',
  attributes: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'kubectl_get',
    'gen_ai.tool.call.id': 'call_1',
  },
};

function toolCalls(rows: readonly EvidenceRow[]): readonly EvidenceRow[] {
  return rows.filter((row) => row.kind === 'tool_call');
}

/** A row without what depends on when it was seen first: its id, and with it its digest. */
function substance({ id: _id, digest: _digest, ...row }: EvidenceRow): object {
  return row;
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, at) =>
    permutations([...items.slice(0, at), ...items.slice(at + 1)]).map((rest) => [item, ...rest]),
  );
}

describe('one act, one row', () => {
  test('tool span, MCP spans, HTTP between them and the model output part of one call are one row', async () => {
    const harness = new LinkerHarness();
    await harness.spans(chat, executeTool, mcpClient, http, mcpServer, agent);
    const [row, ...more] = toolCalls(harness.evidence.of(''));
    expect(more).toEqual([]);
    expect(row?.tool).toMatchObject({ name: 'kubectl_get', callId: 'call_1', mcpServer: 'kube-mcp' });
    expect(row?.source).toMatchObject({
      spanId: '000000000000000a',
      alsoSeenAs: ['0000000000000009', '000000000000000b', '000000000000000d'],
    });
    expect(row?.content['arguments']?.value).toBe('{"resource":"pods"}');
    expect(row?.content['result']?.value).toBe('pod/checkout Running');
    expect(row?.trust).toBe('observed');
    expect(row?.actor).toEqual({ kind: 'agent', name: 'sre', id: null });
    expect(row?.conversationId).toBe('conv-1');
    expect(row?.summary).toBe('kubectl_get pods on kube-mcp');
  });

  test('the same row comes out in every order of arrival, each span in a request of its own', async () => {
    const orders = permutations([chat, executeTool, mcpClient, mcpServer, agent]);
    let expected: object | undefined;
    for (const [at, order] of orders.entries()) {
      // In every second order, content that is stored is out of memory when the next span comes.
      const harness = new LinkerHarness(at % 2 === 0 ? {} : { contentLengthKept: 0 });
      for (const span of order) await harness.spans(span);
      const rows = toolCalls(harness.evidence.of(''));
      const names = order.map((span) => span.name).join(', ');
      expect(rows.length, names).toBe(1);
      const [row] = rows;
      if (row === undefined) continue;
      const { facts: _facts, ...rest } = substance(row) as { facts: unknown };
      expected ??= rest;
      expect(rest, names).toEqual(expected);
    }
  });

  test('a log event of the call joins its row, whichever comes first', async () => {
    for (const logFirst of [true, false]) {
      const harness = new LinkerHarness();
      if (logFirst) await harness.logs(toolLog);
      await harness.spans(executeTool);
      if (!logFirst) await harness.logs(toolLog);
      expect(toolCalls(harness.evidence.of(''))).toHaveLength(1);
    }
  });

  test('two attempts of one call id that do not overlap are two rows', async () => {
    const harness = new LinkerHarness();
    await harness.spans(executeTool, { ...executeTool, span: 20, start: 500, end: 600 });
    expect(toolCalls(harness.evidence.of(''))).toHaveLength(2);
  });

  test('calls of different ids and of different traces stay apart', async () => {
    const harness = new LinkerHarness();
    const other = { ...executeTool.attributes, 'gen_ai.tool.call.id': 'call_2' };
    await harness.spans(executeTool, { ...executeTool, span: 21, attributes: other }, { ...executeTool, trace: 2 });
    expect(toolCalls(harness.evidence.of(''))).toHaveLength(3);
  });

  test('a tool run by an agent that is itself a tool is a row of its own', async () => {
    const harness = new LinkerHarness();
    const outer = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'ask_expert',
      'gen_ai.tool.call.id': 'c9',
    };
    await harness.spans(
      { ...executeTool, span: 30, attributes: outer, start: 0, end: 900 },
      { ...agent, span: 2, parent: 30 },
      executeTool,
    );
    expect(toolCalls(harness.evidence.of('')).map((row) => row.tool?.name)).toEqual(['ask_expert', 'kubectl_get']);
  });

  test('a call that the model asked for and nobody ran is a row with unknown outcome', async () => {
    const harness = new LinkerHarness();
    await harness.spans(chat);
    const [row] = toolCalls(harness.evidence.of(''));
    expect(row).toMatchObject({ outcome: 'unknown', summary: 'asked for kubectl_get pods' });
  });

  test('requests without usable ids meet the runs of that tool that follow them', async () => {
    const harness = new LinkerHarness();
    const run = (span: number, start: number): SpanSketch => ({
      scope: 'openinference.instrumentation.langchain',
      name: 'search',
      span,
      parent: 2,
      start,
      end: start + 10,
      attributes: { 'openinference.span.kind': 'TOOL', 'tool.name': 'kubectl_get', 'input.value': 'pods' },
    });
    await harness.spans(chat, run(31, 100));
    expect(toolCalls(harness.evidence.of(''))).toHaveLength(1);
    await harness.spans(run(32, 200));
    expect(toolCalls(harness.evidence.of(''))).toHaveLength(2);
  });

  test('a span whose parents form a cycle is read like any other', async () => {
    const harness = new LinkerHarness();
    await harness.spans({ ...executeTool, parent: 11 }, { ...mcpClient, parent: 10 }, { ...agent, parent: 2 });
    expect(toolCalls(harness.evidence.of(''))).toHaveLength(1);
  });

  test('a flood of identical calls is counted into one row beyond its bound', async () => {
    const harness = new LinkerHarness();
    const calls = Array.from({ length: IDENTICAL_CALLS_MAX + 40 }, (_, at) => ({
      ...executeTool,
      span: 1000 + at,
      start: at * 10,
      end: at * 10 + 5,
      attributes: { ...executeTool.attributes, 'gen_ai.tool.call.id': `call_${at}` },
    }));
    await harness.spans(...calls);
    await harness.spans(...calls);
    const rows = toolCalls(harness.evidence.of(''));
    expect(rows).toHaveLength(IDENTICAL_CALLS_MAX);
    const last = rows.find((row) => row.facts['identicalCalls'] !== undefined);
    expect(last?.facts['identicalCalls']).toBe('40');
    expect(last?.summary).toContain('(and 40 more identical calls)');
    expect(last?.source.alsoSeenAs).toHaveLength(40);
  });
});

describe('content that is in the store alone', () => {
  test('comes back when more is said about the act', async () => {
    const harness = new LinkerHarness({ contentLengthKept: 0 });
    await harness.spans(executeTool);
    await harness.spans(mcpClient, http, mcpServer);
    expect(harness.evidence.contentLookUps).toBe(1);
    const [row] = toolCalls(harness.evidence.of(''));
    expect(row?.content['arguments']?.value).toBe('{"resource":"pods"}');
    expect(row?.content['result']?.value).toBe('pod/checkout Running');
    await harness.logs({ ...toolLog, attributes: { ...toolLog.attributes, 'gen_ai.agent.name': 'sre' } });
    const [later] = toolCalls(harness.evidence.of(''));
    expect(later?.content).toEqual(row?.content);
    expect(later?.actor.name).toBe('sre');
  });

  test('comes back with an act that turns out to be part of another', async () => {
    const harness = new LinkerHarness({ contentLengthKept: 0 });
    await harness.spans(executeTool);
    // Not within the time of the call: only the span between them shows that it is the same.
    await harness.spans({ ...mcpServer, start: 500, end: 550 }, http);
    expect(toolCalls(harness.evidence.of(''))).toHaveLength(2);
    await harness.spans(mcpClient);
    const [row, ...more] = toolCalls(harness.evidence.of(''));
    expect(more).toEqual([]);
    expect(row?.content['arguments']?.value).toBe('{"resource":"pods"}');
    expect(row?.content['result']?.value).toBe('pod/checkout Running');
  });

  test('is not asked for by what changes no row', async () => {
    const harness = new LinkerHarness({ contentLengthKept: 0 });
    await harness.spans(executeTool, agent);
    const { puts } = harness.evidence;
    await harness.spans(agent);
    expect(harness.evidence.contentLookUps).toBe(0);
    await harness.spans({ ...chat, attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm' } });
    expect(harness.evidence.contentLookUps).toBe(0);
    expect(harness.evidence.puts).toBe(puts + 1);
  });

  test('moves to an incident that an agent span above names later', async () => {
    const harness = new LinkerHarness({ contentLengthKept: 0 });
    harness.incidents.open('inc', 'INC-1');
    await harness.spans(executeTool);
    await harness.spans(agent);
    const [row] = toolCalls(harness.evidence.of('inc'));
    expect(row?.content['arguments']?.value).toBe('{"resource":"pods"}');
  });

  test('does not come back once it was erased there', async () => {
    const harness = new LinkerHarness({ contentLengthKept: 0 });
    await harness.spans(executeTool);
    for (const [key, row] of harness.evidence.rows) {
      harness.evidence.rows.set(key, {
        ...row,
        content: { arguments: { captured: true, value: null, bytes: 19, digest: null } },
      });
    }
    await harness.logs(toolLog);
    const [row] = toolCalls(harness.evidence.of(''));
    expect(row?.content['arguments']).toMatchObject({ captured: true, value: null });
  });
});

describe('links', () => {
  test('a span that names an incident which is open is linked, and so is what runs under it', async () => {
    const harness = new LinkerHarness();
    harness.incidents.open('i1', 'INC-1');
    await harness.spans(executeTool, agent);
    expect(harness.evidence.of('')).toEqual([]);
    const rows = harness.evidence.of('i1');
    expect(rows.map((row) => row.kind).sort()).toEqual(['agent_run', 'tool_call']);
    for (const row of rows) {
      expect(row).toMatchObject({ state: 'linked', link: { mode: 'explicit', score: 1 }, namedRefs: [] });
    }
  });

  test('a tool span that came before the agent span above it moves out of the unfiled ones', async () => {
    const harness = new LinkerHarness();
    harness.incidents.open('i1', 'INC-1');
    await harness.spans(executeTool);
    expect(harness.evidence.of('')).toHaveLength(1);
    await harness.spans(agent);
    expect(harness.evidence.of('')).toEqual([]);
    expect(toolCalls(harness.evidence.of('i1'))).toHaveLength(1);
  });

  test('a ref that names no incident yet is kept on the unfiled row', async () => {
    const harness = new LinkerHarness();
    await harness.spans(executeTool, agent);
    expect(harness.evidence.of('').map((row) => row.namedRefs)).toEqual([['INC-1'], ['INC-1']]);
  });

  test('two agents of one trace that name two incidents keep their tool calls apart', async () => {
    const harness = new LinkerHarness();
    harness.incidents.open('i1', 'INC-1');
    harness.incidents.open('i2', 'INC-2');
    const other: SpanSketch = {
      ...agent,
      span: 3,
      attributes: { ...agent.attributes, 'gen_ai.agent.name': 'helper', 'incident.id': 'INC-2' },
    };
    const otherTool = {
      ...executeTool,
      span: 40,
      parent: 3,
      attributes: { ...executeTool.attributes, 'gen_ai.tool.call.id': 'call_7' },
    };
    await harness.spans(executeTool);
    await harness.spans(other);
    await harness.spans(otherTool);
    await harness.spans(agent);
    expect(toolCalls(harness.evidence.of('i1')).map((row) => row.source.spanId)).toEqual(['000000000000000a']);
    expect(toolCalls(harness.evidence.of('i2')).map((row) => row.source.spanId)).toEqual(['0000000000000028']);
  });

  test('a conversation bound to an incident takes the tool calls under its agent', async () => {
    const harness = new LinkerHarness();
    harness.incidents.bind('i9', { kind: 'conversation', conversationId: 'conv-1' });
    await harness.spans(executeTool, agent);
    expect(harness.evidence.of('i9').map((row) => row.link?.mode)).toEqual(['bound', 'bound']);
  });

  test('one act that two incidents claim is a row in each, with the same id', async () => {
    const harness = new LinkerHarness();
    harness.incidents.open('i1', 'INC-1');
    harness.incidents.bind('i9', { kind: 'trace', traceId: '00000000000000000000000000000001' });
    await harness.spans(agent);
    expect(harness.evidence.of('i1')[0]?.id).toBe(harness.evidence.of('i9')[0]?.id);
  });

  test('an incident opened while rows are being stored gets them by relinking', async () => {
    const harness = new LinkerHarness();
    harness.incidents.relinkInto = harness.evidence.log;
    harness.evidence.onPut = () => {
      harness.evidence.onPut = () => {};
      harness.incidents.open('i1', 'INC-1');
    };
    await harness.spans(agent);
    expect(harness.incidents.relinked).toEqual([0]);
    expect(harness.evidence.of('i1')).toHaveLength(1);
    expect(harness.evidence.of('')).toEqual([]);
  });

  test('another tenant with the same ids shares nothing', async () => {
    const harness = new LinkerHarness();
    await harness.consume([
      frameOf('traces', tracesOf(executeTool), { tenant: 'a' }),
      frameOf('traces', tracesOf(mcpClient, agent), { tenant: 'b' }),
    ]);
    const rows = toolCalls([...harness.evidence.rows.values()]);
    expect(rows.map((row) => row.tenant).sort()).toEqual(['a', 'b']);
    expect(new Set(rows.map((row) => row.id)).size).toBe(2);
  });
});

describe('failures of services', () => {
  const failing: SpanSketch = {
    name: 'GET /checkout',
    service: 'checkout',
    error: true,
    attributes: { 'incident.id': 'INC-1', 'error.type': 'TimeoutError' },
  };

  test('a failing span that names an incident is an error row', async () => {
    const harness = new LinkerHarness();
    await harness.spans(failing);
    expect(harness.evidence.of('')[0]).toMatchObject({
      kind: 'error',
      outcome: 'error',
      trust: 'observed',
      actor: { kind: 'service', name: 'checkout' },
      summary: 'GET /checkout TimeoutError (error)',
    });
  });

  test('ordinary spans, and failing ones that name no incident, are no rows', async () => {
    const harness = new LinkerHarness();
    await harness.spans({ ...failing, error: false }, { ...failing, span: 2, attributes: {} }, http);
    expect(harness.evidence.rows.size).toBe(0);
    expect(harness.evidence.puts).toBe(0);
  });

  test('an incident named by the resource holds for every span under it', async () => {
    const harness = new LinkerHarness();
    await harness.spans({ ...failing, attributes: {}, resource: { 'docket.incident.id': 'INC-1' } });
    expect(harness.evidence.of('')[0]?.namedRefs).toEqual(['INC-1']);
  });

  test('failures of one trace beyond the bound get no row', async () => {
    const harness = new LinkerHarness();
    const spans = Array.from({ length: FAILURES_PER_TRACE_MAX + 5 }, (_, at) => ({ ...failing, span: at + 1 }));
    await harness.spans(...spans);
    expect(harness.evidence.rows.size).toBe(FAILURES_PER_TRACE_MAX);
  });

  test('an exception log record that names an incident is an error row', async () => {
    const harness = new LinkerHarness();
    await harness.logs({
      service: 'checkout',
      severity: 17,
      attributes: { 'incident.id': 'INC-1', 'exception.type': 'IOError', 'exception.message': 'disk full' },
    });
    expect(harness.evidence.of('')[0]).toMatchObject({ kind: 'error', summary: 'log disk full IOError (error)' });
  });
});

describe('delivery', () => {
  test('a batch delivered again writes nothing new', async () => {
    const harness = new LinkerHarness();
    const frames = [frameOf('traces', tracesOf(chat, executeTool, mcpClient, agent))];
    await harness.consume(frames);
    const before = [...harness.evidence.rows.values()];
    await harness.consume(frames, true);
    expect(harness.evidence.puts).toBe(1);
    harness.restart();
    await harness.consume(frames, true);
    expect([...harness.evidence.rows.values()]).toEqual(before);
  });

  test('what arrives after a restart about a call is laid over its stored row', async () => {
    const harness = new LinkerHarness();
    await harness.spans(executeTool, mcpClient, mcpServer, agent);
    const [before] = toolCalls(harness.evidence.of(''));
    harness.restart();
    await harness.logs(toolLog);
    const [after, ...more] = toolCalls(harness.evidence.of(''));
    expect(more).toEqual([]);
    expect(after?.source).toEqual(before?.source);
    expect(after?.content).toEqual(before?.content);
    expect(after?.summary).toBe(before?.summary);
    expect(after?.actor).toEqual(before?.actor);
  });

  test.each([
    ['with the HTTP spans between them', [http, mcpServer]],
    ['without them', [mcpServer]],
  ])('an MCP server span that comes after a restart joins the stored row of its call, %s', async (_, spans) => {
    const harness = new LinkerHarness();
    await harness.spans(executeTool, agent);
    const [before] = toolCalls(harness.evidence.of(''));
    harness.restart();
    await harness.spans(...spans);
    const [after, ...more] = toolCalls(harness.evidence.of(''));
    expect(more).toEqual([]);
    expect(after?.id).toBe(before?.id);
    expect(after?.source.spanId).toBe(before?.source.spanId);
    expect(after?.source.alsoSeenAs).toEqual(['000000000000000d']);
    expect(after?.content['result']?.value).toBe('pod/checkout Running');
    expect(after?.trust).toBe('observed');
  });

  test('a record without a call id joins the stored row of a call that had to make room', async () => {
    const harness = new LinkerHarness({ actsMax: 4 });
    // Sketches lie in the future: nothing is late, nor older than the linker.
    await harness.spans(executeTool);
    for (let trace = 2; trace < 9; trace += 1) await harness.spans({ ...executeTool, trace });
    await harness.spans(mcpClient, http, mcpServer);
    const [row, ...more] = toolCalls(harness.evidence.of('')).filter(
      (each) => each.source.traceId === '1'.padStart(32, '0'),
    );
    expect(more).toEqual([]);
    expect(row?.content['arguments']?.value).toBe('{"resource":"pods"}');
    expect(row?.content['result']?.value).toBe('pod/checkout Running');
  });

  test('the stored rows of all calls of a batch are looked up at once', async () => {
    const harness = new LinkerHarness();
    const requests = Array.from({ length: 40 }, (_, index) => ({
      ...toolLog,
      trace: 100 + index,
      span: 1000 + index,
      attributes: { ...toolLog.attributes, 'gen_ai.tool.call.id': `call_${index}` },
    }));
    await harness.logs(...requests);
    const rows = harness.evidence.of('').length;
    harness.restart();
    const before = harness.evidence.lookUps;
    await harness.logs(...requests);
    expect(harness.evidence.lookUps - before).toBeLessThanOrEqual(1);
    expect(harness.evidence.of('')).toHaveLength(rows);
  });

  test('a second call of the tool after a restart is a row of its own', async () => {
    const harness = new LinkerHarness();
    await harness.spans(executeTool, agent);
    harness.restart();
    await harness.spans({
      ...executeTool,
      span: 20,
      start: 400,
      end: 500,
      attributes: { ...executeTool.attributes, 'gen_ai.tool.call.id': 'call_2' },
    });
    expect(toolCalls(harness.evidence.of('')).map((row) => row.tool?.callId)).toEqual(['call_1', 'call_2']);
  });

  test('a store that is away makes the batch retryable, and the retry stores every row', async () => {
    const harness = new LinkerHarness();
    harness.evidence.failPuts = 1;
    const frames = [frameOf('traces', tracesOf(executeTool, agent))];
    expect(await harness.consume(frames)).toMatchObject({ kind: 'retryable' });
    expect(harness.evidence.rows.size).toBe(0);
    expect(await harness.consume(frames, true)).toEqual({ kind: 'accepted', setAside: 0 });
    expect(harness.evidence.rows.size).toBe(2);
  });

  test('facts and receipts of the record are on its row', async () => {
    const harness = new LinkerHarness();
    const redaction = {
      path: 'attributes[gen_ai.tool.call.arguments].token',
      class: 'secret.token',
      rule: 'token',
      ruleVersion: 1,
      action: 'mask',
      encodings: [],
      originalBytes: 12,
      fingerprint: 'hmac:k1:00',
    } as const;
    await harness.consume([
      frameOf('traces', tracesOf(agent, executeTool), {
        facts: [
          {
            item: 1,
            tier: 'mutate',
            tierRule: 'kubectl verb',
            verb: 'patch',
            argumentsDigest: 'hmac:k1:aa',
            argumentsBytes: 99,
            traceIds: ['0af7651916cd43dd8448eb211c80319c'],
          },
        ],
        receipts: [{ item: 1, traceId: '', spanId: '', redactions: [redaction] }],
      }),
    ]);
    const [row] = toolCalls(harness.evidence.of(''));
    expect(row?.tool).toMatchObject({ tier: 'mutate', tierRule: 'kubectl verb' });
    expect(row?.content['arguments']).toMatchObject({ bytes: 99, digest: 'hmac:k1:aa' });
    expect(row?.content['result']).toEqual({ captured: false, value: null, bytes: null, digest: null });
    expect(row?.redactions).toEqual([redaction]);
    expect(row?.facts).toMatchObject({ verb: 'patch', traceIds: ['0af7651916cd43dd8448eb211c80319c'] });
    expect(row?.sourceFamily).toBe('tool:kubectl_get:patch');
  });

  test('metrics are accepted and give no rows', async () => {
    const harness = new LinkerHarness();
    expect(await harness.consume([frameOf('metrics', { resourceMetrics: [] })])).toEqual({
      kind: 'accepted',
      setAside: 0,
    });
  });
});

test('content that was split from the span of a tool is its arguments and its result', async () => {
  const harness = new LinkerHarness();
  await harness.spans({
    span: 30,
    attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'shell', 'gen_ai.tool.call.id': 't1' },
  });
  await harness.logs({
    trace: 1,
    span: 30,
    scope: 'strands.telemetry.tracer',
    body: {
      input: { messages: [{ role: 'tool', content: { content: '{"command":"ls"}', id: 't1' } }] },
      output: { messages: [{ role: 'tool', content: { message: 'two files', id: 't1' } }] },
    },
  });
  const [row, ...more] = harness.evidence.of('');
  expect(more).toEqual([]);
  expect(Object.keys(row?.content ?? {})).toEqual(['arguments', 'result']);
  expect(row?.content['arguments']?.value).toBe('{"command":"ls"}');
  expect(row?.content['result']?.value).toBe('two files');
});

test('a call that a person let run is a call and an approval', async () => {
  const harness = new LinkerHarness();
  const call = { function_name: 'run_shell_command', function_args: '{}', success: true, 'session.id': 's1' };
  await harness.logs(
    { eventName: 'gemini_cli.tool_call', attributes: { ...call, decision: 'accept' } },
    { eventName: 'gemini_cli.tool_call', at: 5, attributes: { ...call, decision: 'auto_accept' } },
  );
  const rows = harness.evidence.of('').map((row) => [row.kind, row.outcome, row.summary]);
  expect(rows).toHaveLength(3);
  expect(rows).toContainEqual(['approval_signal', 'ok', 'tool_decision run_shell_command accept']);
});

test.each([
  {
    agent: 'codex',
    call: { 'conversation.id': 'c1', tool_name: 'shell', call_id: 'call_1' },
    events: {
      'codex.tool_decision': { decision: 'approved', source: 'User' },
      'codex.tool_result': { arguments: '{}', output: 'done', success: 'true' },
      'codex.sandbox_outcome': { outcome: 'denied' },
    },
    kinds: ['approval_signal', 'guardrail', 'tool_call'],
  },
  {
    agent: 'claude-code',
    call: { 'session.id': 's1', tool_name: 'Bash', tool_use_id: 'toolu_1' },
    events: {
      'claude_code.tool_decision': { decision: 'accept', source: 'user_temporary' },
      'claude_code.tool_result': { tool_input: '{}', success: 'true' },
    },
    kinds: ['approval_signal', 'tool_call'],
  },
])(
  'what $agent says of a call beside its result stays beside it, whichever comes first',
  async ({ call, events, kinds }) => {
    const records = Object.entries(events).map(([eventName, said]) => ({
      eventName,
      attributes: { ...call, ...said },
    }));
    for (const order of [records, records.toReversed()]) {
      const [together, apart] = [new LinkerHarness(), new LinkerHarness()];
      await together.logs(...order);
      for (const record of order) await apart.logs(record);
      for (const { evidence } of [together, apart]) {
        expect(
          evidence
            .of('')
            .map((row) => row.kind)
            .sort(),
        ).toEqual(kinds);
      }
    }
  },
);

test('a handoff says who gave it where that is known', async () => {
  const harness = new LinkerHarness();
  const scope = 'openinference.instrumentation.openai_agents';
  await harness.spans(
    { span: 71, name: 'handoff to fixer', scope, attributes: { 'openinference.span.kind': 'TOOL' } },
    { span: 72, name: 'triage → fixer.handoff', attributes: { 'traceloop.span.kind': 'handoff' } },
  );
  const summaries = harness.evidence.of('').map((row) => row.summary);
  expect(summaries.sort()).toEqual(['handoff from triage to fixer', 'handoff to fixer']);
});

test('a call that was put off until somebody approves is an approval beside its run', async () => {
  const deferred: SpanSketch = {
    ...executeTool,
    scope: 'pydantic-ai',
    attributes: { ...executeTool.attributes, 'pydantic_ai.tool.deferral.name': 'ApprovalRequired' },
  };
  const run: SpanSketch = { ...executeTool, scope: 'pydantic-ai', span: 30, start: 500, end: 600 };
  for (const order of [
    [deferred, run],
    [run, deferred],
  ]) {
    const harness = new LinkerHarness();
    for (const span of order) await harness.spans(span);
    expect(harness.evidence.of('').map((row) => row.kind)).toEqual(['approval_signal', 'tool_call']);
  }
});

test('a message event within the span of a tool is of its call, within that of a model call of that', async () => {
  const harness = new LinkerHarness();
  const message = { eventName: 'gen_ai.tool.message', body: { role: 'tool', id: 'call_1', content: '2 pods' } };
  await harness.logs({ ...message, trace: 1, span: 10 }, { ...message, trace: 1, span: 9 });
  await harness.spans(executeTool, { ...chat, attributes: { 'gen_ai.operation.name': 'chat' } });
  const rows = harness.evidence.of('');
  expect(rows.map((row) => row.kind).sort()).toEqual(['model_call', 'tool_call']);
  const call = rows.find((row) => row.kind === 'tool_call');
  expect(call?.content['result']?.value).toContain('2 pods');
  expect(call?.content['arguments']?.value).toBe('{"resource":"pods"}');
  expect(rows.find((row) => row.kind === 'model_call')?.content['input']?.value).toContain('2 pods');
});

test('of several places that name an incident the most specific one decides', async () => {
  const harness = new LinkerHarness();
  for (const number of [1, 2, 3, 4]) harness.incidents.open(`inc-${number}`, `INC-${number}`);
  const resource = { 'incident.id': 'INC-1' };
  const named = { ...executeTool.attributes, 'incident.id': 'INC-2' };
  const agent = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'sre', 'incident.id': 'INC-3' };
  const call = (span: number, more: SpanSketch): SpanSketch => ({
    ...executeTool,
    span,
    parent: 2,
    resource,
    attributes: { ...(more.attributes ?? executeTool.attributes), 'gen_ai.tool.call.id': `call_${span}` },
    ...(more.scopeAttributes === undefined ? {} : { scopeAttributes: more.scopeAttributes }),
  });
  await harness.spans(
    { span: 2, resource, attributes: agent },
    call(11, { attributes: named }),
    call(12, { scopeAttributes: { 'incident.id': 'INC-4' } }),
    call(13, {}),
    { ...call(14, {}), parent: 99 },
  );
  const calls = (incident: string): (string | null | undefined)[] =>
    harness.evidence.of(incident).flatMap((row) => (row.kind === 'tool_call' ? [row.tool?.callId] : []));
  expect(calls('inc-2')).toEqual(['call_11']);
  expect(calls('inc-4')).toEqual(['call_12']);
  expect(calls('inc-3')).toEqual(['call_13']);
  expect(calls('inc-1')).toEqual(['call_14']);
});

test('what runs under an agent of another process is of the incident that its resource names', async () => {
  const harness = new LinkerHarness();
  harness.incidents.open('inc-1', 'INC-1');
  const agent = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'sre' };
  await harness.spans({ ...executeTool, service: 'remote', span: 11, parent: 2 });
  await harness.spans({ span: 2, resource: { 'incident.id': 'INC-1' }, attributes: agent });
  expect(
    harness.evidence
      .of('inc-1')
      .map((row) => row.kind)
      .sort(),
  ).toEqual(['agent_run', 'tool_call']);
});

describe('an ordinary span that names an incident', () => {
  const handler: SpanSketch = {
    name: 'POST /alerts',
    service: 'on-call-bot',
    span: 2,
    start: 0,
    end: 900,
    attributes: { 'incident.id': 'INC-1', 'http.route': '/alerts' },
  };
  const between: SpanSketch = { name: 'investigate', span: 3, parent: 2, start: 5, end: 800 };
  const call: SpanSketch = { ...executeTool, parent: 3 };

  test('lends it to the agent work under it, in every order and over requests', async () => {
    for (const order of permutations([[handler, between], [call], [mcpServer]])) {
      const harness = new LinkerHarness();
      harness.incidents.open('i1', 'INC-1');
      // Who the parents of ordinary spans are is learned with what is beside them.
      for (const spans of order) await harness.spans(...spans);
      expect(toolCalls(harness.evidence.of('i1')).map((row) => row.tool?.callId)).toContain('call_1');
      expect(harness.evidence.of('i1')[0]?.link).toMatchObject({ mode: 'explicit' });
    }
  });

  test('lends nothing to work that names another, that an agent nearer by names another for, or of another trace', async () => {
    const harness = new LinkerHarness();
    for (const number of [1, 2, 3]) harness.incidents.open(`i${number}`, `INC-${number}`);
    const named = { ...call.attributes, 'gen_ai.tool.call.id': 'call_2', 'incident.id': 'INC-2' };
    const under = { ...call.attributes, 'gen_ai.tool.call.id': 'call_3' };
    await harness.spans(
      handler,
      between,
      { ...call, span: 20, attributes: named },
      { ...agent, span: 21, parent: 3, attributes: { ...agent.attributes, 'incident.id': 'INC-3' } },
      { ...call, span: 22, parent: 21, attributes: under },
      { ...call, trace: 2, span: 23 },
    );
    expect(toolCalls(harness.evidence.of('i1'))).toEqual([]);
    expect(toolCalls(harness.evidence.of('i2')).map((row) => row.tool?.callId)).toEqual(['call_2']);
    expect(toolCalls(harness.evidence.of('i3')).map((row) => row.tool?.callId)).toEqual(['call_3']);
    expect(toolCalls(harness.evidence.of('')).map((row) => row.source.traceId)).toEqual(['2'.padStart(32, '0')]);
  });

  test('is no row, and neither is one whose resource names the incident', async () => {
    const harness = new LinkerHarness();
    harness.incidents.open('i1', 'INC-1');
    await harness.spans(handler, { ...between, resource: { 'incident.id': 'INC-1' } });
    await harness.spans({ ...call, service: 'other' });
    expect([...harness.evidence.rows.values()].map((row) => [row.kind, row.incident])).toEqual([['tool_call', 'i1']]);
    const other = new LinkerHarness();
    other.incidents.open('i1', 'INC-1');
    await other.spans({ ...between, resource: { 'incident.id': 'INC-1' } }, { ...call, service: 'other' });
    expect(toolCalls(other.evidence.of('i1'))).toEqual([]);
  });
});

test('a list of refs names each of its incidents', async () => {
  const harness = new LinkerHarness();
  harness.incidents.open('inc-1', 'INC-1');
  harness.incidents.open('inc-2', 'INC-2');
  await harness.spans({ ...executeTool, attributes: { ...executeTool.attributes, 'incident.id': ['INC-1', 'INC-2'] } });
  expect(harness.evidence.of('inc-1')).toHaveLength(1);
  expect(harness.evidence.of('inc-2')).toHaveLength(1);
});

test('a call whose clock was set back ended no earlier than it began', async () => {
  const harness = new LinkerHarness();
  await harness.spans({ ...executeTool, start: 5_000, end: 100 });
  const [row] = harness.evidence.of('');
  expect(row?.endedAtUnixNano).toBe(row?.occurredAtUnixNano);
});

test('asks for more at once while it is behind, and for less when it has caught up', async () => {
  const linker = new LinkerHarness();
  const received = (at: number) => ({
    ...frameOf('traces', tracesOf(executeTool)),
    receivedAtUnixNano: BigInt(at) * 1_000_000n,
  });
  await linker.consume([received(Date.now())]);
  const inTime = linker.limits.bytesMax;
  await linker.consume([received(Date.now() - 5_000)]);
  expect(linker.limits.bytesMax).toBeGreaterThan(inTime);
  await linker.consume([received(Date.now())]);
  expect(linker.limits.bytesMax).toBe(inTime);
});

test('one request of many agent spans lets other work have its turns', async () => {
  const harness = new LinkerHarness();
  // Spans of agents that are no act: what is left is to read them.
  const spans = Array.from({ length: 20_000 }, (_, span) => ({
    span: span + 1,
    attributes: { 'gen_ai.operation.name': 'something_else' },
  }));
  const frame = frameOf('traces', tracesOf(...spans));
  let turns = 0;
  let done = false;
  const turn = (): void => {
    turns += 1;
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  await harness.consume([frame]);
  done = true;
  expect(harness.evidence.of('')).toEqual([]);
  // One for the request, one behind it; the rest between its records.
  expect(turns).toBeGreaterThan(4);
});
