import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DocketProcess, startDocket } from '../support/docket-process.ts';
import { logsRequest, postJson } from '../support/otlp-json.ts';

// What an operator may set of the intake, on a Docket as it is run.
const ORIGIN = 'https://app.example';
let docket: DocketProcess;

beforeAll(async () => {
  docket = await startDocket({
    environment: {
      DOCKET_OTLP_REQUEST_MAX: '64KiB',
      DOCKET_OTLP_CONNECTION_AGE: '3s',
      DOCKET_OTLP_KEEPALIVE: '1s',
      DOCKET_OTLP_CORS_ORIGINS: ORIGIN,
      DOCKET_SPOOL_MAX: '64MiB',
    },
  });
});
afterAll(() => docket.dispose());

test('a request larger than otlp.request_max is 413, one within it is taken', async () => {
  const within = await postJson(docket.otlpHttp, 'logs', logsRequest('shop', ['x'.repeat(60 * 1024)]));
  expect(within.status).toBe(200);
  const beyond = await postJson(docket.otlpHttp, 'logs', logsRequest('shop', ['x'.repeat(65 * 1024)]));
  expect(beyond.status).toBe(413);
});

test('a page of an origin in otlp.cors_origins may send, another may not', async () => {
  const preflight = (origin: string): Promise<Response> =>
    fetch(`http://${docket.otlpHttp}/v1/traces`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
  const allowed = await preflight(ORIGIN);
  expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, ORIGIN]);
  const refused = await preflight('https://other.example');
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([405, null]);
});

test('a gRPC connection is pinged as otlp.keepalive says and asked to leave as otlp.connection_age says', async () => {
  const session = connect(`http://${docket.otlpGrpc}`);
  const pinged = once(session, 'ping');
  const [code] = (await once(session, 'goaway')) as [number];
  expect(code).toBe(0);
  await pinged;
  session.close();
});

test('spool.max bounds the spool', async () => {
  const text = async (): Promise<string> => (await fetch(`http://${docket.api}/metrics`)).text();
  await expect.poll(text).toMatch(/^docket_spool_bytes_max(?:\{[^}]*\})? 67108864$/m);
});
