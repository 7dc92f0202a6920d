import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseForwardEndpoint } from '../../src/forward/endpoint.ts';
import { REQUEST_BYTES_MAX } from '../../src/otlp/limits.ts';

interface CollectorConfiguration {
  readonly receivers: {
    readonly otlp: {
      readonly protocols: {
        readonly grpc: { readonly endpoint: string; readonly max_recv_msg_size_mib: number };
        readonly http: { readonly endpoint: string; readonly max_request_body_size: number };
      };
    };
  };
  readonly exporters: Readonly<
    Record<
      string,
      { readonly sending_queue?: { readonly batch: { readonly sizer: string; readonly max_size: number } } }
    >
  >;
}

const text = (file: string): string => readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8');
const read = (file: string): CollectorConfiguration => parse(text(file)) as CollectorConfiguration;

/** The default of `${env:NAME:-default}`. */
const defaultOf = (endpoint: string): string | undefined => /:-([^}]+)\}/.exec(endpoint)?.[1];

describe.each(['otel-config.yaml', 'deploy/collector/in-path.yaml'])('%s', (file) => {
  test('takes requests as large as Docket takes and forwards', () => {
    const { grpc, http } = read(file).receivers.otlp.protocols;
    expect(grpc.max_recv_msg_size_mib * 1024 * 1024).toBe(REQUEST_BYTES_MAX);
    expect(http.max_request_body_size).toBe(REQUEST_BYTES_MAX);
  });
});

test('otel-config.yaml puts no batch together that Docket would refuse for its size', () => {
  expect(read('otel-config.yaml').exporters['otlp/docket']?.sending_queue?.batch).toMatchObject({
    sizer: 'bytes',
    max_size: REQUEST_BYTES_MAX,
  });
});

test('the forward URL that in-path.yaml names leads to its own receiver', () => {
  const url = /DOCKET_FORWARD_URL=([^\s)]+)/.exec(text('deploy/collector/in-path.yaml'))?.[1] ?? '';
  const { protocol, authority } = parseForwardEndpoint(url);
  const { grpc, http } = read('deploy/collector/in-path.yaml').receivers.otlp.protocols;
  expect(authority).toBe(defaultOf((protocol === 'grpc' ? grpc : http).endpoint));
});
