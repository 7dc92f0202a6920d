import { expect, test } from 'vitest';
import { WireReader } from '../otlp/protobuf/reader.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import type { Frame } from '../pipeline/frame.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createScanner } from './detectors/scanner.ts';
import { defaultPolicy, parsePolicy, PolicyError } from './policy-file.ts';
import type { CompiledPolicy } from './policy.ts';
import { createRedactor, type Redactor } from './redactor.ts';

const SECRET = 'ghp_Zx81LqPw0aTnR5vYc2Kd7mJbUe3HsG9fQ4oI';

function redactorOf(policy: CompiledPolicy = defaultPolicy('open')): Redactor {
  return createRedactor({
    policy,
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
}

function attribute(writer: WireWriter, key: string, value: Buffer | string): void {
  const pair = writer.begin(9);
  writer.stringField(1, key);
  const any = writer.begin(2);
  writer.bytesField(1, Buffer.from(value));
  writer.end(any);
  writer.end(pair);
}

function requestOf(fill: (writer: WireWriter) => void): Buffer {
  const writer = new WireWriter(1 << 16);
  const marks = [writer.begin(1), writer.begin(2), writer.begin(2)];
  fill(writer);
  for (const mark of marks.reverse()) writer.end(mark);
  return writer.finish();
}

const redact = (redactor: Redactor, bytes: Buffer): Frame =>
  redactor.redact({ tenant: 'default', signal: 'traces', bytes, items: 1, receivedAtUnixNano: 1n });

/** Fields of the one span, by walking all lengths: throws when one is wrong. */
function attributeCount(frame: Frame): number {
  let bytes: Buffer = Buffer.from(frame.bytes);
  for (const field of [1, 2, 2]) {
    const reader = new WireReader(bytes);
    expect(reader.tag()).toBe((field << 3) | 2);
    bytes = reader.view();
    expect(reader.tag()).toBe(0);
  }
  let count = 0;
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    reader.skip(tag);
    count += 1;
  }
  return count;
}

test('a value of 5 MB is withheld unread', () => {
  const frame = redact(
    redactorOf(),
    requestOf((writer) => attribute(writer, 'note', `${'word '.repeat(1_000_000)}${SECRET}`)),
  );
  expect(Buffer.from(frame.bytes).toString()).toMatch(/\[withheld:budget bytes=50000\d\d hmac:/);
  expect(frame.receipts[0]?.redactions.map((each) => each.rule)).toEqual(['budget']);
});

test('bytes of 5 MB are withheld unread, whatever they would be as text', () => {
  const frame = redact(
    redactorOf(),
    requestOf((writer) => {
      const pair = writer.begin(9);
      writer.stringField(1, 'note');
      const any = writer.begin(2);
      writer.bytesField(7, Buffer.concat([Buffer.alloc(5_000_000, 0xff), Buffer.from(SECRET)]));
      writer.end(any);
      writer.end(pair);
    }),
  );
  expect(Buffer.from(frame.bytes).toString()).toMatch(/\[withheld:budget bytes=\d+ hmac:/);
  expect(Buffer.from(frame.bytes).includes(SECRET)).toBe(false);
  expect(frame.receipts[0]?.redactions.map((each) => each.rule)).toEqual(['budget']);
});

test('100,000 attributes of one span are all treated, and its receipt stays short', () => {
  const frame = redact(
    redactorOf(),
    requestOf((writer) => {
      for (let index = 0; index < 100_000; index += 1) attribute(writer, `key.${index}`, `${SECRET} ${index}`);
    }),
  );
  expect(Buffer.from(frame.bytes).includes(SECRET)).toBe(false);
  expect(attributeCount(frame)).toBe(100_000);
  expect(frame.receipts[0]?.redactions).toHaveLength(256);
  expect(frame.receipts[0]?.redactions.at(-1)?.path).toBe('…');
});

test('a record that uses up its time has the rest withheld, and the next record is looked into again', () => {
  const hostile = 'password token key secret '.repeat(8000);
  const policy = parsePolicy('version: 1\nid: hurried\npreset: open\nbudgets: {record_ms: 1}\n', 'p.yaml');
  const writer = new WireWriter(1 << 16);
  const marks = [writer.begin(1), writer.begin(2)];
  const first = writer.begin(2);
  for (let index = 0; index < 40; index += 1) attribute(writer, `note.${index}`, `${hostile}${index}`);
  attribute(writer, 'last', SECRET);
  writer.end(first);
  const second = writer.begin(2);
  attribute(writer, 'plain', 'GET /cart');
  writer.end(second);
  for (const mark of marks.reverse()) writer.end(mark);
  const out = Buffer.from(redact(redactorOf(policy), writer.finish()).bytes).toString();
  expect(out).not.toContain(SECRET);
  expect(out).toContain('[withheld:budget');
  expect(out).toContain('GET /cart');
});

test('text that is no UTF-8 is searched and comes out as text', () => {
  const frame = redact(
    redactorOf(),
    requestOf((writer) => {
      attribute(
        writer,
        'broken',
        Buffer.concat([Buffer.from([0xff, 0xfe, 0xc3]), Buffer.from(` ${SECRET} `), Buffer.from([0xe2])]),
      );
      attribute(writer, 'surrogate', Buffer.concat([Buffer.from([0xed, 0xa0, 0x80]), Buffer.from(SECRET)]));
      attribute(writer, 'json', `{"a":"\\ud800 ${SECRET}","b":"\\udc00"}`);
    }),
  );
  const out = Buffer.from(frame.bytes);
  expect(out.includes(SECRET)).toBe(false);
  expect(attributeCount(frame)).toBe(3);
});

test('base64 within base64 is opened to three layers and no further, in bounded work', () => {
  let bomb = `password=${SECRET}`;
  while (bomb.length < 200_000) bomb = Buffer.from(`${bomb} ${bomb}`).toString('base64');
  const frame = redact(
    redactorOf(),
    requestOf((writer) => {
      attribute(writer, 'bomb', bomb);
      attribute(
        writer,
        'three',
        Buffer.from(Buffer.from(Buffer.from(`token ${SECRET}`).toString('base64')).toString('base64')).toString(
          'base64',
        ),
      );
    }),
  );
  expect(Buffer.from(frame.bytes).toString()).toMatch(/three.{1,12}\[redacted:/s);
});

test('a policy of 10 MB is refused unread', () => {
  expect(() => parsePolicy(`version: 1\nid: a\n# ${'x'.repeat(10_000_000)}\n`, 'p.yaml')).toThrow(PolicyError);
});

test('a rule that throws withholds the text it was run on and is counted', () => {
  const scanner = createScanner();
  const redactor = createRedactor({
    policy: defaultPolicy('open'),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
    scanner: {
      ...scanner,
      scan: (text, context) => {
        if (text.includes('boom')) throw new Error('rule failed');
        return scanner.scan(text, context);
      },
    },
  });
  const frame = redact(
    redactor,
    requestOf((writer) => {
      attribute(writer, 'bad', `boom ${SECRET}`);
      attribute(writer, 'good', 'kept');
    }),
  );
  const out = Buffer.from(frame.bytes).toString();
  expect(out).not.toContain(SECRET);
  expect(out).toContain('[withheld:engine_error');
  expect(out).toContain('kept');
});

test('deltas of a stream are joined before they are looked at', () => {
  const pieces = ['use ', SECRET.slice(0, 12), SECRET.slice(12, 25), SECRET.slice(25), ' and retry'];
  const frame = redact(
    redactorOf(),
    requestOf((writer) => {
      for (const piece of pieces) {
        const event = writer.begin(11);
        writer.stringField(2, 'gen_ai.choice.delta');
        const pair = writer.begin(3);
        writer.stringField(1, 'delta.content');
        const any = writer.begin(2);
        writer.stringField(1, piece);
        for (const mark of [any, pair, event]) writer.end(mark);
      }
    }),
  );
  const out = Buffer.from(frame.bytes).toString();
  for (const piece of pieces.slice(1, 4)) expect(out).not.toContain(piece);
  expect(out).toContain(' and retry');
  expect(attributeCount(frame)).toBe(5);
  expect(frame.receipts[0]?.redactions).toHaveLength(1);
});

test('a password behind a flag in a list of words is found', () => {
  const frame = redact(
    redactorOf(),
    requestOf((writer) => {
      const pair = writer.begin(9);
      writer.stringField(1, 'process.command_args');
      const any = writer.begin(2);
      const list = writer.begin(5);
      for (const word of ['curl', '-u', 'svc:hunter2hunter2', 'https://db.example/health']) {
        const item = writer.begin(1);
        writer.stringField(1, word);
        writer.end(item);
      }
      for (const mark of [list, any, pair]) writer.end(mark);
    }),
  );
  const out = Buffer.from(frame.bytes).toString();
  expect(out).not.toContain('hunter2');
  expect(out).toContain('https://db.example/health');
});
