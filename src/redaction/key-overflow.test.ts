import { expect, test } from 'vitest';
import { transcodeJson } from '../otlp/json/transcode.ts';
import { checkRequest } from '../otlp/protobuf/check.ts';
import type { KnownKeys } from '../otlp/known-keys.ts';
import type { Signal } from '../otlp/signal.ts';
import { markRedacted } from '../pipeline/redacted.ts';
import { fileUnknownKeys } from './key-overflow.ts';

const known = (...keys: readonly string[]): KnownKeys => ({
  admit: (bytes, start, end) => keys.includes(Buffer.from(bytes.subarray(start, end)).toString()),
});
const protobuf = (signal: Signal, request: object): Buffer =>
  transcodeJson(signal, Buffer.from(JSON.stringify(request))).bytes;
const filed = (signal: Signal, request: object, keys: KnownKeys): Buffer =>
  Buffer.from(fileUnknownKeys(signal, markRedacted<Uint8Array>(protobuf(signal, request)), keys));
const text = (key: string, value: string): object => ({ key, value: { stringValue: value } });
const overflow = (...attributes: readonly object[]): object => ({
  key: 'docket.overflow',
  value: { kvlistValue: { values: attributes } },
});

const ids = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' };

test('attributes with unknown keys are filed as lists of one pair, wherever they stand; the rest stays byte for byte', () => {
  const request = (file: (attribute: object) => object): object => ({
    resourceSpans: [
      {
        resource: { attributes: [text('service.name', 'shop'), file(text('resource.x', '1'))] },
        scopeSpans: [
          {
            scope: { name: 'lib', attributes: [file(text('scope.x', '2'))] },
            spans: [
              {
                ...ids,
                name: 'pay',
                attributes: [
                  file(text('span.x', '3'.repeat(300))),
                  text('known', '4'),
                  file({ key: 'n', value: { intValue: 5 } }),
                ],
                events: [{ name: 'e', attributes: [file(text('event.x', '6'))] }],
                links: [{ ...ids, attributes: [file(text('link.x', '7'))] }],
              },
            ],
          },
        ],
        schemaUrl: 'x',
      },
    ],
  });
  const keys = known('service.name', 'known');
  expect(
    filed(
      'traces',
      request((each) => each),
      keys,
    ),
  ).toEqual(
    protobuf(
      'traces',
      request((each) => overflow(each)),
    ),
  );
  expect(
    checkRequest(
      'traces',
      protobuf(
        'traces',
        request((each) => each),
      ),
      keys,
    ).unknownKeys,
  ).toBe(6);
});

test('points of metrics and records of logs too', () => {
  const gauge = (attributes: readonly object[]): object => ({
    resourceMetrics: [
      { scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{ asInt: 1, attributes }] } }] }] },
    ],
  });
  const log = (attributes: readonly object[]): object => ({
    resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'b' }, attributes }] }] }],
  });
  const attribute = text('x', '1');
  expect(filed('metrics', gauge([attribute]), known())).toEqual(protobuf('metrics', gauge([overflow(attribute)])));
  expect(filed('logs', log([attribute]), known())).toEqual(protobuf('logs', log([overflow(attribute)])));
});

test('pairs within a value are no attributes; a list is kept under the one key without its own', () => {
  const value = { kvlistValue: { values: [text('inner', 'v')] } };
  const log = (key: string): object => ({
    resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: value, attributes: [{ key, value }] }] }] }],
  });
  expect(filed('logs', log('outer'), known('outer'))).toEqual(protobuf('logs', log('outer')));
  expect(checkRequest('logs', protobuf('logs', log('outer')), known('outer')).unknownKeys).toBe(0);
  expect(filed('logs', log('outer'), known())).toEqual(protobuf('logs', log('docket.overflow')));
});

test('fields of newer versions stay', () => {
  // Field 99 of the request, and in an attribute.
  const unknown = Buffer.from([0x9a, 0x06, 0x02, 0x68, 0x69]);
  const request = Buffer.concat([protobuf('logs', { resourceLogs: [] }), unknown]);
  expect(Buffer.from(fileUnknownKeys('logs', markRedacted<Uint8Array>(request), known()))).toEqual(request);
});
