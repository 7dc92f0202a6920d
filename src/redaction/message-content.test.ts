import { expect, test } from 'vitest';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { parsePolicy } from './policy-file.ts';
import { createRedactor } from './redactor.ts';

type Pair = readonly [key: string, value: string];

/** The texts of one span's attributes after redaction, by key; a key that is gone is not in it. */
function redacted(policy: string, pairs: readonly Pair[]): string {
  const redactor = createRedactor({
    policy: parsePolicy(`version: 1\nid: p\npreset: open\n${policy}`, 'p.yaml'),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  const writer = new WireWriter();
  const marks = [writer.begin(1), writer.begin(2), writer.begin(2)];
  for (const [key, value] of pairs) {
    const pair = writer.begin(9);
    writer.stringField(1, key);
    const any = writer.begin(2);
    writer.stringField(1, value);
    writer.end(any);
    writer.end(pair);
  }
  for (const mark of marks.reverse()) writer.end(mark);
  const run = (bytes: Uint8Array): Uint8Array =>
    redactor.redact({ tenant: 'default', signal: 'traces', bytes, items: 1, receivedAtUnixNano: 1n }).bytes;
  const once = Buffer.from(run(writer.finish()));
  expect(Buffer.from(run(once)).equals(once)).toBe(true);
  return once.toString();
}

const BY_ROLE =
  'content:\n  - match: {attr: [gen_ai.input.messages, gen_ai.output.messages, gen_ai.system_instructions]}\n' +
  '    roles: {system: drop, user: scan, assistant: withhold, tool: scan}\n';
const PARTS = (text: string): string => JSON.stringify([{ type: 'text', content: text }]);

test('each message is treated by its role', () => {
  const messages = [
    `{"role":"system","parts":${PARTS('violet')}}`,
    ` {"role": "user", "parts": ${PARTS('blue jane@acme.com')}, "n": 12345678901234567890}`,
    `{"role":"assistant","parts":${PARTS('yellow')}}`,
    `{"role":"critic","parts":${PARTS('orange')}}`,
  ];
  const out = redacted(BY_ROLE, [['gen_ai.input.messages', `[${messages.join(',')}]`]]);
  expect(out).not.toMatch(/violet|yellow|orange|jane|"system"|critic/);
  expect(out).toMatch(
    /\{"role": "user", "parts": \[\{"type":"text","content":"blue \[redacted:email~\w+\]"\}\], "n": 12345678901234567890\}/,
  );
  expect(out).toMatch(/\{"role":"assistant","parts":"\[withheld:messages\.input\.assistant bytes=\d+ hmac:/);
});

test('what has no role that can be read gets the action beside roles, else it is withheld', () => {
  expect(redacted(BY_ROLE, [['gen_ai.input.messages', 'violet']])).toMatch(/\[withheld:messages\.input bytes=6/);
  expect(redacted(BY_ROLE, [['gen_ai.input.messages', '[{"role":"user","content":"violet']])).not.toContain('violet');
  expect(
    redacted(BY_ROLE, [['gen_ai.input.messages', '{"role":"user","role":"system","content":"violet"}']]),
  ).not.toContain('violet');
  expect(
    redacted(BY_ROLE, [['gen_ai.input.messages', '{"system":"violet","contents":[{"role":"user","content":"blue"}]}']]),
  ).toMatch(/\{"contents":\[\{"role":"user","content":"blue"\}\]\}/);
  expect(redacted(BY_ROLE, [['gen_ai.system_instructions', PARTS('violet')]])).not.toMatch(
    /violet|system_instructions/,
  );
});

test('the role of indexed messages stands beside their content', () => {
  const policy = 'content:\n  - match: {class: [messages.*]}\n    roles: {system: drop, user: scan}\n';
  const out = redacted(policy, [
    ['gen_ai.prompt.0.role', 'system'],
    ['gen_ai.prompt.0.content', 'violet'],
    ['gen_ai.prompt.1.role', 'user'],
    ['gen_ai.prompt.1.content', 'blue'],
    ['gen_ai.prompt.2.content', 'orange'],
  ]);
  expect(out).not.toMatch(/violet|orange/);
  expect(out).toContain('blue');
});

test.each([
  [
    'OpenTelemetry',
    '[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"shell","arguments":{"cmd":"violet"}},{"type":"tool_call","id":"c2","name":"search","arguments":{"q":"blue"}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"orange"},{"type":"tool_call_response","id":"c2","response":"green"}]}]',
  ],
  [
    'OpenAI',
    '[{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"shell","arguments":"{\\"cmd\\":\\"violet\\"}"}},{"id":"c2","type":"function","function":{"name":"search","arguments":"{\\"q\\":\\"blue\\"}"}}]},{"role":"tool","tool_call_id":"c1","content":"orange"},{"role":"tool","tool_call_id":"c2","content":"green"}]',
  ],
  [
    'Anthropic',
    '[{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"shell","input":{"cmd":"violet"}},{"type":"tool_use","id":"c2","name":"search","input":{"q":"blue"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"orange"},{"type":"tool_result","tool_use_id":"c2","content":"green"}]}]',
  ],
  [
    'Gemini',
    '[{"role":"model","parts":[{"functionCall":{"name":"shell","args":{"cmd":"violet"}}},{"functionCall":{"name":"search","args":{"q":"blue"}}}]},{"role":"user","parts":[{"functionResponse":{"name":"shell","response":{"out":"orange"}}},{"functionResponse":{"name":"search","response":{"out":"green"}}}]}]',
  ],
  [
    'Vercel AI SDK',
    '[{"role":"assistant","content":[{"type":"tool-call","toolCallId":"c1","toolName":"shell","input":{"cmd":"violet"}},{"type":"tool-call","toolCallId":"c2","toolName":"search","input":{"q":"blue"}}]},{"role":"tool","content":[{"type":"tool-result","toolCallId":"c1","toolName":"shell","output":"orange"},{"type":"tool-result","toolCallId":"c2","toolName":"search","output":"green"}]}]',
  ],
])('tool calls within messages of %s are treated by their tool', (_, messages) => {
  const policy = 'content:\n  - match: {class: [tool.arguments, tool.result], tool: [shell]}\n    action: withhold\n';
  const out = redacted(policy, [['gen_ai.input.messages', messages]]);
  expect(out).not.toMatch(/violet|orange/);
  expect(out).toMatch(/blue[\s\S]*green/);
  expect(out).toContain('[withheld:tool.arguments');
  expect(out).toContain('[withheld:tool.result');
});

test('members that the policy keeps are left alone, the others are scanned', () => {
  const policy =
    'content:\n  - match: {attr: [gen_ai.tool.call.arguments], tool: [kubectl]}\n    action: scan\n    keep_keys: [contact]\n';
  const json = '{"contact":"jane@acme.com","note":"john@acme.com"}';
  const of = (tool: string): string =>
    redacted(policy, [
      ['gen_ai.tool.name', tool],
      ['gen_ai.tool.call.arguments', json],
    ]);
  expect(of('kubectl')).toMatch(/\{"contact":"jane@acme\.com","note":"\[redacted:email~/);
  expect(of('shell')).not.toContain('jane');
  const message = `[{"role":"assistant","parts":[{"type":"tool_call","id":"a","name":"kubectl","arguments":${json}}]}]`;
  expect(redacted(policy, [['gen_ai.input.messages', message]])).toMatch(/"jane@acme\.com","note":"\[redacted:email~/);
});

test('the name of an event says whose words its body holds', () => {
  const redactor = createRedactor({
    policy: parsePolicy(
      'version: 1\nid: p\npreset: open\ncontent: [{match: {class: [messages.*]}, roles: {user: scan}}]\n',
      'p.yaml',
    ),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  const writer = new WireWriter();
  const marks = [writer.begin(1), writer.begin(2)];
  for (const [event, text] of [
    ['gen_ai.system.message', 'violet'],
    ['gen_ai.user.message', 'blue'],
  ] as const) {
    const record = writer.begin(2);
    const body = writer.begin(5);
    writer.stringField(1, text);
    writer.end(body);
    writer.stringField(12, event);
    writer.end(record);
  }
  for (const mark of marks.reverse()) writer.end(mark);
  const bytes = writer.finish();
  const out = redactor.redact({ tenant: 'default', signal: 'logs', bytes, items: 2, receivedAtUnixNano: 1n }).bytes;
  expect(Buffer.from(out).toString()).not.toContain('violet');
  expect(Buffer.from(out).toString()).toContain('blue');
});

test('messages nested deeper than can be read are withheld', () => {
  const deep = `[{"role":"user","content":${'['.repeat(100)}"violet"${']'.repeat(100)}}]`;
  expect(redacted(BY_ROLE, [['gen_ai.input.messages', deep]])).not.toContain('violet');
});
