import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Encoding } from './handle-export.ts';

/** One request on a connection and its answer. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Undefined when the request named none that is taken. */
  readonly encoding: Encoding | undefined;
}

/** What is under way on each HTTP connection, so that one whose bytes stop making sense ends like every other request. */
export interface HttpConnections {
  /** A request has begun. */
  begin(exchange: Exchange): void;
  /**
   * HTTP has come to an end on the connection. The last answer, in the encoding of the request that broke off, comes after those to
   * the requests before it (a sender that pipelines takes answers in order, and would give up data that is kept), and not at all
   * when that request has its answer already.
   */
  end(socket: Socket, answer: (encoding: Encoding | undefined) => Buffer): void;
}

export function createHttpConnections(): HttpConnections {
  const underWay = new WeakMap<Socket, Set<Exchange>>();
  const ended = new WeakSet<Socket>();

  return {
    begin(exchange) {
      const { request, response } = exchange;
      const exchanges = underWay.get(request.socket) ?? new Set();
      underWay.set(request.socket, exchanges.add(exchange));
      const forget = (): void => {
        if (request.complete && response.writableFinished) exchanges.delete(exchange);
      };
      request.once('close', forget);
      response.once('close', forget);
    },

    end(socket, answer) {
      // Whatever comes after the first bytes that make no sense makes none either.
      if (ended.has(socket)) return;
      ended.add(socket);
      const exchanges = [...(underWay.get(socket) ?? [])];
      const broken = exchanges.find(({ request }) => !request.complete);
      const before = new Set(exchanges.filter((each) => each !== broken && !each.response.writableFinished));
      const last = (): void => {
        if (before.size > 0) return;
        if (socket.writable && broken?.response.headersSent !== true) socket.end(answer(broken?.encoding));
        socket.destroySoon();
      };
      for (const exchange of before) {
        exchange.response.once('close', () => {
          before.delete(exchange);
          last();
        });
      }
      last();
    },
  };
}
