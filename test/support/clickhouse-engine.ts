// A process of its own that is a ClickHouse server over HTTP: the real engine (chdb) behind node:http, as far as
// @clickhouse/client uses that interface. Arguments: data directory, port (0 = any), and what the engine is opened with. Prints `{"port":n}` when it answers; ends when its standard input does.
import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, gzipSync } from 'node:zlib';
import { Session } from 'chdb';
import { bodyInsertOf, httpStatusOf, quoted } from './clickhouse-statement.ts';
import { withProtocolRevision } from './native-answer.ts';

const [directory = '', portText = '0', ...connectionArgs] = process.argv.slice(2);
const CONNECTIONS = 8;

/** Parameters of the HTTP interface itself; every other one is a setting of the query. */
const INTERFACE_PARAMETERS: ReadonlySet<string> = new Set([
  'query',
  'query_id',
  'database',
  'default_format',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'user',
  'password',
  'role',
  'quota_key',
  'compress',
  'decompress',
  'enable_http_compression',
  'wait_end_of_query',
  'buffer_size',
  'stacktrace',
  'client_protocol_version',
]);

class ClickHouseException extends Error {
  readonly code: number;

  constructor(message: string) {
    super(message);
    this.code = Number(/^Code: (\d+)/.exec(message)?.[1] ?? 1002);
  }
}

const engine = join(directory, 'engine');
const bodies = join(directory, 'bodies');
rmSync(bodies, { recursive: true, force: true });
mkdirSync(engine, { recursive: true });
mkdirSync(bodies, { recursive: true });

// The first session carries the engine's arguments; the others are the connections that requests run on.
const session = new Session(engine, { connectionArgs });
const idle = Array.from({ length: CONNECTIONS }, () => new Session(engine));
const waiting: ((connection: Session) => void)[] = [];

async function withConnection<T>(task: (connection: Session) => Promise<T>): Promise<T> {
  const connection = idle.pop() ?? (await new Promise<Session>((resolve) => waiting.push(resolve)));
  try {
    return await task(connection);
  } finally {
    const next = waiting.shift();
    if (next === undefined) idle.push(connection);
    else next(connection);
  }
}

async function run(connection: Session, sql: string, format?: string) {
  try {
    return await connection.queryAsync(sql, format === undefined ? {} : { format });
  } catch (error) {
    const message = error instanceof Error ? error.message : 'unknown error';
    // The engine says `Code: N. DB::Exception:` twice at times.
    throw new ClickHouseException(message.replace(/^(Code: \d+\. DB::Exception: )\1/, '$1'));
  }
}

/** Runs with the request's database, parameters and settings, and leaves none of them to the next request. */
async function execute(parameters: URLSearchParams, sql: string) {
  return withConnection(async (connection) => {
    const set: string[] = [];
    try {
      await run(connection, `USE \`${(parameters.get('database') ?? 'default').replaceAll('`', '\\`')}\``);
      for (const [name, value] of parameters) {
        if (INTERFACE_PARAMETERS.has(name)) continue;
        if (!/^\w+$/.test(name))
          throw new ClickHouseException(`Code: 115. DB::Exception: Unknown setting. (UNKNOWN_SETTING)`);
        await run(connection, `SET ${name} = ${quoted(value)}`);
        if (!name.startsWith('param_')) set.push(name);
      }
      return await run(connection, sql, parameters.get('default_format') ?? 'TabSeparated');
    } finally {
      for (const name of set) await run(connection, `SET ${name} = DEFAULT`);
    }
  });
}

function bodyOf(request: IncomingMessage): NodeJS.ReadableStream {
  return request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://clickhouse.invalid');
  if (url.pathname === '/ping' || (url.pathname === '/' && request.method === 'GET' && url.search === '')) {
    request.resume();
    response.end('Ok.\n');
    return;
  }
  const queryId = url.searchParams.get('query_id') ?? randomUUID();
  response.setHeader('X-ClickHouse-Server-Display-Name', 'front');
  response.setHeader('X-ClickHouse-Query-Id', queryId);
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  const file = join(bodies, randomUUID());
  try {
    const query = url.searchParams.get('query') ?? '';
    const insert = bodyInsertOf(query);
    let sql: string;
    if (insert === undefined) {
      const body = await text(bodyOf(request));
      sql = query === '' || body === '' ? `${query}${body}` : `${query}\n${body}`;
    } else {
      // A request that breaks off before its end inserts nothing.
      await pipeline(bodyOf(request), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
      sql = `${insert.head} FROM INFILE ${quoted(file)} ${insert.tail}`;
    }
    const result = await execute(url.searchParams, sql);
    const inserted = /^\s*INSERT\b/i.test(sql);
    const rows = String(result.rowsRead);
    const bytes = String(result.bytesRead);
    const summary = {
      read_rows: rows,
      read_bytes: bytes,
      written_rows: inserted ? rows : '0',
      written_bytes: inserted ? bytes : '0',
      total_rows_to_read: '0',
      result_rows: rows,
      result_bytes: bytes,
      elapsed_ns: String(Math.round(result.elapsed * 1e9)),
    };
    response.setHeader('X-ClickHouse-Summary', JSON.stringify(summary));
    const answered = Buffer.from(result.bytes());
    const revised = url.searchParams.has('client_protocol_version') && !inserted;
    send(url, request, response, 200, revised ? withProtocolRevision(answered) : answered);
  } catch (error) {
    if (response.destroyed) return;
    if (!(error instanceof ClickHouseException)) {
      response.destroy();
      return;
    }
    response.setHeader('X-ClickHouse-Exception-Code', String(error.code));
    send(url, request, response, httpStatusOf(error.code), Buffer.from(`${error.message}\n`));
  } finally {
    await rm(file, { force: true });
  }
}

function send(url: URL, request: IncomingMessage, response: ServerResponse, status: number, body: Buffer): void {
  const compress =
    url.searchParams.get('enable_http_compression') === '1' &&
    (request.headers['accept-encoding'] ?? '').includes('gzip');
  if (compress) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  response.writeHead(status);
  response.end(compress ? gzipSync(body) : body);
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 10_000;
server.requestTimeout = 0;
server.listen(Number(portText), '127.0.0.1', () => {
  const address = server.address();
  console.log(JSON.stringify({ port: typeof address === 'object' ? address?.port : undefined }));
});

// The parent closes the pipe, or dies.
createReadStream('', { fd: 0 })
  .on('error', () => undefined)
  .on('close', () => {
    server.close();
    server.closeAllConnections();
    for (const connection of idle) connection.close();
    session.close();
    process.exit(0);
  })
  .resume();
