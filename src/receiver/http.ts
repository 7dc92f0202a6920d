import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { encodeExportResponse, encodeExportResponseJson } from '../otlp/protobuf/export-response.ts';
import type { Signal } from '../otlp/signal.ts';
import { aboutMs } from '../pipeline/return-times.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Admission, createReservation, type Reservation } from './admission.ts';
import { type Compression, compressionNamed, decompress } from './compression.ts';
import { createCors, type Cors } from './cors.ts';
import { type Encoding, type HandleExport, overloaded } from './handle-export.ts';
import { createHttpConnections, type HttpConnections } from './http-connection.ts';
import {
  brokenRequest,
  CONTENT_TYPE,
  EXPECTATION_FAILED,
  GRPC_OVER_HTTP1,
  HOST_MISSING,
  METHOD_NOT_ALLOWED,
  rawAnswer,
  type Refusal,
  refusalOf,
  statusIn,
  UNAUTHENTICATED,
  unknownPath,
  UNSUPPORTED_ENCODING,
  UNSUPPORTED_TYPE,
} from './http-refusal.ts';
import type { ReceiverInstruments } from './instruments.ts';
import {
  FAILURE_RETURN_MS,
  type Authenticate,
  type Caller,
  type ListenAddress,
  type ReceiverLimits,
} from './options.ts';
import { failureOf } from './status.ts';
import { createProtocolWarnings, wrongProtocolIn } from './wrong-protocol.ts';

export interface HttpReceiverOptions {
  readonly listen: ListenAddress;
  readonly handleExport: HandleExport;
  readonly authenticate: Authenticate;
  readonly admission: Admission;
  readonly limits: ReceiverLimits;
  readonly corsAllowedOrigins: readonly string[];
  readonly instruments: ReceiverInstruments;
  readonly logger: Logger;
}

export interface HttpReceiver {
  start(): Promise<ListenAddress>;
  /** Takes no new connections, answers what is under way, ends. */
  close(): Promise<void>;
}

const SIGNAL_OF_PATH: ReadonlyMap<string, Signal> = new Map([
  ['/v1/traces', 'traces'],
  ['/v1/logs', 'logs'],
  ['/v1/metrics', 'metrics'],
]);

const ENCODING_OF_TYPE: ReadonlyMap<string, Encoding> = new Map([
  ['application/x-protobuf', 'protobuf'],
  ['application/json', 'json'],
]);

/** gRPC as browsers speak it (gRPC-web) and what bridges make of it. */
const GRPC_TYPE = /^application\/grpc/i;

/**
 * A refused body that is no larger than this is read and forgotten after the answer, and the connection goes on: a sender that had to
 * connect anew would cost more.
 */
const SKIP_BYTES_MAX = 1024 * 1024;
/** How much of a larger one is still read so that the sender, busy writing, gets to see the answer. */
const DRAIN_BYTES_MAX = 8 * 1024 * 1024;
const DRAIN_MS_MAX = 1000;

/** Shorter answers are not compressed (R8): they would hardly get smaller. */
const COMPRESSED_FROM_BYTES = 512;

/** What the request says in `Expect`: with `continue` its sender waits to hear that the body is wanted. */
type Expectation = 'nothing' | 'continue' | 'something else';

type Body =
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'gone' };

/** OTLP/HTTP: POST of protobuf or JSON to `/v1/traces`, `/v1/logs` and `/v1/metrics`, plain or compressed. */
export function createHttpReceiver(options: HttpReceiverOptions): HttpReceiver {
  const { listen, limits, logger, instruments } = options;
  const connections = createHttpConnections();
  const exchanges = new HttpExchanges(options, connections);
  const warnOfProtocol = createProtocolWarnings(logger);
  const serve = (request: IncomingMessage, response: ServerResponse, expects: Expectation): void => {
    connections.begin({ request, response, encoding: encodingOf(request), signal: signalOf(request) });
    exchanges.serve(request, response, expects).catch((error: unknown) => {
      // Only a broken connection gets here; there is nobody left to answer.
      logger.debug({ error: error instanceof Error ? error.name : typeof error }, 'an HTTP exchange broke off');
      response.destroy();
    });
  };
  const server: Server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
      noDelay: true,
      // Node would answer without a Status.
      requireHostHeader: false,
    },
    (request, response) => serve(request, response, 'nothing'),
  );
  // A sender may shut down its side as soon as its request is whole, and still waits for the answer (RFC 9112, 9.6). Node would shut down
  // the other side at once; the property that keeps it from that is not in its types.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.maxConnections = limits.connectionsMax;
  // What never becomes a request, or not in time, is answered as everything else is: with a Status (R25), and as something that may
  // succeed later when it was only late (R27).
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const refusal = brokenRequest(error, aboutMs(FAILURE_RETURN_MS));
    const wrong = wrongProtocolIn(error);
    if (wrong !== undefined) warnOfProtocol(wrong);
    const broken = connections.end(socket, (encoding = 'json') => rawAnswer(refusal, encoding));
    instruments.request({ transport: 'http', signal: broken?.signal ?? 'unknown', result: refusal.result });
  });
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    instruments.request({ transport: 'http', signal: 'unknown', result: METHOD_NOT_ALLOWED.result });
    connections.end(socket, (encoding = 'json') => rawAnswer(METHOD_NOT_ALLOWED, encoding));
  });
  server.on('connection', (socket) => connections.open(socket));
  server.on('drop', () => options.instruments.connectionRefused('http'));
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
    serve(request, response, 'continue'),
  );
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response, 'something else');
  });

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(listen.port, listen.host, () => {
          server.off('error', reject);
          server.on('error', (error) => logger.error({ error: error.name }, 'the HTTP listener failed'));
          const address = server.address() as AddressInfo;
          resolve({ host: listen.host, port: address.port });
        });
      }),
    close: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.closeAllConnections(), limits.closeTimeoutMs);
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        connections.close();
      }),
  };
}

class HttpExchanges {
  readonly #options: HttpReceiverOptions;
  readonly #connections: HttpConnections;
  readonly #cors: Cors;

  constructor(options: HttpReceiverOptions, connections: HttpConnections) {
    this.#options = options;
    this.#connections = connections;
    this.#cors = createCors(options.corsAllowedOrigins);
  }

  async serve(request: IncomingMessage, response: ServerResponse, expects: Expectation): Promise<void> {
    for (const [name, value] of this.#cors.headers(request.headers.origin)) response.setHeader(name, value);
    const path = pathOf(request);
    const signal = signalOf(request);
    const encoding = encodingOf(request);
    if (signal !== undefined && this.#cors.isPreflight(request)) {
      request.resume();
      response.writeHead(204, this.#cors.preflightHeaders(request)).end();
      return;
    }
    const reservation = createReservation(this.#options.admission);
    try {
      await this.#serve(request, response, { signal, encoding, path, reservation, expects });
    } finally {
      reservation.release();
    }
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    exchange: {
      signal: Signal | undefined;
      encoding: Encoding | undefined;
      path: string;
      reservation: Reservation;
      expects: Expectation;
    },
  ): Promise<void> {
    const { signal, encoding, reservation } = exchange;
    // Until it is told to go on, the sender sends nothing that could be read.
    let waits = exchange.expects === 'continue';
    const goOn = (): void => {
      if (waits) response.writeContinue();
      waits = false;
    };
    const refuse = (refusal: Refusal): Promise<void> =>
      this.#refuse(request, response, { refusal, encoding: encoding ?? 'json', signal: signal ?? 'unknown', waits });

    if (request.headers.host === undefined && request.httpVersion !== '1.0') return refuse(HOST_MISSING);
    if (exchange.expects === 'something else') return refuse(EXPECTATION_FAILED);
    if (signal === undefined) {
      return refuse(
        GRPC_TYPE.test(request.headers['content-type'] ?? '') ? GRPC_OVER_HTTP1 : unknownPath(exchange.path),
      );
    }
    if (request.method !== 'POST') return refuse(METHOD_NOT_ALLOWED);
    if (encoding === undefined) return refuse(UNSUPPORTED_TYPE);
    const compression = compressionNamed(request.headers['content-encoding']);
    if (compression === undefined) return refuse(UNSUPPORTED_ENCODING);
    const caller = await this.#authenticate(request);
    if ('httpStatus' in caller) return refuse(caller);

    const body = await this.#readBody(request, compression, reservation, goOn);
    if (body.kind === 'gone') {
      // A request that broke off was answered and counted as what it was answered.
      if (this.#connections.hasEnded(request.socket)) return;
      this.#options.instruments.request({ transport: 'http', signal, result: 'aborted' });
      return;
    }
    if (body.kind === 'refused') return refuse(body.refusal);

    const outcome = await this.#options.handleExport({
      transport: 'http',
      signal,
      encoding,
      tenant: caller.tenant,
      body: body.bytes,
      reservation,
    });
    if (outcome.kind === 'accepted') {
      const bytes = encoding === 'json' ? encodeExportResponseJson(signal, outcome) : encodeExportResponse(outcome);
      send(response, { httpStatus: 200, contentType: CONTENT_TYPE[encoding], bytes });
      return;
    }
    const failure = failureOf(outcome);
    send(response, {
      httpStatus: failure.httpStatus,
      contentType: CONTENT_TYPE[encoding],
      bytes: statusIn(encoding, failure.rpcStatus),
      ...(failure.retryAfterSeconds === undefined
        ? {}
        : { headers: { 'retry-after': String(failure.retryAfterSeconds) } }),
    });
  }

  async #authenticate(request: IncomingMessage): Promise<Caller | Refusal> {
    const get = (name: string): string | undefined => {
      const value = request.headers[name.toLowerCase()];
      return Array.isArray(value) ? value[0] : value;
    };
    try {
      return (await this.#options.authenticate({ get })) ?? UNAUTHENTICATED;
    } catch (error) {
      this.#options.logger.error(
        { error: error instanceof Error ? error.name : typeof error },
        'authentication failed to run',
      );
      return refusalOf({
        kind: 'retryable',
        message: 'authentication is not available now',
        retryAfterMs: aboutMs(FAILURE_RETURN_MS),
      });
    }
  }

  async #readBody(
    request: IncomingMessage,
    compression: Compression | 'identity',
    reservation: Reservation,
    goOn: () => void,
  ): Promise<Body> {
    const { requestBytesMax } = this.#options.limits;
    const tooLarge = refusalOf({
      kind: 'permanent',
      code: 'too_large',
      message: `the request is larger than ${requestBytesMax} bytes`,
    });
    const raw = await this.#collect(request, tooLarge, reservation, goOn);
    if (raw.kind !== 'body' || compression === 'identity') return raw;
    const decompressed = await decompress(raw.bytes, compression, requestBytesMax, reservation);
    switch (decompressed.kind) {
      case 'done':
        return { kind: 'body', bytes: decompressed.body };
      case 'too_large':
        return { kind: 'refused', refusal: tooLarge };
      case 'no_memory':
        return { kind: 'refused', refusal: refusalOf(overloaded(reservation)) };
      default:
        return {
          kind: 'refused',
          refusal: refusalOf({
            kind: 'permanent',
            code: 'invalid_argument',
            message: `the body is not a whole ${compression} stream`,
          }),
        };
    }
  }

  /** Reads the body as sent, as far as the limit and the budget allow; calls `goOn` when it is worth sending. */
  #collect(request: IncomingMessage, tooLarge: Refusal, reservation: Reservation, goOn: () => void): Promise<Body> {
    const { requestBytesMax } = this.#options.limits;
    const declared = declaredLength(request);
    // The sender may have left while its credentials were being looked up.
    if (request.destroyed) return Promise.resolve({ kind: 'gone' });
    if (declared > requestBytesMax) return Promise.resolve({ kind: 'refused', refusal: tooLarge });
    // Bytes are taken as they come: a length that is only claimed must not cost others their share.
    if (!reservation.wouldEnter(declared))
      return Promise.resolve({ kind: 'refused', refusal: refusalOf(overloaded(reservation)) });
    goOn();
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const settle = (body: Body): void => {
        request.off('data', onData);
        request.off('end', onEnd);
        resolve(body);
      };
      const onData = (chunk: Buffer): void => {
        length += chunk.length;
        if (length > requestBytesMax) return settle({ kind: 'refused', refusal: tooLarge });
        if (!reservation.tryGrow(chunk.length))
          return settle({ kind: 'refused', refusal: refusalOf(overloaded(reservation)) });
        chunks.push(chunk);
      };
      const onEnd = (): void => settle({ kind: 'body', bytes: reservation.join(chunks, length) });
      request.on('data', onData);
      request.on('end', onEnd);
      // Stays on after settling: an error on a request nobody reads any more must not become an uncaught one.
      request.on('error', () => settle({ kind: 'gone' }));
      // Comes after `end` where there is one, and settling twice does nothing.
      request.on('close', () => settle({ kind: 'gone' }));
    });
  }

  async #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    answer: {
      readonly refusal: Refusal;
      readonly encoding: Encoding;
      readonly signal: Signal | 'unknown';
      readonly waits: boolean;
    },
  ): Promise<void> {
    const { refusal, encoding, signal, waits } = answer;
    this.#options.instruments.request({ transport: 'http', signal, result: refusal.result });
    if (refusal.result === 'retryable' && signal !== 'unknown') {
      this.#options.instruments.refusedBytes('http', signal, declaredLength(request));
    }
    const unread = !request.complete && hasBody(request);
    const skipped =
      unread && !waits && request.headers['content-length'] !== undefined && declaredLength(request) <= SKIP_BYTES_MAX;
    if (unread && !skipped) {
      // A sender that was told to keep its body may send it or not (RFC 9110, 10.1.1): what comes next would be a guess.
      response.setHeader('connection', 'close');
      if (!waits) await drain(request);
    }
    if (skipped) request.resume();
    send(response, {
      httpStatus: refusal.httpStatus,
      contentType: CONTENT_TYPE[encoding],
      bytes: statusIn(encoding, refusal.rpcStatus),
      ...(refusal.headers === undefined ? {} : { headers: refusal.headers }),
    });
  }
}

function send(
  response: ServerResponse,
  answer: {
    readonly httpStatus: number;
    readonly contentType: string;
    readonly bytes: Buffer;
    readonly headers?: Readonly<Record<string, string>>;
  },
): void {
  if (response.destroyed) return;
  const compressed = answer.bytes.length >= COMPRESSED_FROM_BYTES && acceptsGzip(response.req);
  // 3 KiB at most (R7): not worth a turn of another thread.
  const bytes = compressed ? gzipSync(answer.bytes) : answer.bytes;
  response.writeHead(answer.httpStatus, {
    ...answer.headers,
    ...(compressed ? { 'content-encoding': 'gzip' } : {}),
    'content-type': answer.contentType,
    'content-length': bytes.length,
    'x-content-type-options': 'nosniff',
  });
  response.end(bytes);
}

/** Whether the sender reads gzip (RFC 9110, 12.5.3). */
function acceptsGzip({ headers }: IncomingMessage): boolean {
  return (headers['accept-encoding'] ?? '')
    .split(',')
    .some((each) => /^\s*gzip\s*(?:;\s*q=(?:1|0?\.0*[1-9]).*)?$/i.test(each));
}

/** Reads and forgets the rest of a body, within bounds. */
function drain(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let length = 0;
    const done = (): void => {
      clearTimeout(timer);
      request.off('data', onData);
      request.pause();
      resolve();
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > DRAIN_BYTES_MAX) done();
    };
    const timer = setTimeout(done, DRAIN_MS_MAX);
    request.on('data', onData);
    request.once('end', done);
    request.once('close', done);
    request.once('error', done);
    request.resume();
  });
}

/** Whether a body follows the header (RFC 9112, 6.3): without one there is nothing to wait for, though Node sees the end a moment later. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function declaredLength(request: IncomingMessage): number {
  const header = request.headers['content-length'];
  return header === undefined ? 0 : Number(header);
}

/** The path of the request target, which may be a whole URL (RFC 9112, 3.2.2). */
function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0] ?? '';
}

function signalOf(request: IncomingMessage): Signal | undefined {
  return SIGNAL_OF_PATH.get(pathOf(request));
}

/** The request's encoding by its media type, parameters such as `charset` put aside (R22). */
function encodingOf(request: IncomingMessage): Encoding | undefined {
  const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0] ?? '';
  return ENCODING_OF_TYPE.get(mediaType.trim().toLowerCase());
}
