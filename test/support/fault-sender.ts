import { Client, Metadata, credentials, status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { Agent, request } from 'node:http';
import type { Signal } from '../../src/otlp/signal.ts';
import type { Listeners } from './docket-process.ts';
import type { NumberedRequest } from './fault-requests.ts';

/** What became of one attempt to deliver a request. */
export interface Attempt {
  readonly outcome: 'acknowledged' | 'retryable' | 'refused';
  /** `200`, `503`, `UNAVAILABLE`, `ECONNREFUSED`, … */
  readonly answer: string;
  /** The server said when to come back: Retry-After or RetryInfo. */
  readonly asksForDelay: boolean;
}

export type Protocol = 'http' | 'grpc';

/** A client of OTLP that says exactly what it was answered, for protobuf over HTTP/1.1 or gRPC. */
export interface OtlpClient {
  send(request: NumberedRequest): Promise<Attempt>;
  close(): void;
}

const RETRYABLE_STATUS: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const SERVICES: Readonly<Record<Signal, string>> = {
  traces: 'trace.v1.TraceService',
  logs: 'logs.v1.LogsService',
  metrics: 'metrics.v1.MetricsService',
};
const TIMEOUT_MS = 30_000;

/** `timeoutMs` is how long a whole answer may take; then the client gives up, closing its connection over HTTP. */
export function createOtlpClient(listeners: Listeners, protocol: Protocol, timeoutMs = TIMEOUT_MS): OtlpClient {
  return protocol === 'http' ? httpClient(listeners.otlpHttp, timeoutMs) : grpcClient(listeners.otlpGrpc, timeoutMs);
}

function httpClient(address: string, timeoutMs: number): OtlpClient {
  const agent = new Agent({ keepAlive: true });
  return {
    send: ({ signal, bytes }) =>
      new Promise((settle) => {
        const resolve = (attempt: Attempt): void => {
          clearTimeout(timer);
          settle(attempt);
        };
        const call = request(
          `http://${address}/v1/${signal}`,
          {
            agent,
            method: 'POST',
            headers: { 'content-type': 'application/x-protobuf', 'content-length': bytes.length },
          },
          (response) => {
            const status = response.statusCode ?? 0;
            const outcome = status === 200 ? 'acknowledged' : RETRYABLE_STATUS.has(status) ? 'retryable' : 'refused';
            const asksForDelay = response.headers['retry-after'] !== undefined;
            // Without its end the answer did not arrive: a client has to send again.
            response.on('error', () => resolve({ outcome: 'retryable', answer: 'cut', asksForDelay: false }));
            response.on('end', () => resolve({ outcome, answer: String(status), asksForDelay }));
            response.resume();
          },
        );
        const timer = setTimeout(
          () => call.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })),
          timeoutMs,
        );
        call.on('error', (error: NodeJS.ErrnoException) =>
          resolve({ outcome: 'retryable', answer: error.code ?? 'failed', asksForDelay: false }),
        );
        call.end(bytes);
      }),
    close: () => agent.destroy(),
  };
}

const RETRYABLE_CODES: ReadonlySet<number> = new Set([
  grpcStatus.CANCELLED,
  grpcStatus.DEADLINE_EXCEEDED,
  grpcStatus.ABORTED,
  grpcStatus.OUT_OF_RANGE,
  grpcStatus.UNAVAILABLE,
  grpcStatus.DATA_LOSS,
]);

function grpcClient(address: string, timeoutMs: number): OtlpClient {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 500,
    'grpc.use_local_subchannel_pool': 1,
  });
  const identity = (value: Buffer): Buffer => value;
  return {
    send: ({ signal, bytes }) =>
      new Promise((resolve) => {
        client.makeUnaryRequest(
          `/opentelemetry.proto.collector.${SERVICES[signal]}/Export`,
          identity,
          identity,
          bytes,
          new Metadata(),
          { deadline: Date.now() + timeoutMs },
          (error) => resolve(error === null ? OK : attemptOf(error)),
        );
      }),
    close: () => client.close(),
  };
}

const OK: Attempt = { outcome: 'acknowledged', answer: 'OK', asksForDelay: false };

function attemptOf(error: ServiceError): Attempt {
  const asksForDelay = error.metadata
    .get('grpc-status-details-bin')
    .some((value) => Buffer.from(value).includes('google.rpc.RetryInfo'));
  const again = RETRYABLE_CODES.has(error.code) || (error.code === grpcStatus.RESOURCE_EXHAUSTED && asksForDelay);
  return { outcome: again ? 'retryable' : 'refused', answer: grpcStatus[error.code], asksForDelay };
}
