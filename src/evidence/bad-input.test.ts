import { describe, expect, test } from 'vitest';
import { frameOf, LinkerHarness, tracesOf, type SpanSketch } from '../../test/support/linker-harness.ts';
import { markRedacted } from '../pipeline/redacted.ts';
import { normalisedCallId } from '../otlp/semconv/call-id.ts';
import { REQUESTED_CALLS_MAX } from '../otlp/semconv/requested-calls.ts';
import { requestedCalls } from './gen-ai-fields.ts';
import { oneLine } from './summary.ts';

const tool = (attributes: Readonly<Record<string, unknown>>, sketch: SpanSketch = {}): SpanSketch => ({
  ...sketch,
  attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'get_pods', ...attributes },
});

describe('bad input gives the right row or none, never a failure', () => {
  test.each([
    ['broken JSON in the arguments', { 'gen_ai.tool.call.arguments': '{"ns":"sh' }, 'get_pods {"ns":"sh'],
    ['arguments that are a list', { 'gen_ai.tool.call.arguments': [1, 'a'] }, 'get_pods [1,"a"]'],
    ['arguments that are a number', { 'gen_ai.tool.call.arguments': 7 }, 'get_pods 7'],
    ['a call id that is a list', { 'gen_ai.tool.call.id': ['run_1', 'call_1'] }, 'get_pods'],
    ['a call id that is a map', { 'gen_ai.tool.call.id': { id: 'call_1' } }, 'get_pods'],
    ['a tool name that is a number', { 'gen_ai.tool.name': 7 }, '7'],
    ['a key called __proto__', Object.fromEntries([['__proto__', 'x']]), 'get_pods'],
    ['half a surrogate pair in JSON', { 'gen_ai.tool.call.arguments': '{"a":"\\ud800"}' }, 'get_pods \uFFFD'],
    ['an empty incident ref', { 'incident.id': '  ' }, 'get_pods'],
  ])('%s', async (_what, attributes, summary) => {
    const harness = new LinkerHarness();
    await harness.spans(tool(attributes));
    expect(harness.evidence.of('').map((row) => row.summary)).toEqual([summary]);
    expect(harness.evidence.of('')[0]?.namedRefs).toEqual([]);
  });

  test('a summary stays one short line without control characters, whatever the arguments hold', async () => {
    const harness = new LinkerHarness();
    await harness.spans(tool({ 'gen_ai.tool.call.arguments': `a\n\u202Eb\u0000${'😀'.repeat(5000)}` }));
    const [row] = harness.evidence.of('');
    expect(row?.summary.length).toBeLessThanOrEqual(300);
    expect(row?.summary).toMatch(/^get_pods a b 😀+…$/u);
  });

  // Each space was tried as the end of the verb, and as the end of the first agent's name: these took minutes.
  test.each([
    ['a tool call', { 'gen_ai.operation.name': 'execute_tool' }, `execute_tool${' '.repeat(200_000)}\n`],
    ['a handoff', { 'traceloop.span.kind': 'handoff' }, ' '.repeat(200_000)],
  ])('%s with a name that is mostly white space is a row', async (_what, attributes, name) => {
    const harness = new LinkerHarness();
    await harness.spans({ name, attributes });
    expect(harness.evidence.of('')).toHaveLength(1);
  });

  test('a call whose arguments nest six thousand deep is a row, and so is one that a model asks for', async () => {
    const deep = `{"cmd":"rm","x":${'['.repeat(6_000)}${']'.repeat(6_000)}}`;
    const output = `[{"role":"assistant","parts":[{"type":"tool_call","id":"call_2","name":"bash","arguments":${deep}}]}]`;
    const harness = new LinkerHarness();
    await harness.spans(tool({ 'gen_ai.tool.call.arguments': deep }), {
      span: 9,
      attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm', 'gen_ai.output.messages': output },
    });
    const rows = harness.evidence.of('');
    expect(rows.map(({ summary }) => summary).sort()).toEqual(['asked for bash', 'chat m', 'get_pods cmd=rm x=…']);
  });

  test('no id, name or pointer of a row is as long as a sender makes it', async () => {
    const long = 'x'.repeat(100_000);
    const harness = new LinkerHarness();
    harness.incidents.open('i1', 'INC-1');
    await harness.spans(
      tool({ 'gen_ai.tool.type': long, 'mcp.server.name': long, 'session.id': long, 'gen_ai.conversation.id': long }),
      {
        span: 9,
        attributes: {
          'gen_ai.operation.name': 'chat',
          'gen_ai.request.model': long,
          'gen_ai.provider.name': long,
          'gen_ai.input.messages_ref': long,
        },
      },
      { span: 10, error: true, attributes: { 'incident.id': 'INC-1', 'session.id': long } },
    );
    for (const row of [...harness.evidence.of(''), ...harness.evidence.of('i1')]) {
      const { content: _, ...rest } = row;
      expect(
        JSON.stringify(rest, (_key, value: unknown) => (typeof value === 'bigint' ? '' : value)).length,
      ).toBeLessThan(5_000);
    }
    expect(harness.evidence.of('')).toHaveLength(2);
    expect(harness.evidence.of('i1')).toHaveLength(1);
  });

  test('arguments of 746 kB are kept in part, with their size', async () => {
    const harness = new LinkerHarness();
    await harness.spans(tool({ 'gen_ai.tool.call.arguments': 'x'.repeat(746_000) }));
    expect(harness.evidence.of('')[0]?.content['arguments']).toMatchObject({ captured: true, bytes: 746_000 });
  });

  test('a span without parent, without ids of a conversation and without service is a row', async () => {
    const harness = new LinkerHarness();
    await harness.spans(tool({}, { resource: { 'service.name': '' } }));
    expect(harness.evidence.of('')[0]).toMatchObject({ actor: { kind: 'agent', name: 'unknown' }, conversationId: '' });
  });

  test('clocks of agent and MCP server that disagree do not part a call whose span tree is known', async () => {
    const harness = new LinkerHarness();
    const server: SpanSketch = {
      span: 3,
      parent: 2,
      kind: 2,
      service: 'kube-mcp',
      start: 600_000,
      end: 600_010,
      attributes: { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 'get_pods' },
    };
    await harness.spans(tool({}, { span: 2 }), server);
    expect(harness.evidence.of('')).toHaveLength(1);
  });

  test('a ref that is no ref names no incident, and one of another incident links to that one only', async () => {
    const harness = new LinkerHarness();
    harness.incidents.open('i1', 'INC-1');
    await harness.spans(tool({ 'incident.id': 'INC-99' }), tool({ 'incident.id': 'x'.repeat(5000) }, { span: 2 }));
    expect(harness.evidence.of('i1')).toEqual([]);
    expect(harness.evidence.of('').flatMap((row) => row.namedRefs)).toEqual(['INC-99']);
  });

  test('a ref that is a number counts, and what redaction left of one does not', async () => {
    const harness = new LinkerHarness();
    await harness.spans(
      tool({ 'incident.id': 42 }),
      tool({ 'incident.id': '[redacted:github-pat~5c5b05b82e]' }, { span: 2 }),
      tool({ 'incident.id': '[withheld:budget bytes=746000 hmac:k1:00 ~6933a56068]' }, { span: 3 }),
    );
    expect(harness.evidence.of('').map((row) => row.namedRefs)).toContainEqual(['42']);
    expect(harness.evidence.of('').flatMap((row) => row.namedRefs)).toEqual(['42']);
  });

  test('a span without a start happened when it came, not in 1970', async () => {
    const harness = new LinkerHarness();
    const json = JSON.stringify(tracesOf(tool({}))).replaceAll(
      /"(start|end)TimeUnixNano":"\d+"/g,
      '"$1TimeUnixNano":"0"',
    );
    const frame = frameOf('traces', JSON.parse(json) as object);
    await harness.consume([frame]);
    expect(harness.evidence.of('')[0]).toMatchObject({
      occurredAtUnixNano: frame.receivedAtUnixNano,
      endedAtUnixNano: null,
      outcome: 'unknown',
    });
  });

  test('many model outputs with deeply nested JSON are walked within bounds', () => {
    expect(requestedCalls(`${'['.repeat(5000)}${']'.repeat(5000)}`)).toEqual([]);
    expect(
      requestedCalls(JSON.stringify(Array.from({ length: 2000 }, () => ({ type: 'tool_call', name: 'x' })))),
    ).toHaveLength(REQUESTED_CALLS_MAX + 1);
    expect(requestedCalls('not JSON')).toEqual([]);
  });

  test.each([
    ['<not specified>', ''],
    [' call_1 ', 'call_1'],
    ['["run_1","call_1"]', 'call_1'],
    ['["run_1"', ''],
    ['[redacted:token~0123456789]', ''],
    [['run_1', 'toolu_9'], 'toolu_9'],
    [7, '7'],
    ['x'.repeat(1000), ''],
    [true, ''],
  ])('call id %j is %j', (sent, id) => {
    expect(normalisedCallId(sent)).toBe(id);
  });

  test('a request that is no protobuf is set aside, and the batch goes on', async () => {
    const harness = new LinkerHarness();
    const good = frameOf('traces', tracesOf(tool({})));
    const broken = { ...good, items: 3, bytes: markRedacted(Buffer.from('0a05ff', 'hex')) };
    expect(await harness.consume([broken, good])).toEqual({ kind: 'accepted', setAside: 3 });
    expect(harness.evidence.of('')).toHaveLength(1);
  });

  test('a line is never cut within a character', () => {
    expect(oneLine('😀😀😀', 4)).toBe('😀…');
  });
});
