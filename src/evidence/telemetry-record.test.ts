import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameOf, logsOf, tracesOf } from '../../test/support/linker-harness.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { plain } from './attribute.ts';
import { selectCandidates } from './candidates.ts';
import { spanParents } from './span-parents.ts';
import type { SpanRecord } from './telemetry-record.ts';

function firstSpan(attributes: Readonly<Record<string, unknown>>): SpanRecord {
  const json = tracesOf({ attributes: { 'gen_ai.operation.name': 'chat', ...attributes } });
  const [record] = selectCandidates('traces', frameOf('traces', json).bytes).records;
  if (record?.signal !== 'traces') throw new Error('no span was selected');
  return record;
}

/** Attribute values as OTLP/JSON can say them; numbers that are whole are integers. */
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

test('every attribute value comes out as it went in', () => {
  fc.assert(
    fc.property(value, (sent) => {
      const got = plain(firstSpan({ sent }).attributes.get('sent')?.[0] ?? null);
      // Keys of plain objects such as __proto__ are data here.
      expect(JSON.stringify(got)).toBe(JSON.stringify(plainOf(sent)));
    }),
    { numRuns: 200 },
  );
});

/** Drops what JSON.stringify tells apart and OTLP does not: -0. */
function plainOf(sent: unknown): unknown {
  return JSON.parse(JSON.stringify(sent));
}

test('arbitrary bytes are decoded or refused, nothing else', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('traces' as const, 'logs' as const),
      (bytes, signal) => {
        try {
          selectCandidates(signal, bytes);
          spanParents(bytes, 1, new Set([1]));
        } catch (error) {
          expect(error).toBeInstanceOf(OtlpDecodeError);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('of a key that comes twice the first value is read and both are kept', () => {
  const span = new WireWriter();
  for (const text of ['first', 'second']) {
    const attribute = span.begin(9);
    span.stringField(1, 'gen_ai.tool.name');
    const value = span.begin(2);
    span.stringField(1, text);
    span.end(value);
    span.end(attribute);
  }
  const request = new WireWriter();
  const [a, b, c] = [request.begin(1), request.begin(2), request.begin(2)];
  request.raw(span.finish());
  request.end(c);
  request.end(b);
  request.end(a);
  const [record] = selectCandidates('traces', request.finish()).records;
  expect(record?.attributes.get('gen_ai.tool.name')).toEqual(['first', 'second']);
});

test('a resource that comes after its spans is read all the same', () => {
  const request = new WireWriter();
  const container = request.begin(1);
  const scopeSpans = request.begin(2);
  const span = request.begin(2);
  const key = request.begin(9);
  request.stringField(1, 'gen_ai.operation.name');
  request.end(key);
  request.end(span);
  request.end(scopeSpans);
  const resource = request.begin(1);
  const attribute = request.begin(1);
  request.stringField(1, 'service.name');
  const named = request.begin(2);
  request.stringField(1, 'late');
  request.end(named);
  request.end(attribute);
  request.end(resource);
  request.end(container);
  const [record] = selectCandidates('traces', request.finish()).records;
  expect(record?.resource.attributes.get('service.name')).toEqual(['late']);
});

test('ordinals count every record of the request in wire order', () => {
  const json = tracesOf({ name: 'GET /' }, { attributes: { 'gen_ai.operation.name': 'chat' } }, { name: 'GET /' });
  const { records, items } = selectCandidates('traces', frameOf('traces', json).bytes);
  expect(items).toBe(3);
  expect(records.map((record) => record.ordinal)).toEqual([1]);
});

test('a log record is a candidate by event name, in the field, the attribute or the body', () => {
  const json = logsOf(
    { eventName: 'codex.tool_result' },
    { attributes: { 'event.name': 'gemini_cli.tool_call' } },
    { body: 'claude_code.tool_result' },
    { body: 'connection closed', attributes: { 'event.name': 'db.query' } },
  );
  const { records } = selectCandidates('logs', frameOf('logs', json).bytes);
  expect(records.map((record) => record.ordinal)).toEqual([0, 1, 2]);
});
