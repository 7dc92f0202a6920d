import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Signal } from '../../src/otlp/signal.ts';
import { WireWriter } from '../../src/otlp/protobuf/writer.ts';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import { readRequest } from './oracle.ts';
import { protobufOf, type ReceiverUnderTest, SPAN_ID, startReceiver, TRACE_ID } from './receiver-under-test.ts';
import { requirement } from './requirement.ts';
import { exportOver, post, rawCall, grpcFrame, type Wire, WIRES } from './wire.ts';

let target: ReceiverUnderTest;

beforeAll(async () => {
  target = await startReceiver();
});
beforeEach(() => {
  target.answerWith(async () => ACCEPTED);
  target.handled.length = 0;
});
afterAll(() => target.close());

function handledAs(signal: Signal): unknown {
  const last = target.handled.at(-1);
  if (last === undefined) throw new Error('the handler was given nothing');
  return readRequest(signal, last.bytes);
}

const spanOf = (...spans: object[]): object => ({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
const logOf = (...logRecords: object[]): object => ({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
const metricOf = (...metrics: object[]): object => ({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
const ids = { traceId: TRACE_ID, spanId: SPAN_ID };

/** Sent and handled alike: the handler's request, read by protobufjs, matches what was sent. */
async function survives(wire: Wire, signal: Signal, request: object): Promise<void> {
  expect(await exportOver(wire, target, signal, request)).toMatchObject({ code: 0, rejected: 0, errorMessage: '' });
  expect(handledAs(signal)).toMatchObject(request);
}

requirement(
  {
    number: 38,
    level: 'MUST',
    sentence: 'a span without a valid trace id and span id is rejected, a log record is kept without them',
    docket: 'Missing, all zero or of another length. The span is counted in the partial success.',
    collector: 'takes spans without ids; a JSON id of another length is 400',
  },
  () => {
    describe.each(WIRES)('%s', (wire) => {
      const zeros = { traceId: '0'.repeat(32), spanId: SPAN_ID };
      test.each([
        ['no trace id', { spanId: SPAN_ID }],
        ['no span id', { traceId: TRACE_ID }],
        ['a trace id of zeros', zeros],
        ['a span id of zeros', { traceId: TRACE_ID, spanId: '0'.repeat(16) }],
        ['a short trace id', { traceId: 'abcd', spanId: SPAN_ID }],
      ])('a span with %s', async (_, bad) => {
        expect(await exportOver(wire, target, 'traces', spanOf(bad, ids))).toMatchObject({ code: 0, rejected: 1 });
        expect(handledAs('traces')).toEqual(spanOf(ids));
      });
      test('a log record with ids of zeros', async () => {
        await exportOver(wire, target, 'logs', logOf({ ...zeros, severityText: 'x' }));
        expect(handledAs('logs')).toEqual(logOf({ severityText: 'x' }));
      });
    });
  },
);

requirement(
  {
    number: 39,
    level: 'MUST',
    sentence: 'a root has no parent, and flags keep every bit',
    docket: 'Bits 10 to 31 are kept as sent.',
  },
  () => {
    test.each(WIRES)('%s', async (wire) => {
      await survives(wire, 'traces', spanOf({ ...ids, flags: 0xffff_ff01, links: [{ ...ids, flags: 0x301 }] }));
      expect(handledAs('traces')).not.toHaveProperty('resourceSpans[0].scopeSpans[0].spans[0].parentSpanId');
    });
  },
);

requirement(
  {
    number: 40,
    level: 'MUST',
    sentence: 'duplicate attribute keys have a defined result',
    docket: 'All are kept, and redaction sees all (T6). Of a scalar field that comes twice the last counts.',
    collector: 'all are kept',
  },
  () => {
    test.each(WIRES)('%s', async (wire) => {
      const attributes = [
        { key: 'k', value: { stringValue: 'first' } },
        { key: 'k', value: { stringValue: 'second' } },
      ];
      await survives(wire, 'traces', spanOf({ ...ids, attributes }));
    });
    test('a JSON member that comes twice', async () => {
      await post(
        target,
        '/v1/logs',
        '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"a","severityText":"b"}]}]}]}',
      );
      expect(handledAs('logs')).toMatchObject(logOf({ severityText: 'b' }));
    });
  },
);

const nested = (levels: number, leaf: object = { stringValue: 'leaf' }): object => {
  let value = leaf;
  for (let level = 1; level < levels; level += 1) value = { arrayValue: { values: [value] } };
  return value;
};

requirement(
  {
    number: 41,
    level: 'MUST',
    sentence: 'attribute values may be empty, bytes, arrays of mixed types and lists of pairs, anywhere',
    docket: 'Up to 47 levels; deeper is refused as malformed, without recursion.',
    collector: 'yes; 60 levels of JSON too',
  },
  () => {
    test.each(WIRES)('%s: every kind of value', async (wire) => {
      const values = [
        {},
        { stringValue: '' },
        { boolValue: true },
        { intValue: '-1' },
        { doubleValue: 1.5 },
        { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }, {}, { arrayValue: {} }] } },
        { kvlistValue: { values: [{ key: 'k', value: { kvlistValue: {} } }] } },
      ];
      const attributes = values.map((value, index) => ({ key: `k${index}`, value }));
      await survives(wire, 'logs', {
        resourceLogs: [
          {
            resource: { attributes },
            scopeLogs: [{ scope: { attributes }, logRecords: [{ attributes, body: nested(5) }] }],
          },
        ],
      });
    });
    test.each(WIRES)('%s: 47 levels pass, 48 do not', async (wire) => {
      expect((await exportOver(wire, target, 'logs', logOf({ body: nested(47) }))).code).toBe(0);
      const deeper = wire === 'HTTP JSON' ? logOf({ body: nested(48) }) : deepLog(48);
      expect(await exportOver(wire, target, 'logs', deeper)).toMatchObject({ code: 3, badRequest: true });
    });
  },
);

/** A log record whose body is nested deeper than Docket's own transcoder would write. */
function deepLog(levels: number): Buffer {
  const writer = new WireWriter();
  const open = [writer.begin(1), writer.begin(2), writer.begin(2), writer.begin(5)];
  for (let level = 1; level < levels; level += 1) open.push(writer.begin(5), writer.begin(1));
  writer.stringField(1, 'leaf');
  for (const mark of open.reverse()) writer.end(mark);
  return writer.finish();
}

const INDEXES = '2 indexes of strings (string_value_strindex, key_strindex) were ignored: only profiles have them';

requirement(
  {
    number: 42,
    level: 'MUST',
    sentence: 'profiles-only string indexes on other signals are not fatal',
    docket:
      'Processed as absent; the answer tells of them (partial success, 0 rejected) and the log warns. Redacted OTLP that goes on has them as sent.',
    collector: 'kept, nobody is told',
  },
  () => {
    test.each(['gRPC', 'HTTP protobuf'] as const)('%s', async (wire) => {
      const writer = new WireWriter();
      const open = [writer.begin(1), writer.begin(2), writer.begin(2), writer.begin(6)];
      writer.stringField(1, 'k');
      const value = writer.begin(2);
      writer.varintField(8, 7);
      writer.end(value);
      writer.varintField(3, 9);
      for (const mark of open.reverse()) writer.end(mark);
      const request = writer.finish();
      expect(await exportOver(wire, target, 'logs', request)).toMatchObject({
        code: 0,
        rejected: 0,
        errorMessage: INDEXES,
      });
      expect(target.handled.at(-1)?.bytes).toEqual(request);
    });
    test('HTTP JSON', async () => {
      const attributes = [{ key: 'k', keyStrindex: 9, value: { stringValueStrindex: 7 } }];
      const answer = await exportOver('HTTP JSON', target, 'logs', logOf({ attributes }));
      expect(answer).toMatchObject({ code: 0, rejected: 0, errorMessage: INDEXES });
    });
    test('the log warns, once for many requests', async () => {
      const lines: string[] = [];
      const logger = pino(
        { level: 'warn' },
        new Writable({
          write(chunk: Buffer, _encoding, done) {
            lines.push(chunk.toString());
            done();
          },
        }),
      );
      const warning = await startReceiver({ logger });
      try {
        const attributes = [{ key: 'k', keyStrindex: 9, value: {} }];
        for (let times = 0; times < 5; times += 1) {
          await exportOver('HTTP JSON', warning, 'logs', logOf({ attributes }));
        }
        expect(lines.filter((line) => line.includes('string indexes that only profiles have'))).toHaveLength(1);
      } finally {
        await warning.close();
      }
    });
  },
);

requirement(
  {
    number: 43,
    level: 'MUST',
    sentence: 'log records may have time 0, severity 0 and an event name',
    docket: 'Kept as sent; the store falls back to observed_time.',
  },
  () => {
    test.each(WIRES)('%s', async (wire) => {
      await survives(
        wire,
        'logs',
        logOf({ observedTimeUnixNano: '5', eventName: 'e'.repeat(256) }, { severityText: 'x' }),
      );
      expect(target.handled.at(-1)?.items).toBe(2);
    });
  },
);

const histogram = (point: object): object =>
  metricOf({ name: 'm', histogram: { aggregationTemporality: 2, dataPoints: [point] } });

requirement(
  {
    number: 44,
    level: 'MUST',
    sentence: 'data points of all five kinds are taken, contradictory ones are rejected',
    docket:
      'Rejected and counted: number points without a value (unless NO_RECORDED_VALUE), histogram points whose counts and bounds contradict each other or whose bounds do not increase. Unspecified temporality is kept as sent.',
    collector: 'takes points without a value',
  },
  () => {
    describe.each(WIRES)('%s', (wire) => {
      test('all five kinds', async () => {
        const request = metricOf(
          { name: 'g', gauge: { dataPoints: [{ asInt: '-5', flags: 0 }, { asDouble: 1.5 }] } },
          {
            name: 's',
            sum: {
              aggregationTemporality: 1,
              isMonotonic: true,
              dataPoints: [{ asInt: '5', exemplars: [{ asDouble: 1, ...ids }] }],
            },
          },
          {
            name: 'h',
            histogram: {
              aggregationTemporality: 2,
              dataPoints: [{ count: '3', sum: 4.5, min: 1, max: 2, bucketCounts: ['1', '2'], explicitBounds: [1.5] }],
            },
          },
          {
            name: 'e',
            exponentialHistogram: {
              aggregationTemporality: 2,
              dataPoints: [
                {
                  count: '2',
                  scale: -3,
                  zeroCount: '1',
                  zeroThreshold: 0.5,
                  positive: { offset: -2, bucketCounts: ['1'] },
                },
              ],
            },
          },
          {
            name: 'q',
            summary: { dataPoints: [{ count: '1', sum: 2, quantileValues: [{ quantile: 0.5, value: 2 }] }] },
            metadata: [{ key: 'k', value: { stringValue: 'v' } }],
          },
        );
        expect(await exportOver(wire, target, 'metrics', request)).toMatchObject({ code: 0, rejected: 0 });
        expect(target.handled.at(-1)?.items).toBe(6);
        expect(JSON.stringify(handledAs('metrics'))).toContain('"scale":-3');
      });
      test.each([
        ['a point without a value', metricOf({ name: 'm', gauge: { dataPoints: [{ timeUnixNano: '1' }] } })],
        [
          'counts that do not fit the bounds',
          histogram({ count: '3', bucketCounts: ['1', '2'], explicitBounds: [1, 2] }),
        ],
        [
          'bounds that do not increase',
          histogram({ count: '3', bucketCounts: ['1', '2', '3'], explicitBounds: [2, 1] }),
        ],
      ])('%s is rejected', async (_, request) => {
        expect(await exportOver(wire, target, 'metrics', request)).toMatchObject({ code: 0, rejected: 1 });
        expect(target.handled).toEqual([]);
      });
      test.each([
        ['a point that says it has no value', metricOf({ name: 'm', gauge: { dataPoints: [{ flags: 1 }] } })],
        ['a histogram without buckets', histogram({ count: '3', sum: 1 })],
      ])('%s is taken', async (_, request) => {
        expect(await exportOver(wire, target, 'metrics', request)).toMatchObject({ code: 0, rejected: 0 });
        expect(target.handled).toMatchObject([{ items: 1 }]);
      });
    });
  },
);

requirement(
  {
    number: 45,
    level: 'MUST',
    sentence: 'entity references, schema URLs and dropped counts survive',
    docket: 'The request is handed on as bytes; nothing in it is rewritten.',
  },
  () => {
    test.each(WIRES)('%s', async (wire) => {
      await survives(wire, 'traces', {
        resourceSpans: [
          {
            schemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
            resource: {
              droppedAttributesCount: 3,
              entityRefs: [{ schemaUrl: 's', type: 'service', idKeys: ['a', 'b'], descriptionKeys: ['c'] }],
            },
            scopeSpans: [
              {
                schemaUrl: 'https://opentelemetry.io/schemas/1.36.0',
                scope: { name: 'n', droppedAttributesCount: 1 },
                spans: [
                  {
                    ...ids,
                    droppedAttributesCount: 4,
                    droppedEventsCount: 5,
                    droppedLinksCount: 6,
                    events: [{ name: 'e', droppedAttributesCount: 7 }],
                  },
                ],
              },
            ],
          },
        ],
      });
    });
  },
);

/** An unknown field of every wire type, groups included: numbers far from those the schema uses. */
function unknownFields(writer: WireWriter): void {
  writer.varintField(1001, 5);
  writer.fixed64Field(1002, 5n);
  writer.stringField(1003, 'newer');
  writer.fixed32Field(1004, 5);
}
// Group 1005 { 1: varint 1, group 2 {} }: tags are number << 3 | 3 (start) and | 4 (end).
const GROUP = Buffer.from([0xeb, 0x3e, 0x08, 0x01, 0x13, 0x14, 0xec, 0x3e]);

requirement(
  {
    number: 46,
    level: 'MUST',
    sentence: 'fields removed long ago are ignored',
    docket: 'Field 1000 (instrumentation_library_*) is stepped over.',
  },
  () => {
    test.each(['gRPC', 'HTTP protobuf'] as const)('%s', async (wire) => {
      const writer = new WireWriter();
      const resourceSpans = writer.begin(1);
      writer.stringField(1000, 'old instrumentation_library_spans');
      writer.end(resourceSpans);
      const request = Buffer.concat([writer.finish(), protobufOf('traces', spanOf(ids))]);
      expect((await exportOver(wire, target, 'traces', request)).code).toBe(0);
      expect(target.handled).toMatchObject([{ items: 1 }]);
    });
  },
);

requirement(
  {
    number: 47,
    level: 'MUST',
    sentence: 'unknown fields of every wire type are stepped over, to a bounded depth',
    docket: 'And kept, groups too; at most 100 deep.',
    collector: 'an unknown group that holds a value is refused',
  },
  () => {
    test.each(['gRPC', 'HTTP protobuf'] as const)(
      '%s: in the request, the resource, the span and the value',
      async (wire) => {
        const writer = new WireWriter();
        unknownFields(writer);
        const resourceSpans = writer.begin(1);
        const resource = writer.begin(1);
        unknownFields(writer);
        writer.end(resource);
        const scopeSpans = writer.begin(2);
        const span = writer.begin(2);
        writer.bytesField(1, Buffer.from(TRACE_ID, 'hex'));
        writer.bytesField(2, Buffer.from(SPAN_ID, 'hex'));
        unknownFields(writer);
        const attribute = writer.begin(9);
        writer.stringField(1, 'k');
        const value = writer.begin(2);
        unknownFields(writer);
        for (const mark of [value, attribute, span, scopeSpans, resourceSpans]) writer.end(mark);
        const request = Buffer.concat([writer.finish(), GROUP]);
        expect((await exportOver(wire, target, 'traces', request)).code).toBe(0);
        expect(target.handled).toMatchObject([{ items: 1 }]);
        expect(target.handled[0]?.bytes).toEqual(request);
      },
    );
    test.each(['gRPC', 'HTTP protobuf'] as const)('%s: groups nested 10,000 deep are refused', async (wire) => {
      const starts = Buffer.alloc(20_000, Buffer.from([0xeb, 0x3e]));
      const ends = Buffer.alloc(20_000, Buffer.from([0xec, 0x3e]));
      const answer = await exportOver(wire, target, 'traces', Buffer.concat([starts, ends]));
      expect(answer).toMatchObject({ code: 3, badRequest: true });
    });
  },
);

requirement(
  {
    number: 48,
    level: 'industry',
    sentence: 'the profiles signal has a stated answer',
    docket:
      'Profiles are not taken: UNIMPLEMENTED and 404 with a Status that says so, as long as the signal is in development and its format changes.',
    collector: 'alpha, behind a feature gate; else UNIMPLEMENTED and 404 as text',
  },
  () => {
    test('gRPC', async () => {
      const path = '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export';
      const answer = await rawCall(target, grpcFrame(Buffer.alloc(0)), { ':path': path });
      expect(answer).toMatchObject({
        'grpc-status': '12',
        'grpc-message': expect.stringContaining('profiles') as string,
      });
    });
    test('HTTP', async () => {
      const answer = await post(target, '/v1development/profiles', '{}');
      expect(answer.status).toBe(404);
      expect(JSON.parse(answer.body.toString())).toMatchObject({
        code: 12,
        message: expect.stringContaining('profiles') as string,
      });
    });
  },
);
