import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { Database, Lane } from './database.ts';
import { EngineError, toEngineError } from './engine-error.ts';
import { bindParameters } from './literal.ts';
import { blockParts } from './native/column.ts';
import { ROW_SETTINGS, rowLines } from './rewrite/row-format.ts';
import type { StoredRow } from './rewrite/telemetry-table.ts';
import { createStatementQueue } from './statement-queue.ts';

const READ_SECONDS_MAX = 30;
const REQUEST_TIMEOUT_MS = 120_000;

/** Reaches a ClickHouse server over HTTP. `url` is `http(s)://user:pass@host:8123/database`; nothing is sent yet. */
export function openServer(url: string): Database {
  const client = createClient({
    url,
    application: 'docket',
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: 8,
    // The client would print the server's error texts, which may quote rows: what happened is in our own log.
    log: { level: ClickHouseLogLevel.OFF },
    // The status line comes when the statement has ended, not before.
    clickhouse_settings: { wait_end_of_query: 1 },
  });
  const background = createStatementQueue();
  const guard = async <T>(task: () => Promise<T>): Promise<T> => {
    try {
      return await task();
    } catch (error) {
      throw toEngineError(error);
    }
  };
  /**
   * Runs a statement that answers nothing. Its answer is read to the end: one that breaks off may come from a statement
   * that failed, and a server that failed after its status line says so in the body.
   */
  const run = (query: string, values?: Readable): Promise<void> =>
    guard(async () => {
      const { stream } = await client.exec(values === undefined ? { query } : { query, values });
      const said = await text(stream);
      if (said !== '') throw exceptionIn(said);
    });
  return {
    kind: 'server',
    select<Row>(
      sql: string,
      parameters = {},
      secondsMax = READ_SECONDS_MAX,
      lane: Lane = 'foreground',
    ): Promise<Row[]> {
      const query = `${bindParameters(sql, parameters)}\nSETTINGS max_execution_time = ${secondsMax}`;
      const read = async (): Promise<Row[]> => {
        const result = await client.query({ query, format: 'JSONEachRow' });
        return result.json<Row>();
      };
      return guard(() => (lane === 'background' ? background.run(read) : read()));
    },
    selectRows(sql, parameters, secondsMax) {
      return guard(() =>
        background.run(async () => {
          const result = await client.query({
            query: bindParameters(sql, parameters),
            format: 'JSONEachRow',
            clickhouse_settings: { max_execution_time: secondsMax, ...ROW_SETTINGS },
          });
          return result.json<StoredRow>();
        }),
      );
    },
    insertRows(_purpose, table, rows, token) {
      const query = bindParameters(
        `INSERT INTO ${table} SETTINGS insert_deduplication_token = {token:String}, async_insert = 0, ` +
          `session_timezone = 'UTC' FORMAT JSONEachRow`,
        { token },
      );
      return run(query, Readable.from([Buffer.from(rowLines(rows))], { objectMode: false }));
    },
    command(_purpose, sql, parameters = {}) {
      return run(bindParameters(sql, parameters));
    },
    insert(_purpose, table, block, token) {
      const names = block.columns.map((column) => `\`${column.name}\``).join(', ');
      const query = bindParameters(
        `INSERT INTO ${table} (${names}) SETTINGS insert_deduplication_token = {token:String}, async_insert = 0 FORMAT Native`,
        { token },
      );
      return run(query, Readable.from(blockParts(block), { objectMode: false }));
    },
    async close() {
      await client.close();
    },
  };
}

/** What the server says in place of an empty answer. Its own words stay behind: they may quote rows. */
function exceptionIn(body: string): EngineError {
  const code = /Code: (\d+)\. DB::Exception/.exec(body)?.[1];
  if (code === undefined) return new EngineError(null, 'an answer to a statement that has none', 'retryable');
  return toEngineError({ code, type: /\(([A-Z][A-Z0-9_]+)\)/.exec(body)?.[1] });
}
