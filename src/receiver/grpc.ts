import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { encodeExportResponse } from '../otlp/protobuf/export-response.ts';
import { WIRE_BYTES, WireReader } from '../otlp/protobuf/reader.ts';
import { RPC_CODE, type RpcStatus } from '../otlp/protobuf/status.ts';
import type { Signal } from '../otlp/signal.ts';
import type { ExportOutcome, Permanent, Retryable } from '../pipeline/outcome.ts';
import { aboutMs } from '../pipeline/return-times.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Admission, createReservation, type Reservation } from './admission.ts';
import { COMPRESSIONS_TAKEN, compressionNamed, decompress } from './compression.ts';
import { readUnaryMessage } from './grpc-message.ts';
import { grpcTimeoutMs, grpcTrailers } from './grpc-status.ts';
import { type HandleExport, overloaded } from './handle-export.ts';
import { guardConnections } from './http2-connections.ts';
import type { ReceiverInstruments } from './instruments.ts';
import {
  FAILURE_RETURN_MS,
  type Authenticate,
  type Caller,
  type ListenAddress,
  type ReceiverLimits,
} from './options.ts';
import { failureOf } from './status.ts';
import { createProtocolWarnings } from './wrong-protocol.ts';

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

const SERVICE: Readonly<Record<Signal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
};

const SIGNAL_OF_PATH: ReadonlyMap<string, Signal> = new Map(
  (['traces', 'logs', 'metrics'] as const).map((signal) => [`/${SERVICE[signal]}/Export`, signal]),
);

const HEALTH_CHECK_PATH = '/grpc.health.v1.Health/Check';
/** grpc.health.v1.HealthCheckRequest names a service; more bytes than this name none of ours. */
const HEALTH_REQUEST_BYTES_MAX = 1024;
/** grpc.health.v1.HealthCheckResponse {1 status}: SERVING is 1, NOT_SERVING is 2. */
const SERVING = Buffer.from([0x08, 0x01]);
const NOT_SERVING = Buffer.from([0x08, 0x02]);

const CONTENT_TYPE = 'application/grpc';
/** Whole media types: `application/grpc-web` frames its answers otherwise, and a message in JSON is not one that is read here. */
const TAKEN_TYPE = /^application\/grpc(?:\+proto)?\s*(?:;|$)/i;

/** Largest list of request headers that is taken, as HTTP/2 counts it (RFC 9113, 6.5.2); gRPC expects 8 KiB to do. */
const HEADER_LIST_BYTES_MAX = 16 * 1024;
/** What HTTP/2 counts of a header beside its name and value. */
const HEADER_BYTES = 32;
/**
 * Up to this size a list is read to be answered and counted. It is what senders are told, who then send no more; node:http2 resets the
 * call of one that does, and tells nobody.
 */
const HEADER_LIST_BYTES_READ = 64 * 1024;

/** nghttp2's NGHTTP2_ERR_BAD_CLIENT_MAGIC: what a connection begins with is not HTTP/2. */
const BAD_CLIENT_MAGIC = -903;

type Failed = Retryable | Permanent;

const HEADERS_TOO_LARGE: Failed = {
  kind: 'permanent',
  code: 'too_large',
  message: `the request's headers are larger than ${HEADER_LIST_BYTES_MAX} bytes`,
};

/** What is counted of calls that are not gRPC, by the status of their answers. */
const HTTP_RESULT = { 405: 'method_not_allowed', 415: 'unsupported_media_type', 431: 'too_large' } as const;

/** What ended a call before its request was known: an answer, or nobody to answer. */
type Refused = Failed | { readonly kind: 'gone' };

/**
 * OTLP/gRPC: the Export methods of the trace, logs and metrics services, and grpc.health.v1 Check, as a unary gRPC server of its own
 * on node:http2 (docs/adr/0003). Credentials are checked before a byte of a message is read.
 */
export function createGrpcReceiver(options: GrpcReceiverOptions): GrpcReceiver {
  const { listen, limits, logger } = options;
  const server = createServer({
    settings: {
      initialWindowSize: limits.streamWindowBytes,
      maxConcurrentStreams: limits.maxConcurrentStreams,
      maxHeaderListSize: HEADER_LIST_BYTES_READ,
      enablePush: false,
    },
    maxSessionInvalidFrames: 100,
  });
  server.maxConnections = limits.connectionsMax;
  server.on('drop', () => options.instruments.connectionRefused('grpc'));
  const warnOfProtocol = createProtocolWarnings(logger);
  server.on('sessionError', (error: NodeJS.ErrnoException) => {
    if (error.errno === BAD_CLIENT_MAGIC) warnOfProtocol('not_http2_to_grpc');
    logger.debug({ error: error.name }, 'an HTTP/2 connection failed');
  });
  const connections = guardConnections(server, limits, logger);
  const calls = new GrpcCalls(options);
  server.on('stream', (stream, headers) => {
    // A reset of a call is the sender's business, and without a listener it would end the process.
    stream.on('error', (error) => logger.debug({ error: error.name }, 'a gRPC call broke off'));
    calls.serve(stream, headers).catch((error: unknown) => {
      // Only a broken connection gets here; there is nobody left to answer.
      logger.debug({ error: error instanceof Error ? error.name : typeof error }, 'a gRPC call broke off');
      stream.destroy();
    });
  });

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(listen.port, listen.host, () => {
          server.off('error', reject);
          server.on('error', (error) => logger.error({ error: error.name }, 'the gRPC listener failed'));
          resolve({ host: listen.host, port: (server.address() as AddressInfo).port });
        });
      }),
    async close() {
      calls.closing = true;
      await connections.close();
    },
  };
}

class GrpcCalls {
  closing = false;
  readonly #options: GrpcReceiverOptions;

  constructor(options: GrpcReceiverOptions) {
    this.#options = options;
  }

  async serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const isListTooLarge = listBytes(headers) > HEADER_LIST_BYTES_MAX;
    const isCall = headers[':method'] === 'POST' && TAKEN_TYPE.test(headers['content-type'] ?? '');
    if (isListTooLarge && !isCall) return this.#refuseHttp(stream, 431);
    if (headers[':method'] !== 'POST') return this.#refuseHttp(stream, 405);
    if (!isCall) return this.#refuseHttp(stream, 415);
    const path = headers[':path'] ?? '';
    const signal = SIGNAL_OF_PATH.get(path);
    if (isListTooLarge) return this.#refuse(stream, signal ?? 'unknown', HEADERS_TOO_LARGE);
    const reservation = createReservation(this.#options.admission);
    try {
      if (signal !== undefined) await this.#export(stream, headers, signal, reservation);
      else if (path === HEALTH_CHECK_PATH) await this.#checkHealth(stream, reservation);
      else this.#unknownMethod(stream, path);
    } finally {
      reservation.release();
    }
  }

  async #export(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    signal: Signal,
    reservation: Reservation,
  ): Promise<void> {
    const caller = await this.#authenticate(headers);
    if ('kind' in caller) return this.#refuse(stream, signal, caller);
    const body = await this.#readRequest(stream, headers, reservation);
    if ('kind' in body) return this.#refuse(stream, signal, body);
    const outcome = await this.#options.handleExport({
      transport: 'grpc',
      signal,
      encoding: 'protobuf',
      tenant: caller.tenant,
      body: body.bytes,
      reservation,
    });
    reply(stream, outcome);
  }

  #refuse(stream: ServerHttp2Stream, signal: Signal | 'unknown', refused: Refused): void {
    const result = refused.kind === 'gone' ? 'aborted' : refused.kind === 'permanent' ? refused.code : refused.kind;
    this.#options.instruments.request({ transport: 'grpc', signal, result });
    if (refused.kind !== 'gone') fail(stream, failureOf(refused).rpcStatus);
  }

  async #authenticate(headers: IncomingHttpHeaders): Promise<Caller | Failed> {
    const get = (name: string): string | undefined => {
      const value = headers[name.toLowerCase()];
      return Array.isArray(value) ? value[0] : value;
    };
    try {
      return (
        (await this.#options.authenticate({ get })) ?? {
          kind: 'permanent',
          code: 'unauthenticated',
          message: 'valid credentials are required',
        }
      );
    } catch (error) {
      this.#options.logger.error(
        { error: error instanceof Error ? error.name : typeof error },
        'authentication failed to run',
      );
      return this.#retryLater('authentication is not available now');
    }
  }

  async #readRequest(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    reservation: Reservation,
  ): Promise<{ readonly bytes: Buffer } | Refused> {
    const { requestBytesMax, requestTimeoutMs } = this.#options.limits;
    const compression = compressionNamed(headers['grpc-encoding']);
    if (compression === undefined) {
      const message = `the message encoding must be one of ${COMPRESSIONS_TAKEN}`;
      return { kind: 'permanent', code: 'unimplemented', message };
    }
    // Refused before its message is read, a request costs next to nothing.
    if (!reservation.wouldEnter(0)) return overloaded(reservation);
    const message = await readUnaryMessage(stream, reservation, {
      bytesMax: requestBytesMax,
      timeoutMs: Math.min(requestTimeoutMs, grpcTimeoutMs(headers['grpc-timeout']) ?? requestTimeoutMs),
    });
    switch (message.kind) {
      case 'gone':
        return message;
      case 'too_large':
        return this.#tooLarge();
      case 'no_memory':
        return overloaded(reservation);
      case 'late':
        return this.#retryLater('the request did not arrive in time');
      case 'malformed':
        return { kind: 'permanent', code: 'invalid_argument', message: message.problem };
      default:
    }
    if (!message.compressed) return { bytes: message.body };
    if (compression === 'identity') {
      return {
        kind: 'permanent',
        code: 'invalid_argument',
        message: 'the message is marked as compressed, but the call names no grpc-encoding',
      };
    }
    const decompressed = await decompress(message.body, compression, requestBytesMax, reservation);
    switch (decompressed.kind) {
      case 'done':
        return { bytes: decompressed.body };
      case 'too_large':
        return this.#tooLarge();
      case 'no_memory':
        return overloaded(reservation);
      default:
        return {
          kind: 'permanent',
          code: 'invalid_argument',
          message: `the message is not a whole ${compression} stream`,
        };
    }
  }

  async #checkHealth(stream: ServerHttp2Stream, reservation: Reservation): Promise<void> {
    const message = await readUnaryMessage(stream, reservation, {
      bytesMax: HEALTH_REQUEST_BYTES_MAX,
      timeoutMs: this.#options.limits.requestTimeoutMs,
    });
    if (message.kind === 'gone') return;
    if (message.kind === 'message' && !message.compressed && isKnownService(message.body)) {
      answer(stream, this.closing ? NOT_SERVING : SERVING);
    } else {
      fail(stream, { code: RPC_CODE.notFound, message: 'unknown service' });
    }
  }

  #unknownMethod(stream: ServerHttp2Stream, path: string): void {
    this.#options.instruments.request({ transport: 'grpc', signal: 'unknown', result: 'unimplemented' });
    const message = path.startsWith('/opentelemetry.proto.collector.profiles.')
      ? 'profiles are not taken; traces, logs and metrics are'
      : `unknown method; OTLP is taken by Export of ${Object.values(SERVICE).join(', ')}`;
    fail(stream, { code: RPC_CODE.unimplemented, message });
  }

  /** What is not gRPC is answered in HTTP (gRPC over HTTP/2: 415 for another content type). */
  #refuseHttp(stream: ServerHttp2Stream, status: keyof typeof HTTP_RESULT): void {
    this.#options.instruments.request({ transport: 'grpc', signal: 'unknown', result: HTTP_RESULT[status] });
    end(stream, { ':status': status });
  }

  #tooLarge(): Failed {
    const message = `the request is larger than ${this.#options.limits.requestBytesMax} bytes`;
    return { kind: 'permanent', code: 'too_large', message };
  }

  #retryLater(message: string): Failed {
    return { kind: 'retryable', message, retryAfterMs: aboutMs(FAILURE_RETURN_MS) };
  }
}

/** The size of a header list as HTTP/2 counts it, with what Node made of names that came more than once. */
function listBytes(headers: IncomingHttpHeaders): number {
  let bytes = 0;
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') bytes += name.length + value.length + HEADER_BYTES;
    else for (const each of value ?? []) bytes += name.length + each.length + HEADER_BYTES;
  }
  return bytes;
}

const RESPONSE_HEADERS: OutgoingHttpHeaders = { ':status': 200, 'content-type': CONTENT_TYPE };
const OK_TRAILERS: OutgoingHttpHeaders = { 'grpc-status': '0' };

function reply(stream: ServerHttp2Stream, outcome: ExportOutcome): void {
  if (outcome.kind === 'accepted') answer(stream, encodeExportResponse(outcome));
  else fail(stream, failureOf(outcome).rpcStatus);
}

function answer(stream: ServerHttp2Stream, message: Buffer): void {
  if (stream.destroyed || stream.closed) return;
  const frame = Buffer.allocUnsafe(5 + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers(OK_TRAILERS));
  stream.end(frame);
}

function fail(stream: ServerHttp2Stream, rpcStatus: RpcStatus): void {
  const headers = {
    ...RESPONSE_HEADERS,
    ...grpcTrailers(rpcStatus),
    ...(rpcStatus.code === RPC_CODE.unimplemented ? { 'grpc-accept-encoding': COMPRESSIONS_TAKEN } : {}),
  };
  // A busy client may see the reset before the status: then its code must say the same. grpc-js reads NO_ERROR as INTERNAL,
  // which senders give up on, and REFUSED_STREAM as UNAVAILABLE, which they retry.
  const retryable = rpcStatus.code === RPC_CODE.unavailable;
  end(stream, headers, retryable ? constants.NGHTTP2_REFUSED_STREAM : constants.NGHTTP2_NO_ERROR);
}

/** Answers with headers alone; a request that was not read to its end is not read any further. */
function end(
  stream: ServerHttp2Stream,
  headers: OutgoingHttpHeaders,
  resetCode: number = constants.NGHTTP2_NO_ERROR,
): void {
  if (stream.destroyed || stream.closed) return;
  const unread = !stream.readableEnded;
  stream.respond(headers, { endStream: true });
  // After an early answer the rest of the request is not wanted (RFC 9113, 8.1).
  if (unread) stream.close(resetCode);
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
  return service === '' || Object.values(SERVICE).includes(service);
}
