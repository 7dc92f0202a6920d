import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { Metadata, Server, ServerCredentials, type status } from '@grpc/grpc-js';
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts';
import type { Certificate } from '../support/certificate.ts';

/** One request as an OTLP endpoint got it, decompressed. */
export interface ReceivedRequest {
  readonly signal: Signal;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** How the endpoint answers. A plain `{}` is full success. */
export interface SinkAnswer {
  readonly httpStatus?: number;
  readonly httpHeaders?: Readonly<Record<string, string>>;
  readonly grpcCode?: status;
  /** `grpc-status-details-bin` */
  readonly grpcDetails?: Buffer;
  /** Body of a success. */
  readonly response?: Buffer;
  /** Cuts the connection instead of answering. */
  readonly hangUp?: boolean;
  /** Never answers. */
  readonly silent?: boolean;
}

/** A small OTLP endpoint on a real socket that keeps what it takes. */
export interface OtlpSink {
  readonly url: string;
  /** Every request, answered well or not. */
  readonly received: readonly ReceivedRequest[];
  /** Requests answered with success. */
  readonly taken: readonly ReceivedRequest[];
  answer: (request: ReceivedRequest, ordinal: number) => SinkAnswer;
  close(): Promise<void>;
}

const EMPTY = Buffer.alloc(0);

/** Speaks TLS when it has a certificate. */
export async function openHttpSink(tls?: Certificate): Promise<OtlpSink> {
  const received: ReceivedRequest[] = [];
  const taken: ReceivedRequest[] = [];
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const signal = SIGNALS.find((each) => request.url?.endsWith(`/v1/${each}`));
      if (signal === undefined || request.method !== 'POST') {
        response.writeHead(404).end();
        return;
      }
      const body = Buffer.concat(chunks);
      const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const headers: IncomingHttpHeaders = { ...request.headers, ':path': request.url };
      const each: ReceivedRequest = { signal, bytes, headers };
      received.push(each);
      const answer = sink.answer(each, received.length - 1);
      if (answer.silent === true) return;
      if (answer.hangUp === true) {
        request.socket.destroy();
        return;
      }
      const code = answer.httpStatus ?? 200;
      if (code === 200) taken.push(each);
      response.writeHead(code, { 'content-type': 'application/x-protobuf', ...answer.httpHeaders });
      response.end(answer.response ?? EMPTY);
    });
  };
  const server =
    tls === undefined ? createHttpServer(serve) : createHttpsServer({ cert: tls.certificate, key: tls.key }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sink: OtlpSink = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    received,
    taken,
    answer: () => ({}),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return sink;
}

const METHODS: readonly (readonly [Signal, string])[] = [
  ['traces', 'trace.v1.TraceService'],
  ['logs', 'logs.v1.LogsService'],
  ['metrics', 'metrics.v1.MetricsService'],
];
const identity = (bytes: Buffer): Buffer => bytes;

/** Speaks TLS when it has a certificate. */
export async function openGrpcSink(tls?: Certificate): Promise<OtlpSink> {
  const received: ReceivedRequest[] = [];
  const taken: ReceivedRequest[] = [];
  const server = new Server({ 'grpc.max_receive_message_length': 64 * 1024 * 1024 });
  for (const [signal, service] of METHODS) {
    const definition = {
      export: {
        path: `/opentelemetry.proto.collector.${service}/Export`,
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    } as const;
    server.addService(definition, {
      export(
        call: { request: Buffer; metadata: Metadata },
        respond: (error: { code: status; details: string; metadata?: Metadata } | null, response?: Buffer) => void,
      ) {
        const each: ReceivedRequest = { signal, bytes: call.request, headers: call.metadata.getMap() };
        received.push(each);
        const answer = sink.answer(each, received.length - 1);
        if (answer.silent === true) return;
        if (answer.grpcCode === undefined) {
          taken.push(each);
          respond(null, answer.response ?? EMPTY);
          return;
        }
        const metadata = new Metadata();
        if (answer.grpcDetails !== undefined) metadata.set('grpc-status-details-bin', answer.grpcDetails);
        respond({ code: answer.grpcCode, details: 'refused by the test', metadata });
      },
    });
  }
  const port = await new Promise<number>((resolve, reject) => {
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: Buffer.from(tls.certificate), private_key: Buffer.from(tls.key) },
          ]);
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const sink: OtlpSink = {
    url: `${tls === undefined ? 'grpc' : 'grpcs'}://127.0.0.1:${port}`,
    received,
    taken,
    answer: () => ({}),
    async close() {
      server.forceShutdown();
    },
  };
  return sink;
}
