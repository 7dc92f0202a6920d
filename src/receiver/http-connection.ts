import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Signal } from '../otlp/signal.ts';
import type { Encoding } from './handle-export.ts';

/** One request on a connection and its answer. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Undefined when the request named none that is taken. */
  readonly encoding: Encoding | undefined;
  readonly signal: Signal | undefined;
}

/** Every HTTP connection of a server and what is under way on it, so that each can end when and as it should. */
export interface HttpConnections {
  /** A sender has connected. */
  open(socket: Socket): void;
  /** A request has begun. */
  begin(exchange: Exchange): void;
  /**
   * HTTP has come to an end on the connection. The last answer, in the encoding of the request that broke off, comes after those to
   * the requests before it (a sender that pipelines takes answers in order, and would give up data that is kept), and not at all
   * when that request has its answer already. Returns the request that broke off, if one had begun.
   */
  end(socket: Socket, answer: (encoding: Encoding | undefined) => Buffer): Exchange | undefined;
  /** Whether `end` was called for it. */
  hasEnded(socket: Socket): boolean;
  /** Ends connections on which nothing is under way, others with the answer to what is. */
  close(): void;
}

export function createHttpConnections(): HttpConnections {
  const underWay = new Map<Socket, Set<Exchange>>();
  const ended = new WeakSet<Socket>();
  let closing = false;

  return {
    open(socket) {
      underWay.set(socket, new Set());
      socket.once('close', () => underWay.delete(socket));
    },

    begin(exchange) {
      const { request, response } = exchange;
      if (closing) response.setHeader('connection', 'close');
      const exchanges = underWay.get(request.socket);
      exchanges?.add(exchange);
      const forget = (): void => {
        if (request.complete && response.writableFinished) exchanges?.delete(exchange);
      };
      request.once('close', forget);
      response.once('close', forget);
    },

    end(socket, answer) {
      // Whatever comes after the first bytes that make no sense makes none either.
      if (ended.has(socket)) return undefined;
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
      return broken;
    },

    hasEnded: (socket) => ended.has(socket),

    close() {
      closing = true;
      for (const [socket, exchanges] of underWay) {
        // Node counts a connection that never sent a request as busy.
        if (exchanges.size === 0) socket.destroy();
        for (const { response } of exchanges) if (!response.headersSent) response.setHeader('connection', 'close');
      }
    },
  };
}
