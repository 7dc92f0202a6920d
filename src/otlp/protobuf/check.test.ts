import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OtlpDecodeError, OtlpSizeError } from '../decode-error.ts';
import { transcodeJson } from '../json/transcode.ts';
import { REMOVALS_MAX, REQUEST_ITEMS_MAX } from '../limits.ts';
import { type Signal, SIGNALS } from '../signal.ts';
import { checkRequest } from './check.ts';
import { WireWriter } from './writer.ts';

const TRACE_ID = '5b8efff798038103d269b633813fc60c';
const SPAN_ID = 'eee19b7ec3c1b174';

const encode = (signal: Signal, request: object): Buffer =>
  transcodeJson(signal, Buffer.from(JSON.stringify(request))).bytes;

const spansOf = (...spans: object[]): Buffer => encode('traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] });
const logsOf = (...logRecords: object[]): Buffer => encode('logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
const metricsOf = (...metrics: object[]): Buffer =>
  encode('metrics', { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });

const named = (name: string): object => ({ traceId: TRACE_ID, spanId: SPAN_ID, name });

/** Wraps `content` in length-delimited fields, the last one outermost. */
function wrap(content: Buffer, ...fields: readonly number[]): Buffer {
  let bytes = content;
  for (const field of fields) {
    const writer = new WireWriter(bytes.length + 16);
    writer.bytesField(field, bytes);
    bytes = writer.finish();
  }
  return bytes;
}

describe('malformed bytes', () => {
  test('every cut of a request is refused or leaves whole messages', () => {
    const bytes = spansOf(
      { ...named('a'), kind: 2, flags: 257, attributes: [{ key: 'k', value: { stringValue: 'v'.repeat(200) } }] },
      named('b'),
    );
    for (let length = 1; length < bytes.length; length += 1) {
      expect(() => checkRequest('traces', bytes.subarray(0, length)), `cut at ${length}`).toThrow(OtlpDecodeError);
    }
  });

  test.each([
    ['a name that is a varint', wrap(Buffer.from([0x28, 0x01]), 2, 2, 1), 'Span.name has wire type 0'],
    ['a time of 7 bytes', wrap(Buffer.from([0x39, 1, 2, 3, 4, 5, 6, 7]), 2, 2, 1), 'Span.startTimeUnixNano'],
    ['a known field as a group', wrap(Buffer.from([0x2b, 0x2c]), 2, 2, 1), 'Span.name has wire type 3'],
    ['field number 0', Buffer.from([0x02, 0x00]), 'field number 0'],
    [
      'a varint of 11 bytes',
      wrap(Buffer.from([0x30, ...Array.from({ length: 10 }, () => 0xff), 1]), 2, 2, 1),
      'Span.kind',
    ],
    ['a length beyond the message', Buffer.from([0x0a, 0x05, 0x00]), 'ExportTraceServiceRequest.resourceSpans'],
    ['a length of 4 GiB', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'ExportTraceServiceRequest.resourceSpans'],
    ['an unknown group that stays open', Buffer.from([0x7b]), 'group 15 is not closed'],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => checkRequest('traces', bytes)).toThrow(message);
  });

  test.each(SIGNALS)('arbitrary bytes sent as %s are checked or refused, never anything else', (signal) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const check = checkRequest(signal, bytes);
          expect(check.items).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(OtlpDecodeError);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('spans and log records sent as another signal are refused', () => {
    expect(() => checkRequest('logs', spansOf(named('a')))).toThrow('LogRecord.timeUnixNano');
    expect(() => checkRequest('traces', logsOf({ timeUnixNano: '1' }))).toThrow('Span.traceId');
    expect(() => checkRequest('metrics', logsOf({ timeUnixNano: '1' }))).toThrow('Metric.name');
    expect(() => checkRequest('metrics', spansOf({ ...named('a'), startTimeUnixNano: '1' }))).toThrow(OtlpDecodeError);
    expect(() => checkRequest('logs', metricsOf({ name: 'm' }))).toThrow('LogRecord.timeUnixNano');
  });

  test('metrics sent as traces that pass for spans are rejected one by one', () => {
    expect(checkRequest('traces', metricsOf({ name: 'm', unit: 's' }))).toMatchObject({ items: 0, rejected: 1 });
  });
});

describe('nesting', () => {
  const nestedBody = (levels: number): Buffer => {
    let value: Buffer = Buffer.from([0x10, 0x01]);
    for (let level = 1; level < levels; level += 1) value = wrap(value, 1, 5);
    return wrap(value, 5, 2, 2, 1);
  };

  test('47 levels of AnyValue pass, 48 and 2,000 are refused', () => {
    expect(checkRequest('logs', nestedBody(47)).items).toBe(1);
    expect(() => checkRequest('logs', nestedBody(48))).toThrow('AnyValue nested deeper than 47');
    expect(() => checkRequest('logs', nestedBody(2000))).toThrow('AnyValue nested deeper than 47');
  });

  // The deepest way to an AnyValue: an attribute of an exemplar.
  const nestedExemplar = (levels: number): Buffer => {
    let value: Buffer = wrap(Buffer.alloc(0), 1, 6);
    for (let level = 1; level < levels; level += 1) value = wrap(value, 2, 1, 6);
    const exemplar = wrap(value, 2, 7, 5);
    const point = Buffer.concat([Buffer.from([0x21, 0, 0, 0, 0, 0, 0, 0, 0]), exemplar]);
    return wrap(point, 1, 5, 2, 2, 1);
  };

  test('lists of pairs may be as deep as arrays, anywhere', () => {
    expect(checkRequest('metrics', nestedExemplar(47)).items).toBe(1);
    expect(() => checkRequest('metrics', nestedExemplar(48))).toThrow('AnyValue nested deeper than 47');
    expect(() => checkRequest('metrics', nestedExemplar(2000))).toThrow('AnyValue nested deeper than 47');
  });

  test('unknown groups a hundred thousand deep are refused', () => {
    expect(() => checkRequest('traces', Buffer.alloc(100_000, 0x7b))).toThrow('groups nested deeper');
  });
});

describe('whole requests', () => {
  test('an empty body has no items', () => {
    expect(checkRequest('traces', Buffer.alloc(0))).toMatchObject({ items: 0, rejected: 0, reasons: '' });
  });

  test('what needs no change comes back as the same memory', () => {
    const bytes = spansOf(named('a'), named('b'));
    const check = checkRequest('traces', bytes);
    expect(check.bytes).toBe(bytes);
    expect(check).toMatchObject({ items: 2, rejected: 0 });
  });

  test('unknown fields of every wire type pass and stay', () => {
    const unknown = Buffer.from([
      0x98, 0x06, 0x01, 0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0x9a, 0x06, 0x01, 0x41, 0x9b, 0x06, 0x08, 0x01, 0x9c, 0x06,
      0x9d, 0x06, 1, 2, 3, 4,
    ]);
    const writer = new WireWriter();
    writer.bytesField(1, Buffer.from(TRACE_ID, 'hex'));
    writer.bytesField(2, Buffer.from(SPAN_ID, 'hex'));
    writer.raw(unknown);
    const bytes = wrap(writer.finish(), 2, 2, 1);
    expect(checkRequest('traces', bytes)).toMatchObject({ bytes, items: 1, rejected: 0 });
  });

  test('data points of all five kinds are counted', () => {
    const point = { timeUnixNano: '1' };
    const bytes = metricsOf(
      {
        gauge: {
          dataPoints: [
            { ...point, asInt: '1' },
            { ...point, asDouble: 0 },
          ],
        },
      },
      { sum: { dataPoints: [{ ...point, asDouble: 1 }] } },
      { histogram: { dataPoints: [{ ...point, bucketCounts: ['1', '2'], explicitBounds: [1.5] }, point] } },
      { exponentialHistogram: { dataPoints: [{ ...point, scale: -1, positive: { bucketCounts: ['1'] } }] } },
      { summary: { dataPoints: [{ ...point, quantileValues: [{ quantile: 0.5, value: 1 }] }] } },
    );
    expect(checkRequest('metrics', bytes)).toMatchObject({ bytes, items: 7, rejected: 0 });
  });
});

describe('rejected items', () => {
  const bad = [
    { name: 'no ids' },
    { traceId: '00'.repeat(16), spanId: SPAN_ID },
    { traceId: TRACE_ID, spanId: '00'.repeat(8) },
    { traceId: `${TRACE_ID}00`, spanId: SPAN_ID },
    { traceId: TRACE_ID, spanId: 'ab' },
  ];

  test('spans without valid ids are taken out and the rest is what it would be without them', () => {
    const long = { ...named('x'.repeat(300)), attributes: [{ key: 'k', value: { intValue: '5' } }] };
    const check = checkRequest('traces', spansOf(...bad.slice(0, 2), named('a'), ...bad.slice(2), long));
    expect(check).toMatchObject({ items: 2, rejected: 5 });
    expect(check.reasons).toBe(
      '3 spans without a valid trace_id (16 bytes, not all zero); 2 spans without a valid span_id (8 bytes, not all zero)',
    );
    expect(check.bytes).toEqual(checkRequest('traces', spansOf(named('a'), long)).bytes);
  });

  test('any mix of valid and invalid spans leaves the valid ones in order, with lengths made right', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.tuple(fc.boolean(), fc.string({ maxLength: 150 })), { maxLength: 4 }), { maxLength: 4 }),
        (groups) => {
          const request = (keep: (valid: boolean) => boolean): Buffer =>
            encode('traces', {
              resourceSpans: groups.map((group) => ({
                resource: { attributes: [{ key: 'k' }] },
                scopeSpans: [
                  {
                    spans: group
                      .filter(([valid]) => keep(valid))
                      .map(([valid, name]) => ({ ...named(name), ...(valid ? {} : { spanId: '' }) })),
                    schemaUrl: 's',
                  },
                ],
              })),
            });
          const check = checkRequest(
            'traces',
            request(() => true),
          );
          expect(check.bytes).toEqual(request((valid) => valid));
          expect(check.items).toBe(groups.flat().filter(([valid]) => valid).length);
          expect(check.rejected).toBe(groups.flat().filter(([valid]) => !valid).length);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a length prefix that becomes shorter shortens the messages around it', () => {
    const check = checkRequest('traces', spansOf(named('a'), { name: 'x'.repeat(20_000) }));
    expect(check.bytes).toEqual(spansOf(named('a')));
  });

  test('number points without a value are rejected unless they say there is none', () => {
    const check = checkRequest(
      'metrics',
      metricsOf({ gauge: { dataPoints: [{ timeUnixNano: '1' }, { flags: 1 }, { asInt: '0' }] } }),
    );
    expect(check).toMatchObject({ items: 2, rejected: 1, reasons: '1 data point with neither as_double nor as_int' });
  });

  test.each([
    ['counts without bounds to fit', { bucketCounts: ['1', '2'], explicitBounds: [] }, 'do not fit'],
    ['bounds without counts', { explicitBounds: [1] }, 'do not fit'],
    ['bounds that stay', { bucketCounts: ['1', '2', '3'], explicitBounds: [1, 1] }, 'do not increase'],
    ['a bound that is no number', { bucketCounts: ['1', '2'], explicitBounds: ['NaN'] }, 'do not increase'],
  ])('histogram points with %s are rejected', (_, point, reason) => {
    const check = checkRequest('metrics', metricsOf({ histogram: { dataPoints: [point, { count: '1' }] } }));
    expect(check).toMatchObject({ items: 1, rejected: 1 });
    expect(check.reasons).toContain(reason);
  });
});

describe('log records with invalid ids', () => {
  test.each([
    ['a zero trace id', { traceId: '00'.repeat(16), spanId: SPAN_ID }, {}],
    ['a short trace id', { traceId: 'abcd', spanId: SPAN_ID }, {}],
    ['a short span id', { traceId: TRACE_ID, spanId: 'ab' }, { traceId: TRACE_ID }],
  ])('%s is cleared and the record kept', (_, ids, kept) => {
    const check = checkRequest('logs', logsOf({ severityText: 'a', ...ids, eventName: 'e' }));
    expect(check).toMatchObject({ items: 1, rejected: 0, reasons: '' });
    expect(check.bytes).toEqual(logsOf({ severityText: 'a', ...kept, eventName: 'e' }));
  });
});

describe('requests that are small and would become large', () => {
  const records = (record: Buffer, count: number): Buffer =>
    Buffer.concat(Array.from({ length: count }, () => wrap(record, 2)));
  const request = (scope: Buffer, resource: Buffer = Buffer.alloc(0)): Buffer =>
    wrap(Buffer.concat([wrap(resource, 1), wrap(scope, 2)]), 1);
  /** A resource with one attribute of so many bytes. */
  const resourceOf = (bytes: number): Buffer =>
    wrap(Buffer.concat([wrap(Buffer.from('k'), 1), wrap(Buffer.alloc(bytes, 'a'), 1, 2)]), 1);

  test('as many items as may be are taken, and one more is not', () => {
    const nothing = Buffer.alloc(0);
    expect(checkRequest('logs', request(records(nothing, REQUEST_ITEMS_MAX))).items).toBe(REQUEST_ITEMS_MAX);
    expect(() => checkRequest('logs', request(records(nothing, REQUEST_ITEMS_MAX + 1)))).toThrow(OtlpSizeError);
  });

  test('a million spans that are rejected side by side are one stretch to take out', () => {
    const { rejected, items, bytes } = checkRequest('traces', request(records(Buffer.alloc(0), REQUEST_ITEMS_MAX)));
    expect({ rejected, items, bytes: bytes.toString('hex') }).toEqual({
      rejected: REQUEST_ITEMS_MAX,
      items: 0,
      bytes: '0a040a001200',
    });
  });

  test('log records with invalid ids are kept without them, up to so many in one request', () => {
    const invalid = wrap(Buffer.from([0]), 9);
    const { items, bytes } = checkRequest('logs', request(records(invalid, REMOVALS_MAX)));
    expect([items, bytes.length]).toEqual([REMOVALS_MAX, request(records(Buffer.alloc(0), REMOVALS_MAX)).length]);
    expect(() => checkRequest('logs', request(records(invalid, REMOVALS_MAX + 1)))).toThrow(OtlpSizeError);
  });

  test('what a resource says counts with each of its items, and with no other', () => {
    const some = records(Buffer.alloc(0), 80_000);
    expect(checkRequest('logs', request(some, resourceOf(3_000))).items).toBe(80_000);
    expect(() => checkRequest('logs', request(some, resourceOf(4_000)))).toThrow(OtlpSizeError);
    const apart = Array.from({ length: 1_000 }, () => request(records(Buffer.alloc(0), 8), resourceOf(4_000)));
    expect(checkRequest('logs', Buffer.concat([request(some), ...apart])).items).toBe(88_000);
  });

  test('what a metric says counts with each of its points', () => {
    const point = wrap(Buffer.from([0x31, 1, 0, 0, 0, 0, 0, 0, 0]), 1);
    const points = wrap(Buffer.concat(Array.from({ length: 1_000 }, () => point)), 5);
    const metric = (description: number): Buffer =>
      wrap(Buffer.concat([wrap(Buffer.alloc(description, 'a'), 2), points]), 2);
    expect(checkRequest('metrics', request(metric(200_000))).items).toBe(1_000);
    expect(() => checkRequest('metrics', request(metric(300_000)))).toThrow(OtlpSizeError);
  });
});
