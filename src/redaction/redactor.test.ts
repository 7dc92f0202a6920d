import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { transcodeJson } from '../otlp/json/transcode.ts';
import { messageSchema, requestSchema, type MessageName } from '../otlp/protobuf/schema.ts';
import { WireReader } from '../otlp/protobuf/reader.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import type { Signal } from '../otlp/signal.ts';
import type { Frame } from '../pipeline/frame.ts';
import { textsOf } from '../proof/placed-text.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { Scanner } from './detectors/scanner.ts';
import { defaultPolicy, parsePolicy } from './policy-file.ts';
import type { CompiledPolicy } from './policy.ts';
import { createRedactor, type Redactor } from './redactor.ts';

const key = Buffer.alloc(32, 7);

function redactorWith(options: { scanner?: Scanner; policy?: CompiledPolicy } = {}): Redactor {
  return createRedactor({
    policy: options.policy ?? defaultPolicy(),
    fingerprintKey: key,
    fingerprintKeyId: 'k1',
    ...(options.scanner !== undefined && { scanner: options.scanner }),
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
}

const CANARY = 'canary-4f9c2e71';

/** Finds the canary and nothing else, so that what is tested is where the walk looks, not what a rule knows. */
const canaryScanner: Scanner = {
  surveyJson: () => undefined,
  isTellingKey: () => false,
  scan: (text) => ({
    status: 'ok',
    findings: [...text.matchAll(new RegExp(CANARY, 'g'))].map((match) => ({
      start: match.index,
      end: match.index + CANARY.length,
      rule: 'canary',
      ruleVersion: 1,
      class: 'secret.canary',
      encodings: [],
    })),
  }),
  sensitiveKey: () => undefined,
};

const brokenScanner: Scanner = {
  surveyJson: () => undefined,
  isTellingKey: () => false,
  scan: () => {
    throw new Error('rule failed');
  },
  sensitiveKey: () => undefined,
};

interface Planted {
  readonly path: string;
  readonly bytes: Buffer;
}

/** One message for each place below `name` where text can be, with the canary in just that place. */
function plant(name: MessageName, depth = 0): Planted[] {
  const planted: Planted[] = [];
  for (const field of messageSchema(name).fields) {
    const wrap = (path: string, write: (writer: WireWriter) => void): void => {
      const writer = new WireWriter();
      write(writer);
      planted.push({ path: `${field.name}${path}`, bytes: writer.finish() });
    };
    if (field.kind === 'string') wrap('', (writer) => writer.stringField(field.number, `text ${CANARY} text`));
    if (field.kind === 'base64') wrap('', (writer) => writer.bytesField(field.number, Buffer.from(`b ${CANARY}`)));
    if (field.kind === 'traceId' || field.kind === 'spanId') {
      wrap('(wrong length)', (writer) => writer.bytesField(field.number, Buffer.from(CANARY)));
    }
    if (field.kind === 'message' && field.message !== undefined && depth < 9) {
      for (const inner of plant(field.message, depth + 1)) {
        wrap(`.${inner.path}`, (writer) => writer.bytesField(field.number, inner.bytes));
      }
    }
  }
  const unknown = new WireWriter();
  unknown.stringField(999, `unknown ${CANARY}`);
  planted.push({ path: '(unknown field)', bytes: unknown.finish() });
  const mistyped = messageSchema(name).fields.find((field) => field.kind === 'fixed64' && !field.repeated);
  if (mistyped !== undefined) {
    const writer = new WireWriter();
    writer.stringField(mistyped.number, CANARY);
    planted.push({ path: `${mistyped.name}(as text)`, bytes: writer.finish() });
  }
  return planted;
}

function redactBytes(redactor: Redactor, signal: Signal, bytes: Buffer): Frame {
  return redactor.redact({ tenant: 'default', signal, bytes, items: 1, receivedAtUnixNano: 1n });
}

/** Reads a message by the schema to its end; throws when a length is wrong. */
function readThrough(name: MessageName, bytes: Buffer): void {
  const schema = messageSchema(name);
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const field = schema.byNumber.get(tag >>> 3);
    if (field?.kind === 'message' && field.message !== undefined && (tag & 7) === 2) {
      readThrough(field.message, reader.view());
    } else {
      reader.skip(tag);
    }
  }
}

const positions = (['traces', 'logs', 'metrics'] as const).flatMap((signal) =>
  plant(requestSchema(signal).name).map(({ path, bytes }) => ({ signal, path, bytes })),
);

test('no place where text can be is left unseen, in any signal', () => {
  const redactor = redactorWith({ scanner: canaryScanner, policy: defaultPolicy('open') });
  const leaks: string[] = [];
  for (const { signal, path, bytes } of positions) {
    const frame = redactBytes(redactor, signal, bytes);
    const out = Buffer.from(frame.bytes);
    readThrough(requestSchema(signal).name, out);
    if (out.includes(CANARY)) leaks.push(`${signal} ${path}`);
    else if (frame.receipts.length !== 1) leaks.push(`${signal} ${path}: ${frame.receipts.length} receipts`);
    if (JSON.stringify(frame.receipts).includes(CANARY)) leaks.push(`${signal} ${path}: in the receipt`);
  }
  expect(leaks).toEqual([]);
  expect(positions.length).toBeGreaterThan(300);
});

test('with a scanner that throws, no text passes in any place', () => {
  const redactor = redactorWith({ scanner: brokenScanner, policy: defaultPolicy('open') });
  const leaks: string[] = [];
  for (const { signal, path, bytes } of positions) {
    const out = Buffer.from(redactBytes(redactor, signal, bytes).bytes);
    readThrough(requestSchema(signal).name, out);
    if (out.includes(CANARY)) leaks.push(`${signal} ${path}`);
  }
  expect(leaks).toEqual([]);
});

test('a scanner that runs out of time gets the whole value withheld', () => {
  const redactor = redactorWith({
    scanner: { ...canaryScanner, scan: () => ({ status: 'budget', findings: [] }) },
  });
  const { text, redactions } = redactor.redactText('anything at all');
  expect(text).toMatch(/^\[withheld:budget bytes=15 hmac:k1:[0-9a-f]{24} ~[0-9a-f]{10}\]$/);
  expect(redactions.map((each) => each.rule)).toEqual(['budget']);
});

test('bytes that are no protobuf leave nothing behind', () => {
  const frame = redactBytes(redactorWith(), 'traces', Buffer.from(`\xff\xff\xff${CANARY}`, 'latin1'));
  expect(frame.bytes.length).toBe(0);
  expect(frame.items).toBe(0);
  expect(frame.receipts[0]?.redactions[0]?.rule).toBe('engine_error');
});

type Pair = readonly [key: string, value: string];

function span(attributes: readonly Pair[], options: { scope?: string; name?: string } = {}): Buffer {
  const writer = new WireWriter();
  const resourceSpans = writer.begin(1);
  const scopeSpans = writer.begin(2);
  const scope = writer.begin(1);
  writer.stringField(1, options.scope ?? 'shop');
  writer.end(scope);
  const at = writer.begin(2);
  writer.bytesField(1, Buffer.alloc(16, 1));
  writer.bytesField(2, Buffer.alloc(8, 2));
  writer.stringField(5, options.name ?? 'GET /cart');
  for (const [name, value] of attributes) {
    const pair = writer.begin(9);
    writer.stringField(1, name);
    const any = writer.begin(2);
    writer.stringField(1, value);
    writer.end(any);
    writer.end(pair);
  }
  writer.end(at);
  writer.end(scopeSpans);
  writer.end(resourceSpans);
  return writer.finish();
}

test('an ordinary span keeps its own buffer', () => {
  const bytes = span([
    ['http.request.method', 'GET'],
    ['k8s.pod.name', 'checkout-5c696cc4dc-wrvnx'],
    ['gen_ai.conversation.id', '019f1451-1903-7092-b4ca-73a57d9bdd9d'],
    ['gen_ai.tool.call.id', 'call_eMdKz3qRerC9jpmZhBOYknba'],
    ['gen_ai.prompt.name', 'triage'],
    ['gen_ai.prompt.0.role', 'user'],
    ['vcs.ref.head.revision', '05df7eb5c1a24d4bb0f1f4d8d6f1a3d0b3b0c1aa'],
  ]);
  const frame = redactBytes(redactorWith(), 'traces', bytes);
  expect(frame.bytes).toBe(bytes);
  expect(frame.receipts).toEqual([]);
});

test('prompts are withheld and tool arguments keep their structure', () => {
  const bytes = span([
    ['gen_ai.operation.name', 'execute_tool'],
    ['gen_ai.tool.name', 'query_traces'],
    ['gen_ai.input.messages', '[{"role":"user","parts":[]}]'],
    ['gen_ai.tool.call.arguments', '{"query": "service=checkout", "token":"sk-SECRET-123", "n": 12345678901234567890}'],
    ['gen_ai.tool.call.result', `${'x'.repeat(3000)} INC-42`],
  ]);
  const frame = redactBytes(redactorWith(), 'traces', bytes);
  const out = Buffer.from(frame.bytes).toString();
  expect(out).not.toContain('sk-SECRET-123');
  expect(out).not.toContain('"role"');
  expect(out).toContain('{"query": "service=checkout", "token":"[redacted:');
  expect(out).toContain('"n": 12345678901234567890}');
  expect(out).toMatch(/x{2048}\[cut:bytes=3007 hmac:k1:/);
  expect(frame.receipts[0]?.redactions.map((each) => [each.path, each.action])).toEqual([
    ['attributes[gen_ai.input.messages]', 'withhold'],
    ['attributes[gen_ai.tool.call.arguments].token', 'mask'],
    ['attributes[gen_ai.tool.call.result]', 'truncate'],
  ]);
  expect(frame.facts).toMatchObject([
    { item: 0, tier: 'read', tierRule: 'name.verb', verb: 'query', resultBytes: 3007, incidentRefs: ['INC-42'] },
  ]);
});

test('general names are content only in a record that an agent framework wrote', () => {
  const pairs: Pair[] = [['prompt', 'tell me a story']];
  expect(Buffer.from(redactBytes(redactorWith(), 'traces', span(pairs)).bytes).toString()).toContain('a story');
  const agent = redactBytes(redactorWith(), 'traces', span(pairs, { scope: 'logfire.openai' }));
  expect(Buffer.from(agent.bytes).toString()).toContain('[withheld:messages.all bytes=15');
});

test('the same key twice is treated twice', () => {
  const bytes = span([
    ['gen_ai.prompt', 'first secret thought'],
    ['gen_ai.prompt', 'second secret thought'],
  ]);
  expect(Buffer.from(redactBytes(redactorWith(), 'traces', bytes).bytes).toString()).not.toContain('secret thought');
});

test('markers and reserved attributes that a sender makes up are told apart from real ones', () => {
  const bytes = span([
    ['note', 'see [redacted:email~0123456789] and [WITHHELD:x]'],
    ['docket.redaction.count', '0'],
  ]);
  const out = Buffer.from(redactBytes(redactorWith(), 'traces', bytes).bytes).toString();
  expect(out).toContain('see [sender:redacted:email~0123456789] and [sender:WITHHELD:x]');
  expect(out).toContain('sender.docket.redaction.count');
});

test('redaction of what was redacted changes nothing', () => {
  const redactor = redactorWith();
  const secrets = fc.constantFrom(
    'plain words',
    'password=hunter2hunter2',
    '{"password":"hunter2","list":["--token","abc123def456"],"deep":"{\\"secret\\":\\"v4lue-x\\"}"}',
    'Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789',
    'jane.doe@example.com',
    '[redacted:x~0123456789]',
    'postgres://user:s3cr3tpw@db:5432/x',
    '{"cut": "json with password=hunter2hunt',
  );
  const keys = fc.constantFrom(
    'note',
    'gen_ai.prompt',
    'gen_ai.tool.call.arguments',
    'gen_ai.tool.call.result',
    'http.request.header.authorization',
    'input.value',
    'db.query.text',
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(keys, fc.oneof(secrets, fc.string({ unit: 'grapheme' }))), { maxLength: 6 }),
      (pairs) => {
        const once = redactBytes(redactor, 'traces', span(pairs));
        const twice = redactBytes(redactor, 'traces', Buffer.from(once.bytes));
        expect(Buffer.from(twice.bytes).equals(Buffer.from(once.bytes))).toBe(true);
        expect(twice.receipts).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});

test('a value longer than the budget is withheld', () => {
  const bytes = span([['note', 'a'.repeat(300_000)]]);
  const { policy } = redactorWith();
  expect(policy.budgets.valueBytes).toBe(262_144);
  const redactor = redactorWith();
  expect(Buffer.from(redactBytes(redactor, 'traces', bytes).bytes).toString()).toContain(
    '[withheld:budget bytes=300000',
  );
});

test('a policy can be swapped between requests and shows in the frame', () => {
  const redactor = redactorWith();
  const bytes = span([['gen_ai.prompt', 'hello']]);
  expect(redactBytes(redactor, 'traces', bytes).policyVersion).toMatch(/^default@[0-9a-f]{12}$/);
  redactor.setPolicy(parsePolicy('version: 1\nid: mine\npreset: open\n', 'p.yaml'));
  const frame = redactBytes(redactor, 'traces', bytes);
  expect(frame.policyVersion).toMatch(/^mine@/);
  expect(frame.bytes).toBe(bytes);
});

test('the number of a person is found in an integer of nine digits under a key that names it', () => {
  const redactor = redactorWith({ policy: defaultPolicy('open') });
  const rulesIn = (key: string, value: object): string[] => {
    const attributes = [
      { key, value },
      { key: 'map', value: { kvlistValue: { values: [{ key, value }] } } },
    ];
    const logs = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes }] }] }] };
    const { bytes } = transcodeJson('logs', Buffer.from(JSON.stringify(logs)));
    const { receipts } = redactBytes(redactor, 'logs', bytes);
    return receipts.flatMap((receipt) => receipt.redactions.map((each) => each.rule));
  };
  // In four bytes of a varint, and in five.
  for (const [key, number] of [
    ['bsn', '111222333'],
    ['customer.ssn', '123456789'],
    ['customer.ssn', '512345678'],
  ] as const) {
    const asText = rulesIn(key, { stringValue: number });
    expect(asText).toHaveLength(2);
    expect(rulesIn(key, { intValue: number })).toEqual(asText);
  }
  expect(rulesIn('gen_ai.usage.input_tokens', { intValue: '99999999' })).toEqual([]);
});

test('observe mode changes no byte and still writes receipts', () => {
  const redactor = redactorWith({ policy: parsePolicy('version: 1\nid: o\nmode: observe\n', 'p.yaml') });
  const bytes = span([['gen_ai.prompt', 'hello']]);
  const frame = redactBytes(redactor, 'traces', bytes);
  expect(frame.bytes).toBe(bytes);
  expect(frame.receipts).toHaveLength(1);
});

test('the number of a card is found in an integer, and a time or a count is none', () => {
  const integer = (name: string, intValue: string): object => ({ key: name, value: { intValue } });
  const items = { values: [{ intValue: '5555555555554444' }, { intValue: '7' }] };
  const attributes = [
    integer('note', '4111111111111111'),
    integer('at', '1782468000000'),
    integer('at.nanos', '1782468000000000000'),
    integer('gen_ai.usage.input_tokens', '123456789'),
    { key: 'list', value: { arrayValue: items } },
    { key: 'map', value: { kvlistValue: { values: [integer('card', '4012888888881881')] } } },
  ];
  const logs = [{ attributes, body: { intValue: '378282246310005' } }];
  const { bytes } = transcodeJson(
    'logs',
    Buffer.from(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: logs }] }] })),
  );
  const redactor = redactorWith({ policy: defaultPolicy('open') });
  const frame = redactor.redact({ tenant: 'default', signal: 'logs', bytes, items: 1, receivedAtUnixNano: 1n });
  expect(frame.receipts[0]?.redactions.map((each) => `${each.path} ${each.rule}`).sort()).toEqual([
    'attributes[list][0] credit-card',
    'attributes[map].card credit-card',
    'attributes[note] credit-card',
    'body credit-card',
  ]);
  const texts = textsOf('ExportLogsServiceRequest', Buffer.from(frame.bytes));
  expect(texts.every(({ text }) => text.startsWith('[redacted:credit-card~'))).toBe(true);
  expect(texts).toHaveLength(4);
  // What was redacted is left alone, and the rest is as it was sent.
  const again = redactor.redact({ ...frame, bytes: frame.bytes });
  expect(again.receipts).toEqual([]);
});
