import { SeverityNumber } from '@opentelemetry/api-logs';
import { ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { OTLPLogExporter as LogGrpc } from '@opentelemetry/exporter-logs-otlp-grpc';
import { OTLPLogExporter as LogJson } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as LogProtobuf } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter as MetricGrpc } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as MetricJson } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as MetricProtobuf } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as TraceGrpc } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as TraceJson } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as TraceProtobuf } from '@opentelemetry/exporter-trace-otlp-proto';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { logs, metrics, tracing } from '@opentelemetry/sdk-node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import { readRequest } from './oracle.ts';
import { type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';

// The exporters that applications really use, each over its own transport and encoding, plain and compressed.
let target: ReceiverUnderTest;

beforeAll(async () => {
  target = await startReceiver();
});
afterEach(() => {
  target.answerWith(async () => ACCEPTED);
  target.handled.length = 0;
});
afterAll(() => target.close());

const compressions = [CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP];
const url = (path: string): string => `http://${target.http.host}:${target.http.port}${path}`;
const grpcUrl = (): string => `http://${target.grpc.host}:${target.grpc.port}`;

async function exportSpan(exporter: tracing.SpanExporter): Promise<void> {
  const provider = new tracing.BasicTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });
  const parent = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: 'eee19b7ec3c1b174',
    traceFlags: TraceFlags.SAMPLED,
  });
  const span = provider
    .getTracer('t')
    .startSpan('real span', { attributes: { 'a.long': 'v'.repeat(300), n: 7 } }, parent);
  span.addEvent('event', { list: ['a', 'b'] });
  span.recordException(new Error('boom'));
  span.end();
  await provider.forceFlush();
  await provider.shutdown();
}

async function exportLog(exporter: logs.LogRecordExporter): Promise<void> {
  const provider = new logs.LoggerProvider({ processors: [new logs.SimpleLogRecordProcessor({ exporter })] });
  provider.getLogger('l').emit({
    severityNumber: SeverityNumber.ERROR,
    body: { nested: { list: [1, 2.5, true, 'text'] } },
    attributes: { key: 'value' },
  });
  await provider.forceFlush();
  await provider.shutdown();
}

async function exportMetrics(exporter: metrics.PushMetricExporter): Promise<void> {
  const reader = new metrics.PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new metrics.MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('m');
  meter.createCounter('counter').add(3, { key: 'value' });
  meter.createHistogram('histogram').record(12);
  meter.createGauge('gauge').record(-1.5);
  await provider.shutdown();
}

describe.each(compressions)('compression %s', (compression) => {
  test('spans arrive alike over gRPC, http/protobuf and http/json', async () => {
    await exportSpan(new TraceGrpc({ url: grpcUrl(), compression }));
    await exportSpan(new TraceProtobuf({ url: url('/v1/traces'), compression }));
    await exportSpan(new TraceJson({ url: url('/v1/traces'), compression }));
    expect(target.handled).toMatchObject([{ signal: 'traces', items: 1 }, { items: 1 }, { items: 1 }]);
    for (const { bytes } of target.handled) {
      expect(readRequest('traces', bytes)).toMatchObject({
        resourceSpans: [
          {
            resource: { attributes: expect.any(Array) as unknown },
            scopeSpans: [
              {
                scope: { name: 't' },
                spans: [
                  {
                    traceId: '5b8efff798038103d269b633813fc60c',
                    spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
                    parentSpanId: 'eee19b7ec3c1b174',
                    name: 'real span',
                    startTimeUnixNano: expect.stringMatching(/^\d{19}$/) as unknown,
                    attributes: [
                      { key: 'a.long', value: { stringValue: 'v'.repeat(300) } },
                      { key: 'n', value: { intValue: '7' } },
                    ],
                    events: [
                      {
                        name: 'event',
                        attributes: [
                          {
                            key: 'list',
                            value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } },
                          },
                        ],
                      },
                      { name: 'exception' },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      });
    }
  });

  test('log records arrive alike over gRPC, http/protobuf and http/json', async () => {
    await exportLog(new LogGrpc({ url: grpcUrl(), compression }));
    await exportLog(new LogProtobuf({ url: url('/v1/logs'), compression }));
    await exportLog(new LogJson({ url: url('/v1/logs'), compression }));
    expect(target.handled).toMatchObject([{ signal: 'logs', items: 1 }, { items: 1 }, { items: 1 }]);
    const list = [{ intValue: '1' }, { doubleValue: 2.5 }, { boolValue: true }, { stringValue: 'text' }];
    const nested = { kvlistValue: { values: [{ key: 'list', value: { arrayValue: { values: list } } }] } };
    for (const { bytes } of target.handled) {
      expect(readRequest('logs', bytes)).toMatchObject({
        resourceLogs: [
          {
            scopeLogs: [
              {
                logRecords: [
                  {
                    severityNumber: SeverityNumber.ERROR,
                    body: { kvlistValue: { values: [{ key: 'nested', value: nested }] } },
                    attributes: [{ key: 'key', value: { stringValue: 'value' } }],
                  },
                ],
              },
            ],
          },
        ],
      });
    }
  });

  test('metrics arrive alike over gRPC, http/protobuf and http/json', async () => {
    await exportMetrics(new MetricGrpc({ url: grpcUrl(), compression }));
    await exportMetrics(new MetricProtobuf({ url: url('/v1/metrics'), compression }));
    await exportMetrics(new MetricJson({ url: url('/v1/metrics'), compression }));
    expect(target.handled).toMatchObject([{ signal: 'metrics', items: 3 }, { items: 3 }, { items: 3 }]);
    for (const { bytes } of target.handled) {
      expect(readRequest('metrics', bytes)).toMatchObject({
        resourceMetrics: [
          {
            scopeMetrics: [
              {
                metrics: [
                  {
                    name: 'counter',
                    sum: {
                      isMonotonic: true,
                      dataPoints: [{ asDouble: 3, attributes: [{ key: 'key', value: { stringValue: 'value' } }] }],
                    },
                  },
                  { name: 'histogram', histogram: { dataPoints: [{ count: '1', sum: 12 }] } },
                  { name: 'gauge', gauge: { dataPoints: [{ asDouble: -1.5 }] } },
                ],
              },
            ],
          },
        ],
      });
    }
  });
});

// The gRPC exporter of this version gives up at once, so only the HTTP ones are asked.
test.each([
  ['http/protobuf', () => new TraceProtobuf({ url: url('/v1/traces') })],
  ['http/json', () => new TraceJson({ url: url('/v1/traces') })],
])('R15, R28: an exporter over %s tries again after a retryable answer', async (_, create) => {
  let asked = 0;
  target.answerWith(async () => {
    asked += 1;
    return asked === 1 ? { kind: 'retryable', message: 'busy', retryAfterMs: 100 } : ACCEPTED;
  });
  await exportSpan(create());
  expect(asked).toBe(2);
});
