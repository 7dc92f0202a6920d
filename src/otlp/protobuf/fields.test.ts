import { expect, test } from 'vitest';
import * as fields from './fields.ts';
import { messageSchema, type MessageName } from './schema.ts';

const constantName = (message: string): string =>
  `${message.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}_FIELD`;

test.each(Object.keys(fields))('%s has the numbers and names of the schema', (constant) => {
  const all: Readonly<Record<string, Readonly<Record<string, number>>>> = fields;
  const messages: readonly MessageName[] = [
    'ExportTraceServiceRequest',
    'ExportLogsServiceRequest',
    'ExportMetricsServiceRequest',
    'ResourceSpans',
    'ScopeSpans',
    'ResourceLogs',
    'ScopeLogs',
    'ResourceMetrics',
    'ScopeMetrics',
    'Resource',
    'EntityRef',
    'InstrumentationScope',
    'KeyValue',
    'KeyValueList',
    'ArrayValue',
    'AnyValue',
    'Span',
    'SpanEvent',
    'SpanLink',
    'Status',
    'LogRecord',
    'Metric',
    'Gauge',
    'Sum',
    'Histogram',
    'ExponentialHistogram',
    'Summary',
    'NumberDataPoint',
    'HistogramDataPoint',
    'ExponentialHistogramDataPoint',
    'Buckets',
    'SummaryDataPoint',
    'ValueAtQuantile',
    'Exemplar',
  ];
  const message = messages.find((each) => constantName(each) === constant);
  if (message === undefined) throw new Error(`${constant} names no message`);
  const expected = messageSchema(message).fields.map((each) => [each.name, each.number]);
  expect(new Map(Object.entries(all[constant] ?? {}))).toEqual(new Map(expected as [string, number][]));
});
