import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceUnreachable } from '../../api/client.ts';
import type { ReplaySignal } from './otlp-json.ts';
import { NotOtlp, rejectedInResponse } from './otlp-protobuf.ts';

export type SendResult =
  | { readonly kind: 'accepted'; readonly rejected: number; readonly message: string }
  | { readonly kind: 'refused'; readonly status: number; readonly attempts: number };

export interface OtlpSender {
  /** Posts one request; waits and tries again while the receiver says it is busy. Throws ServiceUnreachable. */
  send(
    signal: ReplaySignal,
    contentType: 'application/json' | 'application/x-protobuf',
    body: string | Uint8Array,
  ): Promise<SendResult>;
}

export interface OtlpSenderOptions {
  /** `http://127.0.0.1:4318`; `/v1/<signal>` is added. */
  readonly endpoint: string;
  readonly token?: string;
  readonly timeoutMs?: number;
  /** Waits; replaced in tests of the retry schedule. */
  readonly wait?: (milliseconds: number) => Promise<unknown>;
}

const ATTEMPTS_MAX = 8;
const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 30_000;
/** What OTLP/HTTP calls retryable. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export function createOtlpSender(options: OtlpSenderOptions): OtlpSender {
  const endpoint = options.endpoint.replace(/\/+$/, '');
  const wait = options.wait ?? ((milliseconds: number) => sleep(milliseconds));

  async function post(
    signal: ReplaySignal,
    contentType: string,
    body: string | Uint8Array,
  ): Promise<{ readonly response: Response; readonly answer: Uint8Array }> {
    const headers = new Headers({ 'content-type': contentType });
    if (options.token !== undefined) headers.set('authorization', `Bearer ${options.token}`);
    try {
      const response = await fetch(`${endpoint}/v1/${signal}`, {
        method: 'POST',
        headers,
        body: typeof body === 'string' ? body : new Uint8Array(body),
        redirect: 'error',
        signal: AbortSignal.timeout(options.timeoutMs ?? 60_000),
      });
      return { response, answer: new Uint8Array(await response.arrayBuffer()) };
    } catch (error) {
      throw new ServiceUnreachable(endpoint, error);
    }
  }

  return {
    async send(signal, contentType, body) {
      let backoff = WAIT_FIRST_MS;
      for (let attempt = 1; ; attempt++) {
        const { response, answer } = await post(signal, contentType, body);
        if (response.ok) return { kind: 'accepted', ...partialSuccess(response, answer) };
        if (!RETRYABLE.has(response.status) || attempt >= ATTEMPTS_MAX) {
          return { kind: 'refused', status: response.status, attempts: attempt };
        }
        await wait(Math.min(WAIT_MAX_MS, retryAfterMs(response.headers.get('retry-after'), Date.now()) ?? backoff));
        backoff = Math.min(WAIT_MAX_MS, backoff * 2);
      }
    },
  };
}

/** Milliseconds a Retry-After header asks for: seconds or an HTTP date. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,6}$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function partialSuccess(response: Response, answer: Uint8Array): { rejected: number; message: string } {
  const none = { rejected: 0, message: '' };
  try {
    if ((response.headers.get('content-type') ?? '').includes('protobuf')) {
      return { rejected: rejectedInResponse(answer), message: '' };
    }
    const parsed: unknown = answer.length === 0 ? {} : JSON.parse(Buffer.from(answer).toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('partialSuccess' in parsed)) return none;
    const partial = parsed.partialSuccess;
    if (typeof partial !== 'object' || partial === null) return none;
    const count = Object.entries(partial).find(([name]) => name.startsWith('rejected'))?.[1];
    const message = 'errorMessage' in partial && typeof partial.errorMessage === 'string' ? partial.errorMessage : '';
    return { rejected: Number(count ?? 0) || 0, message };
  } catch (error) {
    // The request was accepted; that its answer cannot be read takes nothing back.
    if (error instanceof SyntaxError || error instanceof NotOtlp) return none;
    throw error;
  }
}
