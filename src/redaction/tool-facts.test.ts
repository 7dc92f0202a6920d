import { expect, test } from 'vitest';
import { logsOf, tracesOf, type LogSketch, type SpanSketch } from '../../test/support/linker-harness.ts';
import { transcodeJson } from '../otlp/json/transcode.ts';
import type { ItemFacts } from '../pipeline/facts.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { defaultPolicy, parsePolicy } from './policy-file.ts';
import { createRedactor } from './redactor.ts';

const redactor = createRedactor({
  policy: defaultPolicy(),
  fingerprintKey: Buffer.alloc(32, 7),
  fingerprintKeyId: 'k1',
  meter: createMetrics().meter,
  logger: createLogger('silent'),
});

function factsOf(signal: 'traces' | 'logs', json: object): readonly ItemFacts[] {
  const { bytes } = transcodeJson(signal, Buffer.from(JSON.stringify(json)));
  return redactor.redact({ tenant: 'default', signal, bytes, items: 1, receivedAtUnixNano: 1n }).facts;
}

const CALL = '{"command":"helm rollback checkout 3"}';
const helm = { tier: 'mutate', tierRule: 'helm', verb: 'rollback' };
const parts = (part: object): string => JSON.stringify([{ role: 'tool', parts: [part] }]);

/** Where each dialect that has names of its own keeps a tool's name and arguments. */
const SPANS: readonly (readonly [string, SpanSketch])[] = [
  ['MLflow', { name: 'run_shell', attributes: { 'mlflow.spanType': '"TOOL"', 'mlflow.spanInputs': CALL } }],
  ['Laminar', { name: 'run_shell', attributes: { 'lmnr.span.type': 'TOOL', 'lmnr.span.input': CALL } }],
  ['Genkit', { attributes: { 'genkit:metadata:subtype': 'tool', 'genkit:name': 'run_shell', 'genkit:input': CALL } }],
  [
    'LangSmith',
    { name: 'run_shell', scope: 'langsmith', attributes: { 'langsmith.span.kind': 'tool', 'gen_ai.prompt': CALL } },
  ],
  [
    'Langfuse',
    { name: 'shell', attributes: { 'langfuse.observation.type': 'tool', 'langfuse.observation.input': CALL } },
  ],
  [
    'VoltAgent',
    { name: 'tool.execution:shell', scope: '@voltagent/core', attributes: { 'span.type': 'tool', input: CALL } },
  ],
  [
    'the Agents SDK through Logfire',
    {
      scope: 'logfire.openai_agents',
      attributes: { 'logfire.msg_template': 'Function: {name}', name: 'shell', input: CALL },
    },
  ],
  [
    'Strands',
    {
      scope: 'strands.telemetry.tracer',
      attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'shell' },
      events: [{ name: 'gen_ai.tool.message', attributes: { role: 'tool', content: CALL } }],
    },
  ],
  [
    'Strands in its latest form',
    {
      scope: 'strands.telemetry.tracer',
      attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'shell' },
      events: [
        {
          name: 'gen_ai.client.inference.operation.details',
          attributes: {
            'gen_ai.input.messages': parts({ type: 'tool_call', name: 'shell', arguments: JSON.parse(CALL) }),
          },
        },
      ],
    },
  ],
];

test.each(SPANS)('the tier of a tool is decided by its arguments where %s keeps them', (_dialect, span) => {
  expect(factsOf('traces', tracesOf(span))).toMatchObject([helm]);
});

test('the tier of a tool is decided by the content that was split from its span', () => {
  const record: LogSketch = {
    trace: 1,
    span: 1,
    scope: 'strands.telemetry.tracer',
    attributes: { 'event.name': 'strands.telemetry.tracer' },
    body: {
      input: { messages: [{ role: 'tool', content: { content: CALL, id: 't1' } }] },
      output: { messages: [{ role: 'tool', content: { message: 'done', id: 't1' } }] },
    },
  };
  expect(factsOf('logs', logsOf(record))).toMatchObject([helm]);
});

test('a span that names the type of a tool and no tool is named after the tool', () => {
  const named = (name: string, attributes: Record<string, unknown>): SpanSketch => ({ name, attributes });
  const facts = [
    named('delete_pod', { 'langfuse.observation.type': 'tool' }),
    named('delete_pod.tool', { 'traceloop.span.kind': 'tool' }),
    named('execute_tool delete_pod', { 'gen_ai.operation.name': 'execute_tool' }),
    named('tools/call delete_pod', { 'mcp.method.name': 'tools/call' }),
  ].flatMap((span) => factsOf('traces', tracesOf(span)));
  expect(facts.map((each) => `${String(each.tier)} ${String(each.verb)}`).join()).toBe(
    'mutate delete,mutate delete,mutate delete,mutate delete',
  );
});

const named = (attributes: Record<string, unknown>): SpanSketch => ({
  attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'frobnicate', ...attributes },
});

test('the tier of a tool that a name says nothing of is that of its MCP annotations on the call', () => {
  const [facts] = factsOf('traces', tracesOf(named({ 'mcp.tool.annotations.destructiveHint': true })));
  expect(facts).toMatchObject({ tier: 'mutate', tierRule: 'mcp.annotations' });
});

test('annotations of listed and defined tools hold for their calls', () => {
  const listing = JSON.stringify({ tools: [{ name: 'frobnicate', annotations: { readOnlyHint: true } }] });
  factsOf('traces', tracesOf({ attributes: { 'mcp.method.name': 'tools/list', 'mcp.response.value': listing } }));
  expect(factsOf('traces', tracesOf(named({})))).toMatchObject([{ tier: 'read', tierRule: 'mcp.annotations' }]);
  const definitions = JSON.stringify([{ type: 'function', name: 'frobnicate', annotations: { readOnlyHint: false } }]);
  factsOf('traces', tracesOf({ attributes: { 'gen_ai.tool.definitions': definitions } }));
  expect(factsOf('traces', tracesOf(named({})))).toMatchObject([{ tier: 'mutate', tierRule: 'mcp.annotations' }]);
});

test('a key that looks like a trace id is no trace id of the call, and a trace id is', () => {
  const key = '7c9e6679f7425f1ca0f3d2b84e1a5b60';
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const texts = [
    `{"command":"curl -H 'DD-API-KEY: ${key}' https://api.example.com/traces/${traceId}"}`,
    `{"api_key":"${key}","trace_id":"${traceId}"}`,
    `{"command":"deploy --token ${key}","note":"see trace ${traceId}"}`,
  ];
  for (const text of texts) {
    const attributes = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'bash',
      'gen_ai.tool.call.arguments': text,
    };
    expect(factsOf('traces', tracesOf({ attributes }))[0]?.traceIds, text).toEqual([traceId]);
  }
});

const REQUEST = { type: 'tool_call', id: 'call_7', name: 'bash', arguments: { command: 'kubectl delete pod x' } };
const answer = (...asked: object[]): string => JSON.stringify([{ role: 'assistant', parts: asked }]);
const chat = (attributes: Record<string, unknown>, events: SpanSketch['events'] = []): SpanSketch => ({
  scope: 'openinference.instrumentation',
  attributes: { 'gen_ai.operation.name': 'chat', ...attributes },
  events,
});
const openAi = {
  id: 'call_7',
  type: 'function',
  function: { name: 'bash', arguments: JSON.stringify(REQUEST.arguments) },
};

/** Where a model's request of a tool call stands, by who writes it. */
const ASKING: readonly (readonly [string, 'traces' | 'logs', object])[] = [
  ['messages', 'traces', tracesOf(chat({ 'gen_ai.output.messages': answer(REQUEST) }))],
  ['structured messages', 'traces', tracesOf(chat({ 'gen_ai.output.messages': [{ parts: [REQUEST] }] }))],
  [
    'the details event of a span',
    'traces',
    tracesOf(
      chat({}, [
        {
          name: 'gen_ai.client.inference.operation.details',
          attributes: { 'gen_ai.output.messages': answer(REQUEST) },
        },
      ]),
    ),
  ],
  [
    'the choice event of a span',
    'traces',
    tracesOf(chat({}, [{ name: 'gen_ai.choice', attributes: { message: JSON.stringify({ tool_calls: [openAi] }) } }])),
  ],
  [
    'the choice event of the log',
    'logs',
    logsOf({ trace: 1, span: 1, eventName: 'gen_ai.choice', body: { index: 0, message: { tool_calls: [openAi] } } }),
  ],
  [
    'the details event of the log',
    'logs',
    logsOf({
      trace: 1,
      span: 1,
      eventName: 'gen_ai.client.inference.operation.details',
      attributes: { 'gen_ai.output.messages': answer(REQUEST) },
    }),
  ],
  [
    'a body with input and output',
    'logs',
    logsOf({
      trace: 1,
      span: 1,
      scope: 'strands.telemetry.tracer',
      body: { input: { messages: [openAi] }, output: { messages: [{ role: 'assistant', content: [openAi] }] } },
    }),
  ],
  [
    'the Vercel AI SDK',
    'traces',
    tracesOf({
      attributes: {
        'ai.operationId': 'ai.generateText.doGenerate',
        'ai.response.toolCalls': JSON.stringify([
          { toolCallId: 'call_7', toolName: 'bash', input: JSON.stringify(REQUEST.arguments) },
        ]),
      },
    }),
  ],
  [
    'OpenInference',
    'traces',
    tracesOf(
      chat({
        'llm.output_messages.0.message.tool_calls.0.tool_call.id': 'call_7',
        'llm.output_messages.0.message.tool_calls.0.tool_call.function.name': 'bash',
        'llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments': JSON.stringify(REQUEST.arguments),
      }),
    ),
  ],
  [
    'OpenLLMetry',
    'traces',
    tracesOf(
      chat({
        'gen_ai.completion.0.tool_calls.0.arguments': JSON.stringify(REQUEST.arguments),
        'gen_ai.completion.0.tool_calls.0.id': 'call_7',
        'gen_ai.completion.0.tool_calls.0.name': 'bash',
      }),
    ),
  ],
  [
    'an output in the form of Anthropic',
    'traces',
    tracesOf(
      chat({
        'output.value': JSON.stringify({
          content: [{ type: 'tool_use', id: 'call_7', name: 'bash', input: REQUEST.arguments }],
        }),
      }),
    ),
  ],
  ...['functionCall', 'function_call'].map((member): (typeof ASKING)[number] => [
    `an output in the form of Gemini (${member})`,
    'traces',
    tracesOf(
      chat({
        'output.value': JSON.stringify({
          candidates: [
            {
              content: {
                role: 'model',
                parts: [
                  { text: 'I will delete it.', [member]: null },
                  { [member]: { id: 'call_7', name: 'bash', args: REQUEST.arguments } },
                ],
              },
            },
          ],
        }),
      }),
    ),
  ]),
];

test.each(ASKING)('a call that a model asks for in %s is known by id, name and tier', (_where, signal, json) => {
  const [facts, ...more] = factsOf(signal, json);
  expect(more).toEqual([]);
  expect(facts?.requestedCalls).toMatchObject([
    {
      callId: 'call_7',
      tool: 'bash',
      tier: 'mutate',
      tierRule: 'kubectl',
      verb: 'delete',
      argumentsShape: 'command',
      argumentsDigest: expect.stringMatching(/^hmac:k1:/) as string,
    },
  ]);
});

test('the same holds under a policy that withholds nothing and one that withholds everything', () => {
  for (const preset of ['open', 'strict'] as const) {
    const other = createRedactor({
      policy: parsePolicy(`version: 1\nid: p\npreset: ${preset}\n`, 'p.yaml'),
      fingerprintKey: Buffer.alloc(32, 7),
      fingerprintKeyId: 'k1',
      meter: createMetrics().meter,
      logger: createLogger('silent'),
    });
    const json = tracesOf(chat({ 'gen_ai.output.messages': answer(REQUEST) }));
    const { bytes } = transcodeJson('traces', Buffer.from(JSON.stringify(json)));
    const { facts } = other.redact({ tenant: 'default', signal: 'traces', bytes, items: 1, receivedAtUnixNano: 1n });
    expect(facts[0]?.requestedCalls, preset).toMatchObject([{ callId: 'call_7', tool: 'bash', tier: 'mutate' }]);
  }
});

test('what a model was asked, and what a tool answered, asks for no call', () => {
  const history = answer(REQUEST);
  expect(factsOf('traces', tracesOf(chat({ 'gen_ai.input.messages': history })))).toEqual([]);
  expect(
    factsOf('traces', tracesOf(chat({}, [{ name: 'gen_ai.assistant.message', attributes: { content: history } }]))),
  ).toEqual([]);
  expect(factsOf('traces', tracesOf(chat({ 'input.value': history })))).toEqual([]);
});

test('an id or a name that may be content is not kept of a call that is withheld', () => {
  const secret = `ghp_${'Zx9Yw8Vu7T'.repeat(3)}s6R5q4`;
  const asked = (id: string, name: string) =>
    factsOf('traces', tracesOf(chat({ 'gen_ai.output.messages': answer({ ...REQUEST, id, name }) })))[0]
      ?.requestedCalls;
  expect(asked(secret, 'bash')).toMatchObject([{ callId: '', tool: 'bash', tier: 'mutate' }]);
  expect(asked('call me at noon', 'bash')).toMatchObject([{ callId: '', tool: 'bash' }]);
  expect(asked('call_7', 'delete what Ann Smith owns')).toMatchObject([{ callId: 'call_7', tool: '' }]);
  expect(asked('call_7', secret)).toMatchObject([{ callId: 'call_7', tool: '' }]);
  expect(asked('jane@example.com', 'jane@example.com')).toBeUndefined();
});

test('a policy that takes the ids of calls takes them from what is withheld, too', () => {
  const strictIds = createRedactor({
    policy: parsePolicy("version: 1\nid: p\npreset: balanced\nkeys: {redact: ['^gen_ai[.]tool[.]call[.]id$']}\n", 'p'),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  const json = tracesOf(chat({ 'gen_ai.output.messages': answer(REQUEST) }));
  const { bytes } = transcodeJson('traces', Buffer.from(JSON.stringify(json)));
  const { facts } = strictIds.redact({ tenant: 'default', signal: 'traces', bytes, items: 1, receivedAtUnixNano: 1n });
  expect(facts[0]?.requestedCalls).toMatchObject([{ callId: '', tool: 'bash' }]);
});

test.each([
  [64, 0],
  [65, 1],
  [500, 1],
])(
  'a model whose output asks for %i calls is counted %i times as one that asks for more than are kept',
  async (asked, times) => {
    const metrics = createMetrics();
    const counted = createRedactor({
      policy: defaultPolicy(),
      fingerprintKey: Buffer.alloc(32, 7),
      fingerprintKeyId: 'k1',
      meter: metrics.meter,
      logger: createLogger('silent'),
    });
    const calls = Array.from({ length: asked }, (_, call) => ({ ...REQUEST, id: `call_${call}` }));
    const inParts = { 'gen_ai.output.messages': answer(...calls) };
    const inKeys = Object.fromEntries(
      calls.flatMap(({ id, name }, at): [string, string][] => [
        [`gen_ai.completion.0.tool_calls.${at}.id`, id],
        [`gen_ai.completion.0.tool_calls.${at}.name`, name],
        [`gen_ai.completion.0.tool_calls.${at}.arguments`, '{"command":"ls"}'],
      ]),
    );
    for (const attributes of [inParts, inKeys]) {
      const { bytes } = transcodeJson('traces', Buffer.from(JSON.stringify(tracesOf(chat(attributes)))));
      const { facts } = counted.redact({
        tenant: 'default',
        signal: 'traces',
        bytes,
        items: 1,
        receivedAtUnixNano: 1n,
      });
      expect(facts[0]?.requestedCalls).toHaveLength(64);
    }
    const line = (await metrics.prometheusText())
      .split('\n')
      .find((each) => each.startsWith('docket_redaction_bounded_total{bound="requested_calls"'));
    expect(Number(line?.split(' ')[1] ?? 0)).toBe(2 * times);
    await metrics.close();
  },
);
