import { Client, credentials, Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { transcodeJson } from '../../src/otlp/json/transcode.ts';
import type { Signal } from '../../src/otlp/signal.ts';
import type { ExportHandler, ExportRequest } from '../../src/pipeline/consumer.ts';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import type { ListenAddress, ReceiverOptions } from '../../src/receiver/options.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts';

/** A real receiver on real sockets, whose handler notes what it is given. */
export interface ReceiverUnderTest {
  readonly receiver: Receiver;
  readonly metrics: Metrics;
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
  /** Requests the handler was given, oldest first. */
  readonly handled: ExportRequest[];
  /** What the handler does from now on; it accepts unless told otherwise. */
  answerWith(handler: ExportHandler): void;
  close(): Promise<void>;
}

export async function startReceiver(options: Partial<ReceiverOptions> = {}): Promise<ReceiverUnderTest> {
  const metrics = createMetrics();
  const handled: ExportRequest[] = [];
  let answer: ExportHandler = async () => ACCEPTED;
  const receiver = createReceiver({
    grpc: { host: '127.0.0.1', port: 0 },
    http: { host: '127.0.0.1', port: 0 },
    handler: (request) => {
      // A copy: the request's memory is used again when it is answered.
      handled.push({ ...request, bytes: Buffer.from(request.bytes) });
      return answer(request);
    },
    authenticate: () => ({ tenant: 'default' }),
    meter: metrics.meter,
    logger: createLogger('silent'),
    ...options,
  });
  const { grpc, http } = await receiver.start();
  return {
    receiver,
    metrics,
    grpc,
    http,
    handled,
    answerWith(handler) {
      answer = handler;
    },
    async close() {
      await receiver.close();
      await metrics.close();
    },
  };
}

export const TRACE_ID = '5b8efff798038103d269b633813fc60c';
export const SPAN_ID = 'eee19b7ec3c1b174';

/** A small good request of each signal, with one item. */
export const GOOD: Readonly<Record<Signal, object>> = {
  traces: {
    resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: TRACE_ID, spanId: SPAN_ID, name: 'a', kind: 2 }] }] }],
  },
  logs: { resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: '1', body: { stringValue: 'a' } }] }] }] },
  metrics: {
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{ asInt: '1' }] } }] }] }],
  },
};

export function protobufOf(signal: Signal, request: object): Buffer {
  return transcodeJson(signal, Buffer.from(JSON.stringify(request))).bytes;
}

export interface GrpcAnswer {
  readonly code: number;
  readonly details: string;
  /** The response message; undefined on an error. */
  readonly response: Buffer | undefined;
  /** The `grpc-status-details-bin` trailer. */
  readonly statusDetails: Buffer | undefined;
}

const identity = (bytes: Buffer): Buffer => bytes;

export const EXPORT_PATH: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
};

/** A gRPC client that sends and gets bytes. */
export function createGrpcClient(
  address: ListenAddress,
  options: object = {},
): {
  call(path: string, body: Buffer, metadata?: Metadata): Promise<GrpcAnswer>;
  close(): void;
} {
  const client = new Client(`${address.host}:${address.port}`, credentials.createInsecure(), options);
  return {
    call(path, body, metadata = new Metadata()) {
      return new Promise((resolve) => {
        let response: Buffer | undefined;
        let failure: ServiceError | null = null;
        const call = client.makeUnaryRequest(path, identity, identity, body, metadata, (error, value) => {
          failure = error;
          response = value;
        });
        const settle = (final: StatusObject): void => {
          const [details] = final.metadata.get('grpc-status-details-bin');
          resolve({
            code: final.code,
            details: final.details,
            response: failure === null ? response : undefined,
            statusDetails: Buffer.isBuffer(details) ? details : undefined,
          });
        };
        call.on('status', (final: StatusObject) => {
          // The response callback runs in the same turn or before.
          setImmediate(() => settle(final));
        });
      });
    },
    close: () => client.close(),
  };
}
