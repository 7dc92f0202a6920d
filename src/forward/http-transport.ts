import {
  Agent as HttpAgent,
  request as httpRequest,
  validateHeaderName,
  validateHeaderValue,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { signalPath, type ForwardEndpoint } from './endpoint.ts';
import { rejectedItemsIn } from './export-response.ts';
import { retryAfterMs } from './retry-delay.ts';
import type { SendOutcome, Transport } from './send-outcome.ts';

/** The statuses a client may retry; every other failure must not be retried (R27). */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Most of a response that is read. A full partial success is far smaller. */
const RESPONSE_BYTES_MAX = 64 * 1024;
/** The fastest level: redacted telemetry is repetitive, and the CPU belongs to the senders. */
const GZIP_LEVEL = 1;

const compress = promisify(gzip);

export interface HttpTransportOptions {
  readonly endpoint: ForwardEndpoint;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: 'none' | 'gzip';
  readonly timeoutMs: number;
  readonly connectionsMax: number;
}

/**
 * OTLP/HTTP with protobuf bodies over kept-alive connections. Redirects are not followed: they would leave the endpoint.
 * Throws when a header cannot be sent.
 */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  const { endpoint, timeoutMs } = options;
  for (const [name, value] of Object.entries(options.headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  const agentOptions = { keepAlive: true, maxSockets: options.connectionsMax };
  const agent = endpoint.tls ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  const send = endpoint.tls ? httpsRequest : httpRequest;
  const origin = `${endpoint.tls ? 'https' : 'http'}://${endpoint.authority}`;

  function post(path: string, body: Uint8Array): Promise<SendOutcome> {
    return new Promise((resolve) => {
      const requestOptions: RequestOptions = {
        method: 'POST',
        agent,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          'user-agent': 'docket',
          ...options.headers,
          'content-type': 'application/x-protobuf',
          'content-length': body.length,
          ...(options.compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
        },
      };
      // The response may end badly after it was judged, and the other way round: only the first outcome counts.
      const failed = (error: Error): void => resolve({ kind: 'retryable', reason: failureReason(error) });
      const request = send(`${origin}${path}`, requestOptions, (response) => {
        response.on('error', failed);
        readBounded(response, (responseBody) => resolve(outcomeOf(response, responseBody)));
      });
      request.on('error', failed);
      request.end(body);
    });
  }

  return {
    async send(signal, bytes) {
      const body = options.compression === 'gzip' ? await compress(bytes, { level: GZIP_LEVEL }) : bytes;
      return post(signalPath(endpoint, signal), body);
    },
    close: () => agent.destroy(),
  };
}

function readBounded(response: IncomingMessage, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= RESPONSE_BYTES_MAX) chunks.push(chunk);
  });
  response.on('end', () => done(length <= RESPONSE_BYTES_MAX ? Buffer.concat(chunks) : Buffer.alloc(0)));
}

function outcomeOf(response: IncomingMessage, body: Buffer): SendOutcome {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: 'accepted', rejected: rejectedItemsIn(body) };
  const reason = `HTTP ${status}`;
  if (!RETRYABLE_STATUSES.has(status)) return { kind: 'refused', reason };
  const delayMs = retryAfterMs(response.headers['retry-after'], Date.now());
  return delayMs === undefined ? { kind: 'retryable', reason } : { kind: 'retryable', reason, delayMs };
}

function failureReason(error: Error): string {
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer in time';
  return 'code' in error ? String(error.code) : error.name;
}
