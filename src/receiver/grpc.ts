import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { encodeExportResponse } from '../otlp/protobuf/export-response.ts';
import { WIRE_BYTES, WireReader } from '../otlp/protobuf/reader.ts';
import { encodeStatus, RPC_CODE, type RpcCode } from '../otlp/protobuf/status.ts';
import type { Signal } from '../otlp/signal.ts';
import type { ExportOutcome } from '../pipeline/outcome.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Admission, createReservation } from './admission.ts';
import type { HandleExport } from './handle-export.ts';
import type { ReceiverInstruments } from './instruments.ts';
import type { Authenticate, Caller, ListenAddress, ReceiverLimits } from './options.ts';
import { failureOf } from './status.ts';

export interface GrpcReceiverOptions {
  readonly listen: ListenAddress;
  readonly handleExport: HandleExport;
  readonly authenticate: Authenticate;
  readonly admission: Admission;
  readonly limits: ReceiverLimits;
  readonly instruments: ReceiverInstruments;
  readonly logger: Logger;
}

export interface GrpcReceiver {
  start(): Promise<ListenAddress>;
  /** Sends GOAWAY, answers what is under way, ends. */
  close(): Promise<void>;
}

const EXPORT_PATH: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
};

const HEALTH_CHECK_PATH = '/grpc.health.v1.Health/Check';

/** grpc.health.v1.HealthCheckResponse {1 status}: SERVING is 1. */
const SERVING = Buffer.from([0x08, 0x01]);

const STATUS_DETAILS = 'grpc-status-details-bin';

const GRPC_STATUS: Readonly<Record<RpcCode, status>> = {
  [RPC_CODE.invalidArgument]: status.INVALID_ARGUMENT,
  [RPC_CODE.notFound]: status.NOT_FOUND,
  [RPC_CODE.permissionDenied]: status.PERMISSION_DENIED,
  [RPC_CODE.resourceExhausted]: status.RESOURCE_EXHAUSTED,
  [RPC_CODE.unimplemented]: status.UNIMPLEMENTED,
  [RPC_CODE.unavailable]: status.UNAVAILABLE,
  [RPC_CODE.unauthenticated]: status.UNAUTHENTICATED,
};

const identity = (bytes: Buffer): Buffer => bytes;

/**
 * A unary method whose messages stay bytes: grpc-js answers a deserialiser's error with INTERNAL, so decoding is done in
 * the handler, which answers INVALID_ARGUMENT (R16).
 */
const unaryOfBytes = (path: string): ServiceDefinition[string] => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
});

type Call = ServerUnaryCall<Buffer, Buffer>;

/** OTLP/gRPC: the Export methods of the trace, logs and metrics services, and grpc.health.v1. Gzip is grpc-js' own. */
export function createGrpcReceiver(options: GrpcReceiverOptions): GrpcReceiver {
  const { listen, limits, logger } = options;
  const server = new Server({
    'grpc.max_receive_message_length': limits.requestBytesMax,
    'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
    'grpc.max_connection_age_ms': limits.maxConnectionAgeMs,
    'grpc.max_connection_age_grace_ms': limits.maxConnectionAgeGraceMs,
    'grpc.keepalive_time_ms': limits.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
  });
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    definition[signal] = unaryOfBytes(EXPORT_PATH[signal]);
    implementation[signal] = (call: Call, callback: sendUnaryData<Buffer>): void => {
      answerExport(options, signal, call).then(
        (outcome) => reply(outcome, callback),
        (error: unknown) => {
          logger.error({ signal, error: error instanceof Error ? error.name : typeof error }, 'a gRPC export failed');
          callback({ code: status.UNAVAILABLE, details: 'the request could not be handled now' });
        },
      );
    };
  }
  definition['healthCheck'] = unaryOfBytes(HEALTH_CHECK_PATH);
  implementation['healthCheck'] = (call: Call, callback: sendUnaryData<Buffer>): void => {
    if (isKnownService(call.request)) callback(null, SERVING);
    else callback({ code: status.NOT_FOUND, details: 'unknown service' });
  };
  server.addService(definition, implementation);

  return {
    start: () =>
      new Promise((resolve, reject) => {
        const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
        server.bindAsync(`${host}:${listen.port}`, ServerCredentials.createInsecure(), (error, port) => {
          if (error) reject(error);
          else resolve({ host: listen.host, port });
        });
      }),
    close: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, limits.closeTimeoutMs);
        server.tryShutdown(() => {
          clearTimeout(force);
          resolve();
        });
      }),
  };
}

async function answerExport(options: GrpcReceiverOptions, signal: Signal, call: Call): Promise<ExportOutcome> {
  const { limits, instruments } = options;
  const refused = (outcome: ExportOutcome): ExportOutcome => {
    const result = outcome.kind === 'permanent' ? outcome.code : outcome.kind;
    instruments.request({ transport: 'grpc', signal, result });
    return outcome;
  };
  const caller: Caller | undefined = await options.authenticate({
    get(name) {
      const [value] = call.metadata.get(name);
      return value === undefined ? undefined : value.toString();
    },
  });
  if (caller === undefined) {
    return refused({ kind: 'permanent', code: 'unauthenticated', message: 'valid credentials are required' });
  }
  const reservation = createReservation(options.admission);
  if (!reservation.tryGrow(call.request.length)) {
    return refused({
      kind: 'retryable',
      message: 'too many requests are being received at once',
      retryAfterMs: limits.retryAfterMs,
    });
  }
  try {
    return await options.handleExport({
      transport: 'grpc',
      signal,
      encoding: 'protobuf',
      tenant: caller.tenant,
      body: call.request,
    });
  } finally {
    reservation.release();
  }
}

function reply(outcome: ExportOutcome, callback: sendUnaryData<Buffer>): void {
  if (outcome.kind === 'accepted') {
    callback(null, encodeExportResponse(outcome));
    return;
  }
  const { rpcStatus } = failureOf(outcome);
  const metadata = new Metadata();
  metadata.set(STATUS_DETAILS, encodeStatus(rpcStatus));
  callback({ code: GRPC_STATUS[rpcStatus.code], details: rpcStatus.message, metadata });
}

/** Health is asked for the whole server ('') or for one of its services; grpc.health.v1.HealthCheckRequest {1 service}. */
function isKnownService(request: Buffer): boolean {
  const reader = new WireReader(request);
  let service = '';
  try {
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === ((1 << 3) | WIRE_BYTES)) service = reader.string();
      else reader.skip(tag);
    }
  } catch {
    // A malformed request names no service of ours.
    return false;
  }
  return service === '' || Object.values(EXPORT_PATH).some((path) => path === `/${service}/Export`);
}
