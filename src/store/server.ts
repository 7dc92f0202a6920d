import { Readable } from 'node:stream';
import { createClient } from '@clickhouse/client';
import type { Database } from './database.ts';
import { toEngineError } from './engine-error.ts';
import { bindParameters } from './literal.ts';
import { blockParts } from './native/column.ts';

const READ_SECONDS_MAX = 30;
const REQUEST_TIMEOUT_MS = 120_000;

/** Reaches a ClickHouse server over HTTP. `url` is `http(s)://user:pass@host:8123/database`; nothing is sent yet. */
export function openServer(url: string): Database {
  const client = createClient({
    url,
    application: 'docket',
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: 8,
  });
  const guard = async <T>(task: () => Promise<T>): Promise<T> => {
    try {
      return await task();
    } catch (error) {
      throw toEngineError(error);
    }
  };
  return {
    kind: 'server',
    select<Row>(sql: string, parameters = {}, secondsMax = READ_SECONDS_MAX): Promise<Row[]> {
      const query = `${bindParameters(sql, parameters)}\nSETTINGS max_execution_time = ${secondsMax}`;
      return guard(async () => {
        const result = await client.query({ query, format: 'JSONEachRow' });
        return result.json<Row>();
      });
    },
    command(_purpose, sql, parameters = {}) {
      return guard(async () => {
        await client.command({ query: bindParameters(sql, parameters) });
      });
    },
    insert(_purpose, table, block, token) {
      const names = block.columns.map((column) => `\`${column.name}\``).join(', ');
      const query = bindParameters(
        `INSERT INTO ${table} (${names}) SETTINGS insert_deduplication_token = {token:String}, async_insert = 0 FORMAT Native`,
        { token },
      );
      return guard(async () => {
        const result = await client.exec({
          query,
          values: Readable.from(blockParts(block), { objectMode: false }),
        });
        result.stream.resume();
      });
    },
    async close() {
      await client.close();
    },
  };
}
