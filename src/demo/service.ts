/**
 * One of the demo's three HTTP services, run as a process of its own:
 *   node service.js <name> <version> <docket otlp/grpc host:port> <downstream as name=url,…>
 * with the operator's token in DEMO_OPERATOR_TOKEN.
 *
 *   storefront  POST /checkout {sku, currency, amount} -> reserves stock, then charges the card
 *   inventory   POST /reserve  {sku}
 *   payments    POST /charge   {currency, amount}
 *
 * A message from the parent process replaces <downstream>. Each answers GET /healthz, GET /version and GET /debug/failures (trace ids of its last failed requests; wants the
 * operator's bearer token). Payments 1.5.0 carries a real bug: see `minorUnits`.
 */
import { context, propagation, SpanKind, SpanStatusCode, trace, type Span, type Tracer } from '@opentelemetry/api';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { startTelemetry } from './telemetry.ts';

/** Where the services a service calls are now; a deploy changes it while requests are under way. */
interface Downstream {
  inventory: string;
  payments: string;
}

function downstreamOf(text: string): Downstream {
  const named = new Map(text.split(',').map((pair) => pair.split('=') as [string, string]));
  return { inventory: named.get('inventory') ?? '', payments: named.get('payments') ?? '' };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

type Handler = (body: Readonly<Record<string, unknown>>, tracer: Tracer) => Promise<Answer>;

const BODY_BYTES_MAX = 64 * 1024;
const FAILURES_KEPT = 20;

/** Currency exponents. 1.4.x asked this table with a default of 2; 1.5.0 dropped the default, and the table lacks JPY. */
const EXPONENTS: ReadonlyMap<string, { readonly digits: number }> = new Map([
  ['EUR', { digits: 2 }],
  ['USD', { digits: 2 }],
  ['BHD', { digits: 3 }],
]);

function minorUnits(version: string, currency: string, amount: number): number {
  const exponent = EXPONENTS.get(currency);
  if (version.startsWith('1.4.')) return Math.round(amount * 10 ** (exponent?.digits ?? 2));
  if (exponent === undefined) throw new TypeError(`no exponent for currency ${currency}`);
  return Math.round(amount * 10 ** exponent.digits);
}

async function call(tracer: Tracer, url: string, body: unknown): Promise<Answer> {
  const target = new URL(url);
  return tracer.startActiveSpan(
    `POST ${target.pathname}`,
    {
      kind: SpanKind.CLIENT,
      attributes: {
        'http.request.method': 'POST',
        'url.full': url,
        'server.address': target.hostname,
        'server.port': Number(target.port),
      },
    },
    async (span) => {
      try {
        const headers: Record<string, string> = { 'content-type': 'application/json' };
        propagation.inject(context.active(), headers);
        const response = await fetch(url, {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(5000),
        });
        span.setAttribute('http.response.status_code', response.status);
        if (response.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        return { status: response.status, body: await response.json() };
      } catch (error) {
        recordFailure(span, error);
        throw error;
      } finally {
        span.end();
      }
    },
  );
}

function handlersOf(service: string, version: string, downstream: Downstream): ReadonlyMap<string, Handler> {
  switch (service) {
    case 'inventory':
      return new Map([
        [
          '/reserve',
          // The warehouse lock makes it slow now and then, before and after the deploy alike: a tempting, wrong theory.
          async (body) => {
            await new Promise((resolve) => setTimeout(resolve, Math.random() < 0.2 ? 40 : 3));
            return { status: 200, body: { reserved: body['sku'] } };
          },
        ],
      ]);
    case 'payments':
      return new Map([
        [
          '/charge',
          async (body) => {
            const charged = minorUnits(version, String(body['currency']), Number(body['amount']));
            return { status: 200, body: { charged } };
          },
        ],
      ]);
    case 'storefront':
      return new Map([
        [
          '/checkout',
          async (body, tracer) => {
            const reserved = await call(tracer, `${downstream.inventory}/reserve`, { sku: body['sku'] });
            if (reserved.status !== 200) return { status: 502, body: { error: 'inventory failed' } };
            const charged = await call(tracer, `${downstream.payments}/charge`, {
              currency: body['currency'],
              amount: body['amount'],
            });
            if (charged.status !== 200) return { status: 502, body: { error: 'payments failed' } };
            return { status: 200, body: charged.body };
          },
        ],
      ]);
    default:
      throw new Error(`unknown demo service ${service}`);
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new RangeError('body too large');
    chunks.push(chunk);
  }
  const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}');
  return parsed !== null && typeof parsed === 'object' ? { ...parsed } : {};
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function recordFailure(span: Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : new Error('request failed'));
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : 'request failed' });
  if (error instanceof Error) span.setAttribute('error.type', error.name);
}

async function main(): Promise<void> {
  const [service = '', version = '', endpoint = '', downstreamText = ''] = process.argv.slice(2);
  const operatorToken = process.env['DEMO_OPERATOR_TOKEN'] ?? '';
  const downstream = downstreamOf(downstreamText);
  process.on('message', (text) => Object.assign(downstream, downstreamOf(String(text))));
  const telemetry = startTelemetry({ service, version, endpoint });
  const handlers = handlersOf(service, version, downstream);
  const failures: { traceId: string; status: number; at: string }[] = [];

  const server = createServer((request, response) => {
    void (async () => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname;
      if (path === '/healthz') return send(response, 200, { status: 'ok' });
      if (path === '/version') return send(response, 200, { service, version });
      if (path === '/debug/failures') {
        const authorised = request.headers.authorization === `Bearer ${operatorToken}`;
        return authorised ? send(response, 200, { failures }) : send(response, 401, { error: 'operator token wanted' });
      }
      const handler = handlers.get(path);
      if (handler === undefined || request.method !== 'POST') return send(response, 404, { error: 'no such route' });
      const parent = propagation.extract(context.active(), request.headers);
      return context.with(parent, () =>
        telemetry.tracer.startActiveSpan(
          `POST ${path}`,
          { kind: SpanKind.SERVER, attributes: { 'http.request.method': 'POST', 'http.route': path } },
          async (span) => {
            let answer: Answer;
            try {
              answer = await handler(await readJson(request), telemetry.tracer);
              if (answer.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
            } catch (error) {
              recordFailure(span, error);
              answer = { status: 500, body: { error: 'internal' } };
            }
            span.setAttribute('http.response.status_code', answer.status);
            if (answer.status >= 500) {
              const { traceId } = trace.getSpan(context.active())?.spanContext() ?? span.spanContext();
              failures.unshift({ traceId, status: answer.status, at: new Date().toISOString() });
              failures.length = Math.min(failures.length, FAILURES_KEPT);
            }
            span.end();
            send(response, answer.status, answer.body);
          },
        ),
      );
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  process.send?.({ ready: true, port: typeof address === 'object' ? address?.port : 0 });
  process.on('SIGTERM', () => {
    server.closeAllConnections();
    server.close();
    void telemetry.close().finally(() => process.disconnect?.());
  });
}

await main();
