import type { Signal } from '../otlp/signal.ts';

export type ForwardProtocol = 'grpc' | 'http/protobuf';

/** The OTLP endpoint that gets the redacted requests. */
export interface ForwardEndpoint {
  readonly protocol: ForwardProtocol;
  readonly tls: boolean;
  /** `host:port`, IPv6 in brackets. */
  readonly authority: string;
  /** HTTP only: what comes before `/v1/<signal>`, without a slash at its end. */
  readonly basePath: string;
}

const DEFAULT_PORT: Readonly<Record<ForwardProtocol, string>> = { grpc: '4317', 'http/protobuf': '4318' };

/**
 * Reads the URL of an endpoint. `grpc://` and `grpcs://` (TLS) speak gRPC. `http://` and `https://` speak HTTP with
 * protobuf bodies, unless the port is 4317, OTLP's own for gRPC. `protocol` overrides both. A missing port is OTLP's.
 * Throws with a sentence for the operator; the URL itself is not quoted, it may hold a password.
 */
export function parseForwardEndpoint(url: string, protocol?: ForwardProtocol): ForwardEndpoint {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new Error(
      'the forward URL is not a URL; expected for example http://collector:4318 or grpc://collector:4317',
    );
  }
  const scheme = parsed.protocol.slice(0, -1);
  if (!['http', 'https', 'grpc', 'grpcs'].includes(scheme)) {
    throw new Error(`the forward URL starts with ${scheme}://; expected http://, https://, grpc:// or grpcs://`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new Error('the forward URL holds credentials; send them as a header instead');
  }
  if (parsed.search !== '' || parsed.hash !== '') {
    throw new Error('the forward URL has a query or a fragment; expected scheme, host, port and at most a path');
  }
  if (parsed.hostname === '') throw new Error('the forward URL names no host');
  const chosen = protocol ?? (scheme.startsWith('grpc') || parsed.port === '4317' ? 'grpc' : 'http/protobuf');
  const basePath = parsed.pathname.replace(/\/+$/, '');
  if (chosen === 'grpc' && basePath !== '') {
    throw new Error(
      'the forward URL has a path; a gRPC endpoint has none, give protocol http/protobuf if HTTP is meant',
    );
  }
  const tls = scheme === 'https' || scheme === 'grpcs';
  return { protocol: chosen, tls, authority: `${parsed.hostname}:${portOf(parsed, url, chosen)}`, basePath };
}

// A URL drops the default port of its scheme, so that `http://host:80` and `http://host` look the same. The first one
// means 80, the second OTLP's port.
function portOf(parsed: URL, url: string, protocol: ForwardProtocol): string {
  if (parsed.port !== '') return parsed.port;
  const written = /^[a-z]+:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(url)?.[1];
  return written === undefined ? DEFAULT_PORT[protocol] : String(Number(written));
}

/** Path of the signal's request at an HTTP endpoint (R22). */
export function signalPath(endpoint: ForwardEndpoint, signal: Signal): string {
  return `${endpoint.basePath}/v1/${signal}`;
}
