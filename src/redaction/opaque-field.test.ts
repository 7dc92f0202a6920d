import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireReader } from '../otlp/protobuf/reader.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import type { Frame } from '../pipeline/frame.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { defaultPolicy } from './policy-file.ts';
import type { PresetName } from './policy.ts';
import { createRedactor } from './redactor.ts';

const SECRET = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`;
const MARKER = /^keep \[redacted:[^\]]+\] this$/;

const redactors = new Map(
  (['open', 'balanced', 'strict'] as const).map((preset) => [
    preset,
    createRedactor({
      policy: defaultPolicy(preset),
      fingerprintKey: Buffer.alloc(32, 7),
      fingerprintKeyId: 'k1',
      meter: createMetrics().meter,
      logger: createLogger('silent'),
    }),
  ]),
);

/** A span with ids and what `fields` writes behind them, redacted. */
function redact(fields: (writer: WireWriter) => void, preset: PresetName = 'open'): Frame {
  const writer = new WireWriter();
  const resourceSpans = writer.begin(1);
  const scopeSpans = writer.begin(2);
  const span = writer.begin(2);
  writer.bytesField(1, Buffer.alloc(16, 1));
  writer.bytesField(2, Buffer.alloc(8, 2));
  fields(writer);
  writer.end(span);
  writer.end(scopeSpans);
  writer.end(resourceSpans);
  const request = { tenant: 'default', signal: 'traces', items: 1, receivedAtUnixNano: 1n } as const;
  const redactor = redactors.get(preset);
  if (redactor === undefined) throw new Error('no such preset');
  return redactor.redact({ ...request, bytes: writer.finish() });
}

/** A value of a field: bytes, a number by its wire type, or fields of a message or a group. */
type Value =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'varint' | 'fixed64'; readonly number: bigint }
  | { readonly kind: 'fixed32'; readonly number: number }
  | { readonly kind: 'message' | 'group'; readonly fields: readonly Field[] };
type Field = readonly [number: number, value: Value];

function write(writer: WireWriter, [number, value]: Field): void {
  switch (value.kind) {
    case 'text':
      writer.stringField(number, value.text);
      return;
    case 'bytes':
      writer.bytesField(number, value.bytes);
      return;
    case 'varint':
      writer.varintField(number, value.number);
      return;
    case 'fixed64':
      writer.fixed64Field(number, value.number);
      return;
    case 'fixed32':
      writer.fixed32Field(number, value.number);
      return;
    case 'group':
      writer.varint((number << 3) | 3);
      for (const each of value.fields) write(writer, each);
      writer.varint((number << 3) | 4);
      return;
    case 'message': {
      const mark = writer.begin(number);
      for (const each of value.fields) write(writer, each);
      writer.end(mark);
    }
  }
}

/** Reads fields again by the shape that was written. Throws where the bytes are none. */
function read(reader: WireReader, shape: readonly Field[]): Field[] {
  return shape.map(([number, value]): Field => {
    const tag = reader.tag();
    expect(tag >>> 3).toBe(number);
    switch (value.kind) {
      case 'text':
        return [number, { kind: 'text', text: reader.string() }];
      case 'bytes':
        return [number, { kind: 'bytes', bytes: reader.view() }];
      case 'varint':
        return [number, { kind: 'varint', number: reader.varint64() }];
      case 'fixed64':
        return [number, { kind: 'fixed64', number: reader.fixed64() }];
      case 'fixed32':
        return [number, { kind: 'fixed32', number: reader.fixed32() }];
      case 'group': {
        const fields = read(reader, value.fields);
        expect(reader.tag()).toBe(((number << 3) | 4) >>> 0);
        return [number, { kind: 'group', fields }];
      }
      case 'message': {
        const outer = reader.enter();
        const fields = read(reader, value.fields);
        expect(reader.pos).toBe(reader.end);
        reader.leave(outer);
        return [number, { kind: 'message', fields }];
      }
      default:
        throw new Error('no such kind of value');
    }
  });
}

/** The span's fields behind its ids. */
function unknownIn(frame: Frame): WireReader {
  const reader = new WireReader(Buffer.from(frame.bytes));
  for (const expected of [0x0a, 0x12, 0x12]) {
    expect(reader.tag()).toBe(expected);
    reader.enter();
  }
  reader.tag();
  reader.view();
  reader.tag();
  reader.view();
  return reader;
}

const withSecret = (fields: readonly Field[], replace: (text: string) => string): Field[] =>
  fields.map(([number, value]): Field => {
    if (value.kind === 'text') return [number, { kind: 'text', text: replace(value.text) }];
    if (value.kind === 'message' || value.kind === 'group') {
      return [number, { ...value, fields: withSecret(value.fields, replace) }];
    }
    return [number, value];
  });

const numbers = fc.integer({ min: 17, max: 3000 });
/** Words that are no message by chance: their first byte has a wire type that is none. */
const text = fc.constantFrom('keep SECRET this', 'words', 'graph', 'often', '').map((each): Value => {
  return { kind: 'text', text: each === '' ? '' : `g${each}` };
});
const scalar: fc.Arbitrary<Value> = fc.oneof(
  text,
  fc.constantFrom(0n, 1n, 7n, 12345678n, 1782468000000000000n).map((number): Value => ({ kind: 'varint', number })),
  fc.constantFrom(0n, 1782468000000000000n).map((number): Value => ({ kind: 'fixed64', number })),
  fc.integer({ min: 0, max: 0xffffffff }).map((number): Value => ({ kind: 'fixed32', number })),
  fc
    .constantFrom(Buffer.alloc(0), Buffer.from([0xff, 0xfe, 0x00, 0x80]))
    .map((bytes): Value => ({ kind: 'bytes', bytes })),
);
const { fields } = fc.letrec<{ fields: Field[]; value: Value }>((tie) => ({
  fields: fc.array(fc.tuple(numbers, tie('value')), { maxLength: 5 }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.constantFrom('message' as const, 'group' as const), tie('fields'))
      .map(([kind, inner]): Value => ({ kind, fields: inner })),
  ),
}));

test('of unknown fields, nested in any way, only what a detector finds is replaced', () => {
  fc.assert(
    fc.property(fields, (shape) => {
      const sent = withSecret(shape, (each) => each.replace('SECRET', SECRET));
      const frame = redact((writer) => {
        for (const each of sent) write(writer, each);
      });
      expect(Buffer.from(frame.bytes).includes(SECRET)).toBe(false);
      const reader = unknownIn(frame);
      const got = read(reader, shape);
      expect(reader.tag()).toBe(0);
      const masked = withSecret(got, (each) => each.replace(/\[redacted:github[^\]]*\]/, 'SECRET'));
      expect(masked).toEqual(shape);
    }),
    { numRuns: 300 },
  );
});

test('bytes of any kind in an unknown field never make redaction fail', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), numbers, (content, number) => {
      const frame = redact((writer) => writer.bytesField(number, content));
      expect(frame.receipts.flatMap((each) => each.redactions.map(({ rule }) => rule))).not.toContain('engine_error');
      expect(frame.items).toBe(1);
    }),
    { numRuns: 300 },
  );
});

test.each<readonly [string, (writer: WireWriter) => void]>([
  ['text', (writer) => writer.stringField(99, `keep ${SECRET} this`)],
  [
    'a value in a message whose length is a letter',
    (writer) => write(writer, [99, { kind: 'message', fields: [[8, { kind: 'text', text: `keep ${SECRET} this` }]] }]),
  ],
])('the secret alone goes from %s', (_, fieldsOf) => {
  const frame = redact(fieldsOf);
  const out = Buffer.from(frame.bytes).toString('latin1');
  expect(out).not.toContain(SECRET);
  expect(/keep .* this/.exec(out)?.[0]).toMatch(MARKER);
  expect(frame.receipts[0]?.redactions).toMatchObject([{ path: 'unknown', rule: 'github-pat', action: 'mask' }]);
});

test('a secret is found behind a length that reads as part of it', () => {
  // 0x41 is a letter: read as one text, the secret does not begin where it begins.
  const long = `${SECRET}${' '.repeat(0x41 - SECRET.length)}`;
  const frame = redact((writer) => {
    write(writer, [99, { kind: 'message', fields: [[1, { kind: 'text', text: long }]] }]);
  });
  expect(Buffer.from(frame.bytes).includes(SECRET)).toBe(false);
  expect(frame.receipts[0]?.redactions).toMatchObject([{ action: 'mask' }]);
});

test('from bytes that are neither text nor message the innermost field goes', () => {
  const bytes = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from(`keep ${SECRET} this`), Buffer.from([0xfe])]);
  const frame = redact((writer) => {
    const mark = writer.begin(99);
    writer.stringField(2, 'stays');
    writer.bytesField(3, bytes);
    writer.end(mark);
  });
  const reader = unknownIn(frame);
  reader.tag();
  const content = reader.view();
  expect(content).toEqual(Buffer.concat([Buffer.from([0x12, 5]), Buffer.from('stays')]));
  expect(frame.receipts[0]?.redactions).toMatchObject([
    { path: 'unknown', rule: 'github-pat', action: 'drop', originalBytes: bytes.length },
  ]);
});

test('an attribute in an unknown message is treated by its key', () => {
  const attribute = (key: string, value: string): Field => [
    3,
    {
      kind: 'message',
      fields: [
        [1, { kind: 'text', text: key }],
        [2, { kind: 'message', fields: [[1, { kind: 'text', text: value }]] }],
      ],
    },
  ];
  const frame = redact((writer) => {
    write(writer, [
      99,
      {
        kind: 'message',
        fields: [
          attribute('db.password', 'tuesday'),
          attribute('gen_ai.input.messages', 'tell me all'),
          attribute('shop.colour', 'blue'),
        ],
      },
    ]);
  }, 'balanced');
  const out = Buffer.from(frame.bytes).toString('latin1');
  expect(out).not.toContain('tuesday');
  expect(out).not.toContain('tell me all');
  expect(out).toContain('db.password');
  expect(out).toContain('[withheld:messages.input');
  expect(out).toContain('blue');
});

test('a value of an unknown kind under a key whose content is withheld does not pass', () => {
  const frame = redact((writer) => {
    const pair = writer.begin(9);
    writer.stringField(1, 'gen_ai.input.messages');
    const value = writer.begin(2);
    writer.stringField(12, 'tell me all');
    writer.end(value);
    writer.end(pair);
  }, 'balanced');
  expect(Buffer.from(frame.bytes).includes('tell me all')).toBe(false);
  expect(frame.receipts[0]?.redactions).toMatchObject([{ action: 'withhold', class: 'content.messages.input' }]);
});

test('a field nested deeper than is looked into goes, and is counted', () => {
  let value: Value = { kind: 'text', text: `keep ${SECRET} this` };
  for (let depth = 0; depth < 60; depth += 1) value = { kind: 'message', fields: [[17, value]] };
  const deep = value;
  const frame = redact((writer) => {
    write(writer, [99, deep]);
    writer.stringField(98, 'stays');
  });
  expect(Buffer.from(frame.bytes).includes(SECRET)).toBe(false);
  expect(Buffer.from(frame.bytes).includes('stays')).toBe(true);
  expect(frame.receipts[0]?.redactions).toMatchObject([{ class: 'content.unscanned', rule: 'budget', action: 'drop' }]);
});

test('the number of a card in an unknown integer takes the field out', () => {
  const frame = redact((writer) => {
    writer.varintField(99, 4111111111111111n);
    writer.varintField(98, 1782468000000000000n);
  });
  const reader = unknownIn(frame);
  expect(reader.tag() >>> 3).toBe(98);
  expect(frame.receipts[0]?.redactions).toMatchObject([{ rule: 'credit-card', action: 'drop' }]);
});

test('a policy that drops unknown fields drops each of them', () => {
  const frame = redact((writer) => {
    writer.stringField(99, 'words');
    writer.varintField(98, 1);
  }, 'strict');
  expect(unknownIn(frame).tag()).toBe(0);
  expect(frame.receipts[0]?.redactions).toMatchObject([{ action: 'drop' }, { action: 'drop' }]);
});
