import { Client, compressionAlgorithms, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import type { Signal } from '../otlp/signal.ts';
import type { ForwardEndpoint } from './endpoint.ts';
import { rejectedItemsIn } from './export-response.ts';
import { retryInfoMs } from './retry-delay.ts';
import type { SendOutcome, Transport } from './send-outcome.ts';

const METHOD: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
};

/** The codes a client may retry (R17). RESOURCE_EXHAUSTED is one only when RetryInfo comes with it. */
const RETRYABLE_CODES: ReadonlySet<status> = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

export interface GrpcTransportOptions {
  readonly endpoint: ForwardEndpoint;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: 'none' | 'gzip';
  readonly timeoutMs: number;
}

/** OTLP/gRPC. The bytes go out as they are: no message is decoded or built. */
export function createGrpcTransport(options: GrpcTransportOptions): Transport {
  const { endpoint } = options;
  const client = new Client(endpoint.authority, endpoint.tls ? credentials.createSsl() : credentials.createInsecure(), {
    'grpc.primary_user_agent': 'docket',
    'grpc.max_send_message_length': -1,
    'grpc.default_compression_algorithm':
      options.compression === 'gzip' ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
    // The spool keeps and retries; hidden retries here would only delay its decision.
    'grpc.enable_retries': 0,
    'grpc.max_reconnect_backoff_ms': 5_000,
  });
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.headers)) metadata.set(name, value);

  return {
    send(signal, bytes) {
      return new Promise((resolve) => {
        client.makeUnaryRequest(
          METHOD[signal],
          asBuffer,
          (response: Buffer) => response,
          bytes,
          metadata.clone(),
          { deadline: Date.now() + options.timeoutMs },
          (error, response) => {
            resolve(
              error === null
                ? { kind: 'accepted', rejected: rejectedItemsIn(response ?? Buffer.alloc(0)) }
                : outcomeOf(error),
            );
          },
        );
      });
    },
    close: () => client.close(),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function outcomeOf(error: ServiceError): SendOutcome {
  const reason = `gRPC ${status[error.code] ?? error.code}`;
  const [details] = error.metadata.get('grpc-status-details-bin');
  const delayMs = Buffer.isBuffer(details) ? retryInfoMs(details) : undefined;
  const retryable =
    RETRYABLE_CODES.has(error.code) || (error.code === status.RESOURCE_EXHAUSTED && delayMs !== undefined);
  if (!retryable) return { kind: 'refused', reason };
  return delayMs === undefined ? { kind: 'retryable', reason } : { kind: 'retryable', reason, delayMs };
}
