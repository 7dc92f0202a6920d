import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { openTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';
import { batchOf, frameOf, frameOfJson } from '../../test/support/spooled-frame.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

const TABLES = [
  'otel_traces',
  'otel_traces_trace_id_ts',
  'otel_logs',
  'otel_metrics_gauge',
  'otel_metrics_sum',
  'otel_metrics_histogram',
  'otel_metrics_exp_histogram',
  'otel_metrics_summary',
  'redaction_receipts',
  'unloadable_items',
];

async function rowsOf<Row>(sql: string): Promise<Row[]> {
  return temporary.store.query<Row>(sql);
}

async function count(table: string): Promise<number> {
  const rows = await rowsOf<{ rows: string }>(`SELECT toString(count()) AS rows FROM ${table}`);
  return Number(rows[0]?.rows);
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';

let nextTime = 1_700_000_000_000_000_000n;

beforeEach(() => {
  // Each test's requests differ, so that their batches' ids do.
  nextTime += 1_000_000_000_000n;
});

function span(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    traceId: TRACE,
    spanId: 'b7ad6b7169203331',
    name: 'op',
    kind: 2,
    startTimeUnixNano: String(nextTime),
    endTimeUnixNano: String(nextTime + 1_500_000n),
    ...fields,
  };
}

function traces(spans: readonly unknown[], resource: readonly unknown[] = []): unknown {
  return { resourceSpans: [{ resource: { attributes: resource }, scopeSpans: [{ scope: {}, spans }] }] };
}

const text = (key: string, value: string): unknown => ({ key, value: { stringValue: value } });

test('an empty request loads nothing and is accepted', async () => {
  const before = await Promise.all(TABLES.map(count));
  expect(await temporary.store.loader.consume(batchOf(frameOf('traces', new Uint8Array(0), { items: 0 })))).toEqual({
    kind: 'accepted',
    setAside: 0,
  });
  expect(await Promise.all(TABLES.map(count))).toEqual(before);
});

test('a span arrives with every field', async () => {
  const request = {
    resourceSpans: [
      {
        resource: { attributes: [text('service.name', 'cart'), text('host.name', 'h1')], droppedAttributesCount: 3 },
        schemaUrl: 'https://example.test/resource',
        scopeSpans: [
          {
            scope: { name: 'lib', version: '1.2', attributes: [text('scope.key', 'v')], droppedAttributesCount: 4 },
            schemaUrl: 'https://example.test/scope',
            spans: [
              span({
                parentSpanId: '00f067aa0ba902b7',
                traceState: 'a=1',
                name: 'GET /',
                attributes: [
                  text('a', 'é"\'\\\n'),
                  { key: 'int', value: { intValue: '-9223372036854775808' } },
                  { key: 'double', value: { doubleValue: 1.5 } },
                  { key: 'nan', value: { doubleValue: 'NaN' } },
                  { key: 'true', value: { boolValue: true } },
                  { key: 'false', value: { boolValue: false } },
                  { key: 'bytes', value: { bytesValue: 'AAEC/w==' } },
                  { key: 'empty', value: {} },
                  { key: 'missing' },
                  {
                    key: 'list',
                    value: {
                      arrayValue: {
                        values: [
                          { stringValue: 'x"' },
                          { intValue: '9007199254740993' },
                          {},
                          { doubleValue: 'Infinity' },
                          { boolValue: true },
                          { bytesValue: 'AA==' },
                        ],
                      },
                    },
                  },
                  {
                    key: 'map',
                    value: {
                      kvlistValue: {
                        values: [text('__proto__', 'p'), text('k', '1'), text('k', '2'), { key: 'none' }],
                      },
                    },
                  },
                  text('__proto__', 'own'),
                ],
                droppedAttributesCount: 1,
                events: [
                  { timeUnixNano: '1700000000000000001', name: 'e1', attributes: [text('x', 'y')] },
                  { timeUnixNano: '1700000000000000002', name: 'e2', droppedAttributesCount: 6 },
                ],
                droppedEventsCount: 2,
                links: [
                  {
                    traceId: TRACE,
                    spanId: '00f067aa0ba902b7',
                    traceState: 'l=1',
                    attributes: [text('l', 'm')],
                    droppedAttributesCount: 7,
                    flags: 769,
                  },
                ],
                droppedLinksCount: 5,
                status: { code: 2, message: 'boom' },
                flags: 257,
              }),
            ],
          },
        ],
      },
    ],
  };
  const outcome = await temporary.store.loader.consume(batchOf(frameOfJson('traces', request, { items: 1 })));
  expect(outcome).toEqual({ kind: 'accepted', setAside: 0 });
  const rows = await rowsOf<Record<string, unknown>>(
    `SELECT *, toString(toUnixTimestamp64Nano(Timestamp)) AS at, arrayMap(t -> toString(toUnixTimestamp64Nano(t)), Events.Timestamp) AS eventTimes
FROM otel_traces WHERE SpanName = 'GET /' LIMIT 2`,
  );
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({
    at: String(nextTime),
    TraceId: TRACE,
    SpanId: 'b7ad6b7169203331',
    ParentSpanId: '00f067aa0ba902b7',
    TraceState: 'a=1',
    SpanKind: 'Server',
    ServiceName: 'cart',
    ResourceAttributes: { 'service.name': 'cart', 'host.name': 'h1' },
    ScopeName: 'lib',
    ScopeVersion: '1.2',
    StatusCode: 'Error',
    StatusMessage: 'boom',
    eventTimes: ['1700000000000000001', '1700000000000000002'],
    'Events.Name': ['e1', 'e2'],
    'Events.Attributes': [{ x: 'y' }, {}],
    'Links.TraceId': [TRACE],
    'Links.SpanId': ['00f067aa0ba902b7'],
    'Links.TraceState': ['l=1'],
    'Links.Attributes': [{ l: 'm' }],
    Tenant: 'default',
    PolicyVersion: 'test@000000000000',
    ResourceSchemaUrl: 'https://example.test/resource',
    ScopeSchemaUrl: 'https://example.test/scope',
    ScopeAttributes: { 'scope.key': 'v' },
    TraceFlags: 257,
    ResourceDroppedAttributesCount: 3,
    ScopeDroppedAttributesCount: 4,
    DroppedAttributesCount: 1,
    DroppedEventsCount: 2,
    DroppedLinksCount: 5,
    EventsDroppedAttributesCount: [0, 6],
    LinksDroppedAttributesCount: [7],
    LinksFlags: [769],
    OutOfRangeTimes: {},
  });
  expect(String(rows[0]?.['Duration'])).toBe('1500000');
  const attributes = new Map(Object.entries(rows[0]?.['SpanAttributes'] as Record<string, string>));
  expect(attributes).toEqual(
    new Map([
      ['a', 'é"\'\\\n'],
      ['int', '-9223372036854775808'],
      ['double', '1.5'],
      ['nan', 'NaN'],
      ['true', 'true'],
      ['false', 'false'],
      ['bytes', 'AAEC/w=='],
      ['empty', ''],
      ['missing', ''],
      ['list', '["x\\"",9007199254740993,null,"Infinity",true,"AA=="]'],
      ['map', '{"__proto__":"p","k":"1","k":"2","none":null}'],
      ['__proto__', 'own'],
    ]),
  );
});

test('duplicate attribute keys are kept as they came', async () => {
  const request = traces([span({ name: 'dup', attributes: [text('k', 'first'), text('k', 'second')] })]);
  await temporary.store.loader.consume(batchOf(frameOfJson('traces', request, { items: 1 })));
  expect(
    await rowsOf(
      `SELECT mapKeys(SpanAttributes) AS k, mapValues(SpanAttributes) AS v FROM otel_traces WHERE SpanName = 'dup'`,
    ),
  ).toEqual([{ k: ['k', 'k'], v: ['first', 'second'] }]);
});

test('invalid UTF-8 is stored byte for byte', async () => {
  const writer = new WireWriter();
  const resourceSpans = writer.begin(1);
  const scopeSpans = writer.begin(2);
  const at = writer.begin(2);
  writer.bytesField(1, Buffer.from(TRACE, 'hex'));
  writer.bytesField(2, Buffer.from('b7ad6b7169203331', 'hex'));
  writer.bytesField(5, Buffer.from([0x62, 0x61, 0x64, 0xff, 0xfe, 0x00]));
  writer.fixed64Field(7, nextTime);
  writer.end(at);
  writer.end(scopeSpans);
  writer.end(resourceSpans);
  await temporary.store.loader.consume(batchOf(frameOf('traces', writer.finish(), { items: 1 })));
  expect(await rowsOf(`SELECT hex(SpanName) AS name FROM otel_traces WHERE startsWith(SpanName, 'bad')`)).toEqual([
    { name: '626164FFFE00' },
  ]);
});

test('a resource and a scope that come after their spans still apply to them', async () => {
  const writer = new WireWriter();
  const resourceSpans = writer.begin(1);
  const scopeSpans = writer.begin(2);
  const at = writer.begin(2);
  writer.stringField(5, 'late resource');
  writer.fixed64Field(7, nextTime);
  writer.end(at);
  const scope = writer.begin(1);
  writer.stringField(1, 'late scope');
  writer.end(scope);
  writer.end(scopeSpans);
  for (const [key, value] of [
    ['a', '1'],
    ['service.name', 'late'],
  ] as const) {
    // A resource in two pieces: protobuf merges them.
    const resource = writer.begin(1);
    const attribute = writer.begin(1);
    writer.stringField(1, key);
    const any = writer.begin(2);
    writer.stringField(1, value);
    writer.end(any);
    writer.end(attribute);
    writer.end(resource);
  }
  writer.end(resourceSpans);
  await temporary.store.loader.consume(batchOf(frameOf('traces', writer.finish(), { items: 1 })));
  expect(
    await rowsOf(`SELECT ServiceName, ScopeName, ResourceAttributes FROM otel_traces WHERE SpanName = 'late resource'`),
  ).toEqual([{ ServiceName: 'late', ScopeName: 'late scope', ResourceAttributes: { a: '1', 'service.name': 'late' } }]);
});

test('times at and beyond the edges are stored, the original beside a clamped one', async () => {
  const max = '18446744073709551615';
  const request = traces([
    span({ name: 'edge zero', startTimeUnixNano: '0', endTimeUnixNano: '0' }),
    span({
      name: 'edge max',
      startTimeUnixNano: max,
      endTimeUnixNano: max,
      events: [{ timeUnixNano: max, name: 'e' }],
    }),
    span({ name: 'edge last', startTimeUnixNano: '9223372036854775807', endTimeUnixNano: '9223372036854775807' }),
    span({ name: 'edge backwards', startTimeUnixNano: '2000', endTimeUnixNano: '1000' }),
    span({ name: 'edge long', startTimeUnixNano: '1', endTimeUnixNano: '9000000000000000001' }),
  ]);
  const outcome = await temporary.store.loader.consume(batchOf(frameOfJson('traces', request, { items: 5 })));
  expect(outcome).toEqual({ kind: 'accepted', setAside: 0 });
  expect(
    await rowsOf(
      `SELECT SpanName AS name, toString(toUnixTimestamp64Nano(Timestamp)) AS at, toString(Duration) AS duration,
mapApply((k, v) -> (k, toString(v)), OutOfRangeTimes) AS kept FROM otel_traces WHERE startsWith(SpanName, 'edge') ORDER BY name`,
    ),
  ).toEqual([
    { name: 'edge backwards', at: '2000', duration: '0', kept: {} },
    { name: 'edge last', at: '9223372036854775807', duration: '0', kept: {} },
    { name: 'edge long', at: '1', duration: '9000000000000000000', kept: {} },
    {
      name: 'edge max',
      at: '9223372036854775807',
      duration: '0',
      kept: { start_time_unix_nano: max, 'events[0].time_unix_nano': max },
    },
    { name: 'edge zero', at: '0', duration: '0', kept: {} },
  ]);
});

test('spans of 150 different days in one batch all land', async () => {
  const spans = Array.from({ length: 150 }, (_, day) =>
    span({ name: 'skewed', startTimeUnixNano: String(nextTime + BigInt(day) * 86_400_000_000_000n) }),
  );
  const outcome = await temporary.store.loader.consume(batchOf(frameOfJson('traces', traces(spans), { items: 150 })));
  expect(outcome).toEqual({ kind: 'accepted', setAside: 0 });
  expect(await rowsOf(`SELECT toString(count()) AS rows FROM otel_traces WHERE SpanName = 'skewed'`)).toEqual([
    { rows: '150' },
  ]);
});

test('a log record arrives with every field', async () => {
  const request = {
    resourceLogs: [
      {
        resource: { attributes: [text('service.name', 'cart')] },
        schemaUrl: 'r',
        scopeLogs: [
          {
            scope: { name: 'lib', version: '2', attributes: [text('s', 't')] },
            schemaUrl: 's',
            logRecords: [
              {
                timeUnixNano: '1700000000000000007',
                observedTimeUnixNano: '1700000000000000009',
                severityNumber: 17,
                severityText: 'ERROR',
                body: { kvlistValue: { values: [text('a', 'b')] } },
                attributes: [text('k', 'v')],
                droppedAttributesCount: 2,
                flags: 1,
                traceId: TRACE,
                spanId: 'b7ad6b7169203331',
                eventName: 'full log',
              },
              {
                observedTimeUnixNano: '1700000000000000011',
                body: { stringValue: 'plain' },
                eventName: 'log without time',
                traceId: '00000000000000000000000000000000',
              },
            ],
          },
        ],
      },
    ],
  };
  await temporary.store.loader.consume(batchOf(frameOfJson('logs', request, { items: 2 })));
  const rows = await rowsOf<Record<string, unknown>>(
    `SELECT *, toString(toUnixTimestamp64Nano(Timestamp)) AS at FROM otel_logs WHERE ScopeName = 'lib' ORDER BY Timestamp`,
  );
  expect(rows[0]).toMatchObject({
    at: '1700000000000000007',
    TraceId: TRACE,
    SpanId: 'b7ad6b7169203331',
    TraceFlags: 1,
    SeverityText: 'ERROR',
    SeverityNumber: 17,
    ServiceName: 'cart',
    Body: '{"a":"b"}',
    ResourceSchemaUrl: 'r',
    ScopeSchemaUrl: 's',
    ScopeName: 'lib',
    ScopeVersion: '2',
    ScopeAttributes: { s: 't' },
    LogAttributes: { k: 'v' },
    EventName: 'full log',
    DroppedAttributesCount: 2,
  });
  expect(rows[1]).toMatchObject({
    at: '1700000000000000011',
    Body: 'plain',
    TraceId: '',
    SeverityNumber: 0,
    EventName: 'log without time',
  });
});

test('all five kinds of metric points arrive in their tables', async () => {
  const exemplars = [
    {
      timeUnixNano: '5',
      asDouble: 2.5,
      traceId: TRACE,
      spanId: 'b7ad6b7169203331',
      filteredAttributes: [text('f', 'g')],
    },
    { timeUnixNano: '6', asInt: '7' },
  ];
  const common = {
    startTimeUnixNano: '1',
    timeUnixNano: '1700000000000000000',
    attributes: [text('k', 'v')],
    flags: 1,
  };
  const metric = (name: string, data: Record<string, unknown>): unknown => ({
    name,
    description: 'd',
    unit: 's',
    metadata: [text('m', 'n')],
    ...data,
  });
  const request = {
    resourceMetrics: [
      {
        resource: { attributes: [text('service.name', 'cart')] },
        scopeMetrics: [
          {
            scope: { name: 'meter' },
            metrics: [
              metric('g', {
                gauge: {
                  dataPoints: [
                    { ...common, asDouble: 'NaN', exemplars },
                    { ...common, asDouble: -0 },
                  ],
                },
              }),
              metric('s', {
                sum: {
                  aggregationTemporality: 2,
                  isMonotonic: true,
                  dataPoints: [{ ...common, asInt: '9223372036854775807', exemplars }],
                },
              }),
              metric('h', {
                histogram: {
                  aggregationTemporality: 1,
                  dataPoints: [
                    {
                      ...common,
                      count: '18446744073709551615',
                      sum: 3,
                      min: 0,
                      bucketCounts: ['1', '2'],
                      explicitBounds: [0.5],
                    },
                    { ...common, count: '0' },
                  ],
                },
              }),
              metric('e', {
                exponentialHistogram: {
                  aggregationTemporality: 2,
                  dataPoints: [
                    {
                      ...common,
                      count: '4',
                      sum: 2,
                      scale: -3,
                      zeroCount: '1',
                      zeroThreshold: 0.25,
                      positive: { offset: -2, bucketCounts: ['1', '300'] },
                      negative: { offset: 4, bucketCounts: ['2'] },
                      max: 9,
                      exemplars,
                    },
                  ],
                },
              }),
              metric('q', {
                summary: {
                  dataPoints: [
                    { ...common, count: '2', sum: 5, quantileValues: [{ quantile: 0.5, value: 1 }, { quantile: 1 }] },
                  ],
                },
              }),
            ],
          },
        ],
      },
    ],
  };
  const outcome = await temporary.store.loader.consume(batchOf(frameOfJson('metrics', request, { items: 7 })));
  expect(outcome).toEqual({ kind: 'accepted', setAside: 0 });
  const shared = {
    ServiceName: 'cart',
    ScopeName: 'meter',
    MetricDescription: 'd',
    MetricUnit: 's',
    MetricMetadata: { m: 'n' },
    Attributes: { k: 'v' },
    Flags: 1,
  };
  const gauges = await rowsOf<Record<string, unknown>>(
    `SELECT *, toString(Value) AS value FROM otel_metrics_gauge WHERE MetricName = 'g' ORDER BY isNaN(Value) DESC`,
  );
  expect(gauges).toHaveLength(2);
  expect(gauges[0]).toMatchObject({
    ...shared,
    value: 'nan',
    'Exemplars.Value': [2.5, 7],
    'Exemplars.TraceId': [TRACE, ''],
    'Exemplars.SpanId': ['b7ad6b7169203331', ''],
    'Exemplars.FilteredAttributes': [{ f: 'g' }, {}],
  });
  expect(
    await rowsOf(`SELECT toString(IntegerValue) AS i, ValueIsInteger AS b, IsMonotonic AS m, AggregationTemporality AS t
FROM otel_metrics_sum WHERE MetricName = 's'`),
  ).toEqual([{ i: '9223372036854775807', b: true, m: true, t: 2 }]);
  expect(
    await rowsOf(`SELECT toString(Count) AS count, Sum, Min, Max, HasSum, HasMin, HasMax,
arrayMap(c -> toString(c), BucketCounts) AS buckets, ExplicitBounds AS bounds
FROM otel_metrics_histogram WHERE MetricName = 'h' ORDER BY Count DESC`),
  ).toEqual([
    {
      count: '18446744073709551615',
      Sum: 3,
      Min: 0,
      Max: 0,
      HasSum: true,
      HasMin: true,
      HasMax: false,
      buckets: ['1', '2'],
      bounds: [0.5],
    },
    { count: '0', Sum: 0, Min: 0, Max: 0, HasSum: false, HasMin: false, HasMax: false, buckets: [], bounds: [] },
  ]);
  expect(
    await rowsOf(`SELECT Scale, toString(ZeroCount) AS zero, ZeroThreshold, PositiveOffset, NegativeOffset, Max,
arrayMap(c -> toString(c), PositiveBucketCounts) AS positive, arrayMap(c -> toString(c), NegativeBucketCounts) AS negative
FROM otel_metrics_exp_histogram WHERE MetricName = 'e'`),
  ).toEqual([
    {
      Scale: -3,
      zero: '1',
      ZeroThreshold: 0.25,
      PositiveOffset: -2,
      NegativeOffset: 4,
      Max: 9,
      positive: ['1', '300'],
      negative: ['2'],
    },
  ]);
  expect(
    await rowsOf(`SELECT toString(Count) AS count, Sum, ValueAtQuantiles.Quantile AS q, ValueAtQuantiles.Value AS v
FROM otel_metrics_summary WHERE MetricName = 'q'`),
  ).toEqual([{ count: '2', Sum: 5, q: [0.5, 1], v: [1, 0] }]);
});

test('receipts are stored with the spans they belong to', async () => {
  const redaction = {
    path: "attributes[it's].x",
    class: 'secret.token',
    rule: 'r1',
    ruleVersion: 2,
    action: 'mask' as const,
    encodings: ['json', 'base64'],
    originalBytes: 12,
    fingerprint: 'hmac:k1:00',
  };
  const frame = frameOfJson('traces', traces([span({ name: 'redacted' })]), {
    items: 1,
    receipts: [{ item: 0, traceId: TRACE, spanId: 'b7ad6b7169203331', redactions: [redaction] }],
  });
  await temporary.store.loader.consume(batchOf(frame));
  expect(
    await rowsOf(
      `SELECT TraceId, Path, Class, Rule, RuleVersion, Action, Encodings, toString(OriginalBytes) AS bytes, Fingerprint
FROM redaction_receipts WHERE FrameHash = '${frame.contentHash}'`,
    ),
  ).toEqual([
    {
      TraceId: TRACE,
      Path: "attributes[it's].x",
      Class: 'secret.token',
      Rule: 'r1',
      RuleVersion: 2,
      Action: 'mask',
      Encodings: ['json', 'base64'],
      bytes: '12',
      Fingerprint: 'hmac:k1:00',
    },
  ]);
});

test('a frame whose bytes are no request is set aside whole and its neighbours land', async () => {
  const good = frameOfJson('traces', traces([span({ name: 'beside garbage' })]), { items: 1 });
  const cut = frameOf('traces', good.bytes.subarray(0, good.bytes.length - 3), { items: 1 });
  expect(await temporary.store.loader.consume(batchOf(good, cut))).toEqual({ kind: 'accepted', setAside: 1 });
  expect(await rowsOf(`SELECT toString(count()) AS rows FROM otel_traces WHERE SpanName = 'beside garbage'`)).toEqual([
    { rows: '1' },
  ]);
  expect(
    await rowsOf(`SELECT TargetTable, Item, Items, ErrorCode, hex(Frame) = '${Buffer.from(cut.bytes).toString('hex').toUpperCase()}' AS kept
FROM unloadable_items WHERE FrameHash = '${cut.contentHash}'`),
  ).toEqual([{ TargetTable: '', Item: 0, Items: 1, ErrorCode: 0, kept: 1 }]);
});

test('rows that ClickHouse refuses are set aside with the reason and their neighbours land once', async () => {
  const frames = [0, 1, 2].map((frame) =>
    frameOfJson(
      'traces',
      traces(
        Array.from({ length: 9 }, (_, index) =>
          span({ name: frame === 1 && (index === 4 || index === 8) ? 'poison' : `good ${frame}` }),
        ),
      ),
      { items: 9 },
    ),
  );
  await temporary.command(`ALTER TABLE otel_traces ADD CONSTRAINT no_poison CHECK SpanName != 'poison'`);
  try {
    const batch = batchOf(...frames);
    expect(await temporary.store.loader.consume(batch)).toEqual({ kind: 'accepted', setAside: 2 });
    expect(await temporary.store.loader.consume({ ...batch, redelivered: true })).toEqual({
      kind: 'accepted',
      setAside: 2,
    });
  } finally {
    await temporary.command(`ALTER TABLE otel_traces DROP CONSTRAINT no_poison`);
  }
  expect(
    await rowsOf(`SELECT SpanName AS name, toString(count()) AS rows FROM otel_traces
WHERE startsWith(SpanName, 'good') OR SpanName = 'poison' GROUP BY name ORDER BY name`),
  ).toEqual([
    { name: 'good 0', rows: '9' },
    { name: 'good 1', rows: '7' },
    { name: 'good 2', rows: '9' },
  ]);
  expect(
    await rowsOf(`SELECT TargetTable, Item, Items, ErrorCode, Reason, length(Frame) > 0 AS kept
FROM unloadable_items WHERE FrameHash = '${frames[1]?.contentHash}' ORDER BY Item`),
  ).toEqual([
    {
      TargetTable: 'otel_traces',
      Item: 4,
      Items: 1,
      ErrorCode: 469,
      Reason: 'store: ClickHouse error 469 VIOLATED_CONSTRAINT',
      kept: 1,
    },
    {
      TargetTable: 'otel_traces',
      Item: 8,
      Items: 1,
      ErrorCode: 469,
      Reason: 'store: ClickHouse error 469 VIOLATED_CONSTRAINT',
      kept: 0,
    },
  ]);
});

test('the engine in trouble makes the batch retryable and loses nothing', async () => {
  await temporary.command('RENAME TABLE otel_logs TO otel_logs_away');
  const request = {
    resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: String(nextTime), eventName: 'kept waiting' }] }] }],
  };
  const batch = batchOf(frameOfJson('logs', request, { items: 1 }));
  try {
    expect(await temporary.store.loader.consume(batch)).toMatchObject({ kind: 'retryable' });
  } finally {
    await temporary.command('RENAME TABLE otel_logs_away TO otel_logs');
  }
  expect(await temporary.store.loader.consume({ ...batch, redelivered: true })).toEqual({
    kind: 'accepted',
    setAside: 0,
  });
  expect(await rowsOf(`SELECT toString(count()) AS rows FROM otel_logs WHERE EventName = 'kept waiting'`)).toEqual([
    { rows: '1' },
  ]);
});

test('the same batch consumed again inserts nothing, also after the engine was closed and opened', async () => {
  const frames = [
    frameOfJson('traces', traces([span({ name: 'once' })]), {
      items: 1,
      receipts: [
        {
          item: 0,
          traceId: TRACE,
          spanId: '',
          redactions: [
            {
              path: 'p',
              class: 'c',
              rule: 'r',
              ruleVersion: 1,
              action: 'drop',
              encodings: [],
              originalBytes: 1,
              fingerprint: '',
            },
          ],
        },
      ],
    }),
    frameOfJson(
      'metrics',
      {
        resourceMetrics: [
          {
            scopeMetrics: [
              { metrics: [{ name: 'once', gauge: { dataPoints: [{ timeUnixNano: String(nextTime), asInt: '1' }] } }] },
            ],
          },
        ],
      },
      { items: 1 },
    ),
  ];
  const batch = batchOf(...frames);
  await temporary.store.loader.consume(batch);
  const loaded = await Promise.all(TABLES.map(count));
  await temporary.store.loader.consume({ ...batch, redelivered: true });
  expect(await Promise.all(TABLES.map(count))).toEqual(loaded);
  temporary = await temporary.reopen();
  await temporary.store.loader.consume({ ...batch, redelivered: true });
  expect(await Promise.all(TABLES.map(count))).toEqual(loaded);
});

test('a batch over midnight is one insert a day and lands whole', async () => {
  const midnight = BigInt(Date.UTC(2026, 10, 23)) * 1_000_000n;
  const frames = [-1n, 0n].map((offset) =>
    frameOfJson('traces', traces([span({ name: 'midnight', spanId: `000000000000000${offset + 2n}` })]), {
      items: 1,
      receivedAtUnixNano: midnight + offset,
    }),
  );
  expect(await temporary.store.loader.consume(batchOf(...frames))).toEqual({ kind: 'accepted', setAside: 0 });
  expect(
    await rowsOf(
      `SELECT toString(toDate(ReceivedAt)) AS day FROM otel_traces WHERE SpanName = 'midnight' ORDER BY day`,
    ),
  ).toEqual([{ day: '2026-11-22' }, { day: '2026-11-23' }]);
});
