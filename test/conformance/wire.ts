import { Metadata } from '@grpc/grpc-js';
import { connect as connectHttp2 } from 'node:http2';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import type { Signal } from '../../src/otlp/signal.ts';
import type { ListenAddress } from '../../src/receiver/options.ts';
import { createGrpcClient, EXPORT_PATH, protobufOf } from './receiver-under-test.ts';

/** The three ways a request can come. */
export const WIRES = ['gRPC', 'HTTP protobuf', 'HTTP JSON'] as const;
export type Wire = (typeof WIRES)[number];

/** Where a receiver listens; a ReceiverUnderTest is one. */
export interface Target {
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
}

export interface SendOptions {
  readonly gzip?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One answer, whatever it came by. */
export interface Answer {
  /** google.rpc.Code: 0 is success. */
  readonly code: number;
  readonly message: string;
  /** HTTP only. */
  readonly httpStatus: number | undefined;
  readonly retryAfter: string | undefined;
  /** RetryInfo in milliseconds. */
  readonly retryDelayMs: number | undefined;
  readonly badRequest: boolean;
  /** The Export response. */
  readonly rejected: number;
  readonly errorMessage: string;
  readonly body: Buffer;
}

// An oracle of its own for what comes back: google.rpc.Status and the Export responses, read by protobufjs.
const oracle = protobuf.parse(
  `syntax = "proto3";
   message Any { string type_url = 1; bytes value = 2; }
   message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
   message Duration { int64 seconds = 1; int32 nanos = 2; }
   message RetryInfo { Duration retry_delay = 1; }
   message Violation { string field = 1; string description = 2; }
   message BadRequest { repeated Violation field_violations = 1; }
   message PartialSuccess { int64 rejected = 1; string error_message = 2; }
   message ExportResponse { PartialSuccess partial_success = 1; }`,
  { keepCase: false },
).root;

function read(type: string, bytes: Uint8Array): unknown {
  const found = oracle.lookupType(type);
  return found.toObject(found.decode(bytes), { longs: Number, arrays: true, defaults: true });
}

interface ReadStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

function detailsOf(status: ReadStatus): Pick<Answer, 'retryDelayMs' | 'badRequest'> {
  const retry = status.details.find((each) => each.typeUrl === 'type.googleapis.com/google.rpc.RetryInfo');
  const bad = status.details.find((each) => each.typeUrl === 'type.googleapis.com/google.rpc.BadRequest');
  if (bad !== undefined) read('BadRequest', bad.value);
  return {
    retryDelayMs:
      retry === undefined
        ? undefined
        : (({ retryDelay }) => retryDelay.seconds * 1000 + retryDelay.nanos / 1e6)(
            read('RetryInfo', retry.value) as { retryDelay: { seconds: number; nanos: number } },
          ),
    badRequest: bad !== undefined,
  };
}

const NOTHING = {
  code: 0,
  message: '',
  httpStatus: undefined,
  retryAfter: undefined,
  retryDelayMs: undefined,
  badRequest: false,
  rejected: 0,
  errorMessage: '',
} as const;

function partialOf(bytes: Uint8Array): Pick<Answer, 'rejected' | 'errorMessage'> {
  const { partialSuccess } = read('ExportResponse', bytes) as {
    partialSuccess: { rejected: number; errorMessage: string } | null;
  };
  return { rejected: partialSuccess?.rejected ?? 0, errorMessage: partialSuccess?.errorMessage ?? '' };
}

/** Sends one export request; an object is OTLP/JSON and becomes what the wire wants, bytes go as they are. */
export async function exportOver(
  wire: Wire,
  target: Target,
  signal: Signal,
  request: object | Buffer,
  options: SendOptions = {},
): Promise<Answer> {
  const body = Buffer.isBuffer(request)
    ? request
    : wire === 'HTTP JSON'
      ? Buffer.from(JSON.stringify(request))
      : protobufOf(signal, request);
  if (wire === 'gRPC') return exportOverGrpc(target, signal, body, options);
  const json = wire === 'HTTP JSON';
  const answer = await post(target, `/v1/${signal}`, options.gzip === true ? gzipSync(body) : body, {
    headers: {
      'content-type': json ? 'application/json' : 'application/x-protobuf',
      ...(options.gzip === true ? { 'content-encoding': 'gzip' } : {}),
      ...options.headers,
    },
  });
  const common = { httpStatus: answer.status, retryAfter: answer.headers['retry-after'], body: answer.body };
  if (answer.status === 200) {
    if (!json) return { ...NOTHING, ...common, ...partialOf(answer.body) };
    const { partialSuccess = {} } = JSON.parse(answer.body.toString()) as { partialSuccess?: Record<string, string> };
    const [, rejected] = Object.entries(partialSuccess).find(([name]) => name.startsWith('rejected')) ?? [];
    return {
      ...NOTHING,
      ...common,
      rejected: Number(rejected ?? 0),
      errorMessage: partialSuccess['errorMessage'] ?? '',
    };
  }
  if (!json) {
    const status = read('Status', answer.body) as ReadStatus;
    return { ...NOTHING, ...common, ...detailsOf(status), code: status.code, message: status.message };
  }
  const status = JSON.parse(answer.body.toString()) as {
    code: number;
    message: string;
    details?: { '@type': string; retryDelay?: string }[];
  };
  const delay = status.details?.find((each) => each.retryDelay !== undefined)?.retryDelay;
  return {
    ...NOTHING,
    ...common,
    code: status.code,
    message: status.message,
    retryDelayMs: delay === undefined ? undefined : Number.parseFloat(delay) * 1000,
    badRequest: status.details?.some((each) => each['@type'] === 'type.googleapis.com/google.rpc.BadRequest') ?? false,
  };
}

async function exportOverGrpc(target: Target, signal: Signal, body: Buffer, options: SendOptions): Promise<Answer> {
  const client = createGrpcClient(target.grpc, {
    'grpc.max_send_message_length': -1,
    ...(options.gzip === true ? { 'grpc.default_compression_algorithm': 2 } : {}),
  });
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.headers ?? {})) metadata.set(name, value);
  try {
    const answer = await client.call(EXPORT_PATH[signal], body, metadata);
    const status =
      answer.statusDetails === undefined ? undefined : (read('Status', answer.statusDetails) as ReadStatus);
    return {
      ...NOTHING,
      ...(status === undefined ? {} : detailsOf(status)),
      code: answer.code,
      message: answer.details,
      ...(answer.response === undefined ? {} : partialOf(answer.response)),
      body: answer.response ?? Buffer.alloc(0),
    };
  } finally {
    client.close();
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface PostOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends the body in chunks without declaring its length. */
  readonly chunked?: boolean;
}

/** One HTTP/1.1 exchange; JSON unless the headers say otherwise. */
export function post(
  target: Target,
  path: string,
  body: Buffer | string,
  options: PostOptions = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: target.http.host,
        port: target.http.port,
        path,
        method: options.method ?? 'POST',
        headers: {
          'content-type': 'application/json',
          ...(options.chunked === true ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...options.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    request.on('error', reject);
    if (options.chunked === true) request.write(body);
    request.end(options.chunked === true ? undefined : body);
  });
}

/** A gRPC message with its 5-byte prefix. */
export function grpcFrame(body: Buffer, compressed = false, length = body.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, body]);
}

/** Raw bytes on a stream of their own, as no client library sends them; resolves with all headers and trailers that came back. */
export function rawCall(
  target: Target,
  frame: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://${target.grpc.host}:${target.grpc.port}`);
    let failure: unknown;
    session.on('error', (error) => {
      failure = error;
    });
    const stream = session.request({
      ':method': 'POST',
      ':path': EXPORT_PATH.traces,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const got: Record<string, unknown> = {};
    stream.on('response', (received) => Object.assign(got, received));
    stream.on('trailers', (received) => Object.assign(got, received));
    stream.on('error', () => {});
    stream.on('close', () => {
      session.close();
      // The session's error comes in the same turn as the end of its streams.
      setImmediate(() => (failure === undefined ? resolve(got) : reject(failure as Error)));
    });
    stream.resume();
    stream.end(frame);
  });
}
