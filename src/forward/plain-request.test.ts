import { expect, test } from 'vitest';
import { readRequest } from '../../test/conformance/oracle.ts';
import { transcodeJson } from '../otlp/json/transcode.ts';
import { checkRequest } from '../otlp/protobuf/check.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { ANY_VALUE_DEPTH_MAX } from '../otlp/limits.ts';
import type { Signal } from '../otlp/signal.ts';
import { plainRequest } from './plain-request.ts';

const IDS = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' };
const protobufOf = (signal: Signal, request: object): Buffer =>
  transcodeJson(signal, Buffer.from(JSON.stringify(request))).bytes;

/** `{k: {k: … 'x'}}` or `[[… 'x']]`, so many AnyValues deep. */
function nested(depth: number, kind: 'list' | 'array'): object {
  let value: object = { stringValue: 'x' };
  for (let level = 1; level < depth; level += 1) {
    value = kind === 'list' ? { kvlistValue: { values: [{ key: 'k', value }] } } : { arrayValue: { values: [value] } };
  }
  return value;
}

/** A group of field 900 with a varint, a text and a group within it. */
const GROUP = Buffer.concat([
  tagged(900, 3),
  Buffer.from([0x08, 0x07, 0x12, 0x03, 0x61, 0x62, 0x63]),
  tagged(2, 3),
  tagged(2, 4),
  tagged(900, 4),
]);

function tagged(field: number, wireType: number): Buffer {
  const bytes: number[] = [];
  let rest = (field << 3) | wireType;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

test('a request with nothing that decoders refuse is not looked at twice', () => {
  for (const value of [nested(1, 'list'), nested(20, 'list'), nested(40, 'array')]) {
    const bytes = protobufOf('traces', {
      resourceSpans: [{ scopeSpans: [{ spans: [{ ...IDS, name: 'a', attributes: [{ key: 'a', value }] }] }] }],
    });
    expect(plainRequest('traces', bytes)).toBeUndefined();
  }
});

test('unknown groups go, at every level, and everything else stays', () => {
  const writer = new WireWriter();
  const resourceSpans = writer.begin(1);
  const scopeSpans = writer.begin(2);
  writer.raw(GROUP);
  const span = writer.begin(2);
  writer.bytesField(1, Buffer.from(IDS.traceId, 'hex'));
  writer.raw(GROUP);
  writer.bytesField(2, Buffer.from(IDS.spanId, 'hex'));
  writer.stringField(5, 'a'.repeat(130));
  writer.raw(GROUP);
  writer.stringField(903, 'unknown and no group');
  writer.end(span);
  writer.end(scopeSpans);
  writer.end(resourceSpans);
  writer.raw(GROUP);
  const bytes = writer.finish();
  const plain = plainRequest('traces', bytes);
  expect(plain).toMatchObject({ groups: 4, deepValues: 0 });
  const expected = protobufOf('traces', {
    resourceSpans: [{ scopeSpans: [{ spans: [{ ...IDS, name: 'a'.repeat(130) }] }] }],
  });
  expect(readRequest('traces', plain?.bytes ?? Buffer.alloc(0))).toEqual(readRequest('traces', expected));
  for (let at = 0; at + 4 < GROUP.length; at += 4)
    expect(plain?.bytes.includes(GROUP.subarray(at, at + 5))).toBe(false);
  expect(plain?.bytes.includes('unknown and no group')).toBe(true);
});

test.each(['traces', 'metrics', 'logs'] as const)(
  'lists of pairs in %s nested as deep as Docket takes become a request that protobufjs reads, down to where it cannot',
  (signal) => {
    const value = nested(ANY_VALUE_DEPTH_MAX, 'list');
    const request = {
      traces: {
        resourceSpans: [{ scopeSpans: [{ spans: [{ ...IDS, links: [{ attributes: [{ key: 'a', value }] }] }] }] }],
      },
      logs: { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: value, severityText: 'behind' }] }] }] },
      metrics: {
        resourceMetrics: [
          {
            scopeMetrics: [
              {
                metrics: [
                  {
                    gauge: { dataPoints: [{ asInt: '1', exemplars: [{ filteredAttributes: [{ key: 'a', value }] }] }] },
                  },
                ],
              },
            ],
          },
        ],
      },
    }[signal];
    const bytes = protobufOf(signal, request);
    checkRequest(signal, bytes);
    expect(() => readRequest(signal, bytes)).toThrow(/max depth/i);
    const plain = plainRequest(signal, bytes);
    expect(plain).toMatchObject({ groups: 0, deepValues: 1 });
    const read = JSON.stringify(readRequest(signal, plain?.bytes ?? Buffer.alloc(0)));
    // As much of it as goes is there.
    expect(read.match(/"kvlistValue"/g)?.length).toBeGreaterThan(28);
    expect(read).not.toContain('"x"');
    if (signal === 'logs') expect(read).toContain('behind');
    expect(plainRequest(signal, plain?.bytes ?? Buffer.alloc(0))).toBeUndefined();
  },
);

test('what is not a whole request is left to whoever refused it', () => {
  expect(plainRequest('traces', Buffer.from('not protobuf'))).toBeUndefined();
});
