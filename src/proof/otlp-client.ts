import { connect, constants, type ClientHttp2Session } from 'node:http2';
import type { Signal } from '../otlp/signal.ts';
import { ANSWER_WITHIN_MS, ask } from './answer.ts';

/** What a receiver answered to an export request. */
export interface OtlpAnswer {
  readonly ok: boolean;
  readonly bytes: Buffer;
}

/** Sends export requests over OTLP/gRPC. */
export interface GrpcExporter {
  send(signal: Signal, request: Buffer): Promise<OtlpAnswer>;
  close(): void;
}

const SERVICES: Readonly<Record<Signal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
};
const PREFIX_BYTES = 5;

/** Sends an export request over OTLP/HTTP in protobuf. */
export async function sendOverHttp(
  address: string,
  signal: Signal,
  request: Uint8Array<ArrayBuffer>,
): Promise<OtlpAnswer> {
  const { status, body } = await ask(`http://${address}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: request,
  });
  return { ok: status === 200, bytes: body };
}

/** Unary calls over one HTTP/2 connection without TLS. */
export function connectGrpc(address: string): GrpcExporter {
  const session: ClientHttp2Session = connect(`http://${address}`);
  // Each call reports the failure it meets.
  session.on('error', () => undefined);
  return {
    send(signal, request) {
      return new Promise((resolve, reject) => {
        const call = session.request({
          ':method': 'POST',
          ':path': `/${SERVICES[signal]}/Export`,
          'content-type': 'application/grpc+proto',
          te: 'trailers',
        });
        const chunks: Buffer[] = [];
        let status: string | undefined;
        const note = (headers: Readonly<Record<string, string | string[] | number | undefined>>): void => {
          if (headers['grpc-status'] !== undefined) status = String(headers['grpc-status']);
          if (headers['grpc-message'] !== undefined) chunks.push(Buffer.from(String(headers['grpc-message'])));
        };
        call.on('response', note);
        call.on('trailers', note);
        call.on('data', (chunk: Buffer) => chunks.push(chunk));
        call.on('error', reject);
        call.setTimeout(ANSWER_WITHIN_MS, () => call.close(constants.NGHTTP2_CANCEL));
        call.on('close', () => resolve({ ok: status === '0', bytes: Buffer.concat(chunks) }));
        const prefix = Buffer.alloc(PREFIX_BYTES);
        prefix.writeUInt32BE(request.length, 1);
        call.end(Buffer.concat([prefix, request]));
      });
    },
    close: () => session.close(),
  };
}
