import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

/** What happens to a request in place of a plain answer. */
export type Fault =
  /** Nothing is read, nothing is answered, until the fault ends: then the connection is reset. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** ClickHouse's answer to a failed statement; the statement never ran. */
  | { readonly kind: 'error'; readonly code: number; readonly symbol: string }
  /** The statement ran and was answered; the connection is reset before a byte of the answer arrives. */
  | { readonly kind: 'answer lost' }
  /** Status 200, then an exception: in a header, or in the body. The statement never ran. */
  | {
      readonly kind: 'late exception';
      readonly where: 'header' | 'body';
      readonly code: number;
      readonly symbol: string;
    }
  /** The statement ran; its answer breaks off in the middle. */
  | { readonly kind: 'answer cut' }
  /** Half of the request's body arrives at the server, then the connection is reset on both sides. */
  | { readonly kind: 'request cut' };

export interface FaultScope {
  /** Only requests whose statement matches; all when absent. */
  readonly only?: RegExp;
  /** Only requests whose body holds this text. */
  readonly holding?: string;
  /** Ends by itself after so many requests. */
  readonly times?: number;
}

/** An HTTP proxy before one upstream that breaks things on demand. */
export interface FaultProxy {
  /** `http://127.0.0.1:port`; stays the same while connections are refused. */
  readonly url: string;
  set(fault: Fault, scope?: FaultScope): void;
  /** The next requests in scope meet these, one each; `undefined` is a plain answer. Then it ends by itself. */
  plan(faults: readonly (Fault | undefined)[], scope?: FaultScope): void;
  /** Ends the fault; hanging connections are reset. */
  heal(): Promise<void>;
  /** Connections are refused from now on, until `heal`. */
  refuse(): Promise<void>;
  /** Requests that met the current fault, or the last one. */
  hits(): number;
  close(): Promise<void>;
}

export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  let active: { readonly faults: readonly (Fault | undefined)[]; readonly scope: FaultScope } | undefined;
  let hits = 0;
  let server: Server | undefined;
  const hanging = new Set<ServerResponse>();

  function faultFor(statement: string, body: Buffer): Fault | undefined {
    if (active === undefined) return undefined;
    const { faults, scope } = active;
    if (scope.only !== undefined && !scope.only.test(statement)) return undefined;
    if (scope.holding !== undefined && !body.includes(scope.holding)) return undefined;
    const fault = faults[hits % faults.length];
    hits += 1;
    if (scope.times !== undefined && hits >= scope.times) active = undefined;
    return fault;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const inUrl = new URL(request.url ?? '/', upstream).searchParams.get('query');
    const body = await buffer(request);
    const fault = faultFor(inUrl ?? body.toString(), body);
    switch (fault?.kind) {
      case 'hang':
        hanging.add(response);
        return;
      case 'error':
        refuseWith(response, 500, fault.code, fault.symbol);
        return;
      case 'late exception':
        if (fault.where === 'header') refuseWith(response, 200, fault.code, fault.symbol);
        else response.end(exceptionText(fault.code, fault.symbol));
        return;
      case 'request cut':
        forward(request, body, 'cut').catch(() => undefined);
        reset(response);
        return;
      case 'slow':
        await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
        break;
      case 'answer lost':
      case 'answer cut':
      case undefined:
    }
    const answer = await forward(request, body, 'whole');
    if (fault?.kind === 'answer lost') {
      reset(response);
      return;
    }
    response.writeHead(answer.status, answer.headers);
    if (fault?.kind !== 'answer cut') {
      response.end(answer.body);
      return;
    }
    // A chunk that is never followed by the last one.
    response.write(answer.body.length === 0 ? ' ' : answer.body.subarray(0, Math.ceil(answer.body.length / 2)));
    setTimeout(() => reset(response), 20);
  }

  async function forward(request: IncomingMessage, body: Buffer, how: 'whole' | 'cut') {
    const { 'transfer-encoding': _chunked, host: _host, ...passed } = request.headers;
    const sent = sendRequest(new URL(request.url ?? '/', upstream), {
      method: request.method,
      headers: { ...passed, 'content-length': body.length },
    });
    if (how === 'cut') {
      sent.write(body.subarray(0, Math.floor(body.length / 2)));
      setTimeout(() => sent.destroy(), 20);
    } else {
      sent.end(body);
    }
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const {
      'content-length': _length,
      'transfer-encoding': _encoding,
      connection: _connection,
      ...headers
    } = answer.headers;
    return { status: answer.statusCode ?? 502, headers, body: await buffer(answer) };
  }

  async function listen(port: number): Promise<number> {
    server = createServer((request, response) => {
      handle(request, response).catch(() => reset(response));
    });
    server.requestTimeout = 0;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    return address.port;
  }

  async function stopListening(): Promise<void> {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    const closed = once(closing, 'close');
    closing.close();
    closing.closeAllConnections();
    await closed;
  }

  function release(): void {
    active = undefined;
    for (const response of hanging) reset(response);
    hanging.clear();
  }

  const port = await listen(0);
  return {
    url: `http://127.0.0.1:${port}`,
    set(fault, scope = {}) {
      hits = 0;
      active = { faults: [fault], scope };
    },
    plan(faults, scope = {}) {
      hits = 0;
      active = { faults, scope: { ...scope, times: faults.length } };
    },
    async heal() {
      release();
      if (server === undefined) await listen(port);
    },
    async refuse() {
      release();
      await stopListening();
    },
    hits: () => hits,
    async close() {
      release();
      await stopListening();
    },
  };
}

function reset(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null || socket.destroyed) response.destroy();
  else socket.resetAndDestroy();
}

function refuseWith(response: ServerResponse, status: number, code: number, symbol: string): void {
  response.writeHead(status, {
    'X-ClickHouse-Exception-Code': String(code),
    'Content-Type': 'text/plain; charset=UTF-8',
  });
  response.end(exceptionText(code, symbol));
}

function exceptionText(code: number, symbol: string): string {
  return `Code: ${code}. DB::Exception: Injected by a test. (${symbol}) (version 26.7.2.1 (official build))\n`;
}
