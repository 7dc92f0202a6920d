import { constants, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Logger } from '../telemetry/logger.ts';
import type { ReceiverLimits } from './options.ts';

/** Every HTTP/2 connection of a server, from its first byte to its last. */
export interface Http2Connections {
  /** Asks every sender to go elsewhere, lets the calls under way end, and resolves when all are gone. */
  close(): Promise<void>;
}

/** The largest stream id there is: a GOAWAY with it says "no more calls soon" and refuses none that is already on its way. */
const ANY_STREAM = 2 ** 31 - 1;

/** How long a sender gets to answer the ping behind the first GOAWAY before the second is sent all the same. */
const GOAWAY_PING_MS = 1000;

/**
 * Calls that a sender may reset before they are answered: this many at once, and so many each second again. 100 calls whose deadline
 * passes together are ordinary; thousands are an attack on the work that each of them causes (CVE-2023-44487).
 */
const RESETS_MAX = 500;
const RESETS_PER_SECOND = 50;

/**
 * Bounds what a connection may do apart from its calls: it must greet in time, answer pings, and leave when it is old, so that
 * load balancers rebalance (R49) and half-open connections end (T12). Leaving is graceful (gRPC's double GOAWAY): first one that
 * refuses nothing, and once the sender has seen it (its ping came back) one that names the last call taken.
 */
export function guardConnections(server: Http2Server, limits: ReceiverLimits, logger: Logger): Http2Connections {
  const leave = new Map<ServerHttp2Session, () => void>();
  let closing = false;

  server.on('session', (session) => {
    session.setLocalWindowSize(limits.connectionWindowBytes);
    const timers = new Set<NodeJS.Timeout>();
    const after = (milliseconds: number, action: () => void): NodeJS.Timeout => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        action();
      }, milliseconds);
      timers.add(timer);
      return timer;
    };
    const cancel = (timer: NodeJS.Timeout): void => {
      clearTimeout(timer);
      timers.delete(timer);
    };
    const ping = (withinMs: number, late: () => void, answered: () => void): void => {
      const timer = after(withinMs, late);
      const sent = session.ping(() => {
        cancel(timer);
        if (!session.destroyed) answered();
      });
      // Too many unanswered pings: as good as none answered.
      if (sent) return;
      cancel(timer);
      late();
    };

    const greeting = after(limits.headersTimeoutMs, () => session.destroy());
    session.once('remoteSettings', () => cancel(greeting));

    const keepAlive = (): void => {
      after(limits.keepaliveTimeMs, () => ping(limits.keepaliveTimeoutMs, () => session.destroy(), keepAlive));
    };
    keepAlive();

    let calls = 0;
    let leaving = false;
    const close = (): void => {
      if (!session.closed) session.close();
    };
    let resets = 0;
    let countedAt = performance.now();
    const countReset = (): void => {
      const now = performance.now();
      resets = Math.max(0, resets - ((now - countedAt) / 1000) * RESETS_PER_SECOND) + 1;
      countedAt = now;
      if (resets <= RESETS_MAX || session.destroyed) return;
      logger.warn({ resets: Math.round(resets) }, 'closed an HTTP/2 connection that resets its calls');
      session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    };
    session.on('stream', (stream) => {
      calls += 1;
      // Raised by a reset from the sender alone.
      stream.once('aborted', countReset);
      stream.once('close', () => {
        calls -= 1;
        if (leaving && calls === 0) close();
      });
    });
    const goAway = (graceMs: number): void => {
      if (leaving || session.destroyed) return;
      leaving = true;
      after(graceMs, () => session.destroy());
      // With no call under way, nghttp2 is done with the connection as soon as it sent a GOAWAY and hears no ping any more.
      if (calls === 0) return close();
      session.goaway(constants.NGHTTP2_NO_ERROR, ANY_STREAM);
      ping(GOAWAY_PING_MS, close, close);
    };
    // A tenth of spread, so that connections made together are not all asked to leave together.
    after(limits.maxConnectionAgeMs * (0.9 + 0.2 * Math.random()), () => goAway(limits.maxConnectionAgeGraceMs));

    session.on('error', (error) => {
      logger.debug({ error: error.name, code: errorCode(error) }, 'an HTTP/2 connection failed');
    });
    session.once('close', () => {
      leave.delete(session);
      for (const timer of timers) clearTimeout(timer);
    });
    leave.set(session, () => goAway(limits.closeTimeoutMs));
    if (closing) goAway(limits.closeTimeoutMs);
  });

  return {
    close: () =>
      new Promise((resolve) => {
        closing = true;
        server.close(() => resolve());
        for (const goAway of leave.values()) goAway();
      }),
  };
}

function errorCode(error: Error): string | undefined {
  return 'code' in error ? String(error.code) : undefined;
}
