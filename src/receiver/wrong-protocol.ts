import type { Logger } from '../telemetry/logger.ts';

/** How a sender was seen to speak to a port that takes another protocol. */
export type WrongProtocol = 'tls_to_http' | 'http2_to_http' | 'not_http2_to_grpc';

/** What to tell the sender, where it can be told, and who runs Docket: both see nothing else of it than connections that break off. */
export const WRONG_PROTOCOL: Readonly<Record<WrongProtocol, string>> = {
  tls_to_http: 'this port takes plain HTTP: send to http://, or end TLS in front of Docket',
  http2_to_http: 'this port takes HTTP/1.1: OTLP/gRPC has a port of its own',
  not_http2_to_grpc:
    'this port takes gRPC over plain HTTP/2: OTLP/HTTP has a port of its own, and TLS ends in front of Docket',
};

/** The log says it at most this often: a sender tries again and again. */
const WARNING_MS = 60_000;

/** Notes in the log that a sender speaks the wrong protocol. */
export function createProtocolWarnings(logger: Logger): (what: WrongProtocol) => void {
  const saidAt = new Map<WrongProtocol, number>();
  return (what) => {
    const now = performance.now();
    if (now - (saidAt.get(what) ?? Number.NEGATIVE_INFINITY) < WARNING_MS) return;
    saidAt.set(what, now);
    logger.warn({ what }, `a sender does not speak what its port takes: ${WRONG_PROTOCOL[what]}`);
  };
}

/** A handshake record of TLS: its type and the first byte of every version there is. */
const TLS_START = [0x16, 0x03] as const;

/** What bytes are that are no HTTP/1.1; undefined when they are simply broken. */
export function wrongProtocolIn(
  error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer },
): WrongProtocol | undefined {
  // How Node's parser calls the connection preface of HTTP/2.
  if (error.code === 'HPE_PAUSED_H2_UPGRADE') return 'http2_to_http';
  const { rawPacket } = error;
  return rawPacket?.[0] === TLS_START[0] && rawPacket[1] === TLS_START[1] ? 'tls_to_http' : undefined;
}
