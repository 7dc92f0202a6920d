import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createClient } from '@clickhouse/client';
// Before chdb, which loads the library that it is for.
import './engine-allocator.ts';
import { Session, drainPending } from 'chdb';
import { createChdbConnection } from 'chdb/connection';
import type { Database, Lane, Purpose } from './database.ts';
import { EngineError, toEngineError } from './engine-error.ts';
import { engineConfigXml } from './engine-config.ts';
import { bindParameters, stringLiteral } from './literal.ts';
import { createMergeThreads } from './merge-threads.ts';
import { blockBytes, blockParts, blockStructure } from './native/column.ts';
import { valuesText } from './native/values-text.ts';
import { ROW_SETTINGS, rowLines } from './rewrite/row-format.ts';
import type { StoredRow } from './rewrite/telemetry-table.ts';
import { createStatementQueue, type StatementQueue } from './statement-queue.ts';

const READERS = 2;
const READ_SECONDS_MAX = 30;

/**
 * A read in the background pauses while one is under way that somebody waits for: at each block of rows it has read (ten million
 * spans are a thousand), and no longer than 1 ms each time. With more, pages were no faster; with 20 ms comparisons did not finish
 * within their time while somebody paged without a pause (docs/benchmarks.md, link).
 */
const PRIORITY: Readonly<Record<Lane, Readonly<Record<string, number>>>> = {
  foreground: { priority: 1 },
  background: { priority: 2, low_priority_query_wait_time_ms: 1 },
};
const CANNOT_OPEN_FILE = 76;

/** Blocks up to this size are sent as text within the statement: well below `max_query_size` even when all is escaped. */
const INLINE_BYTES_MAX = 64 * 1024;

/** Skip indexes are made when parts are merged, not for each small part: an insert writes two files less for each index. */
const WITHOUT_SKIP_INDEXES = 'materialize_skip_indexes_on_insert = 0';

type Client = ReturnType<typeof createClient>;
type InjectedConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

interface Connection {
  readonly client: Client;
  readonly queue: StatementQueue;
}

export interface EmbeddedOptions {
  /** The engine's own directory; made when missing. One process at a time. */
  readonly directory: string;
  /** Bound on the engine's memory, in bytes. */
  readonly memoryMax: number;
}

/**
 * Opens ClickHouse inside this process. Must be called on the main thread (chdb dies of SIGSEGV otherwise). Throws
 * EngineError with a message for people when another process has the directory.
 */
export function openEmbedded(options: EmbeddedOptions): Database {
  const directory = resolve(options.directory);
  const staging = join(directory, 'staging');
  const engine = join(directory, 'engine');
  mkdirSync(staging, { recursive: true });
  mkdirSync(engine, { recursive: true });
  const configFile = join(directory, 'engine.xml');
  writeFileSync(configFile, engineConfigXml({ memoryMax: options.memoryMax, userFiles: staging }));
  const session = openSession(engine, configFile);
  const mergeThreads = createMergeThreads();
  // The directory is ours now, so what lies in staging is left over from a process that died.
  for (const name of readdirSync(staging)) rmSync(join(staging, name), { force: true });

  const connect = (): Connection => {
    // chdb implements the client's own interface; the two differ under exactOptionalPropertyTypes only.
    const connection = createChdbConnection({ path: engine }) as unknown as InjectedConnection;
    return { client: createClient({ connection }), queue: createStatementQueue() };
  };
  const writers: Readonly<Record<Purpose, Connection>> = {
    telemetry: connect(),
    evidence: connect(),
    record: connect(),
  };
  const background = connect();
  const readers = Array.from({ length: READERS }, connect);
  const waiting = readers.map(() => 0);

  async function onReader<T>(lane: Lane, task: (client: Client) => Promise<T>): Promise<T> {
    try {
      if (lane === 'background') return await background.queue.run(() => task(background.client));
      return await onLeastWaiting(task);
    } catch (error) {
      throw toEngineError(error);
    }
  }

  async function onLeastWaiting<T>(task: (client: Client) => Promise<T>): Promise<T> {
    let least = 0;
    for (let index = 1; index < waiting.length; index += 1) {
      if ((waiting[index] ?? 0) < (waiting[least] ?? 0)) least = index;
    }
    const reader = readers[least];
    if (reader === undefined) throw new EngineError(null, 'no reader connection', 'retryable');
    waiting[least] = (waiting[least] ?? 0) + 1;
    try {
      return await reader.queue.run(() => task(reader.client));
    } finally {
      waiting[least] = (waiting[least] ?? 1) - 1;
    }
  }

  async function onWriter(purpose: Purpose, sql: string): Promise<void> {
    const writer = writers[purpose];
    try {
      await writer.queue.run(() => writer.client.command({ query: sql }));
      mergeThreads.makeYield();
    } catch (error) {
      throw toEngineError(error);
    }
  }

  return {
    kind: 'embedded',
    async select<Row>(
      sql: string,
      parameters = {},
      secondsMax = READ_SECONDS_MAX,
      lane: Lane = 'foreground',
    ): Promise<Row[]> {
      const settings = settingsText({ max_execution_time: secondsMax, ...PRIORITY[lane] });
      const query = `${bindParameters(sql, parameters)}\nSETTINGS ${settings}`;
      return onReader(lane, async (client) => {
        const result = await client.query({ query, format: 'JSONEachRow' });
        return result.json<Row>();
      });
    },
    async selectRows(sql, parameters, secondsMax) {
      const settings = settingsText({ max_execution_time: secondsMax, ...PRIORITY.background, ...ROW_SETTINGS });
      const query = `${bindParameters(sql, parameters)}\nSETTINGS ${settings}`;
      return onReader('background', async (client) => {
        const result = await client.query({ query, format: 'JSONEachRow' });
        return result.json<StoredRow>();
      });
    },
    insertRows(purpose, table, rows, token) {
      const head = bindParameters(
        `INSERT INTO ${table} SETTINGS insert_deduplication_token = {token:String}, async_insert = 0, ` +
          `session_timezone = 'UTC', ${WITHOUT_SKIP_INDEXES} FORMAT JSONEachRow\n`,
        { token },
      );
      // Not bound: the rows may hold what looks like a parameter.
      return onWriter(purpose, head + rowLines(rows));
    },
    command(purpose, sql, parameters = {}) {
      return onWriter(purpose, bindParameters(sql, parameters));
    },
    async insert(purpose, table, block, token) {
      const names = block.columns.map((column) => `\`${column.name}\``).join(', ');
      // Telemetry may hold bytes that are no UTF-8 and always goes as bytes.
      if (purpose !== 'telemetry' && blockBytes(block) <= INLINE_BYTES_MAX) {
        const head = bindParameters(
          `INSERT INTO ${table} (${names}) SETTINGS insert_deduplication_token = {token:String}, async_insert = 0, ` +
            `${WITHOUT_SKIP_INDEXES} VALUES `,
          { token },
        );
        return onWriter(purpose, head + valuesText(block));
      }
      const file = join(staging, `${randomUUID()}.native`);
      try {
        await writeParts(file, blockParts(block));
        await onWriter(
          purpose,
          bindParameters(
            `INSERT INTO ${table} (${names}) SELECT ${names} FROM file({file:String}, 'Native', {structure:String}) ` +
              `SETTINGS insert_deduplication_token = {token:String}, deduplicate_insert_select = 'force_enable', ` +
              `max_insert_threads = 1, max_threads = 1, ${WITHOUT_SKIP_INDEXES}`,
            { file, token, structure: blockStructure(block) },
          ),
        );
      } catch (error) {
        throw toEngineError(error);
      } finally {
        await rm(file, { force: true });
      }
    },
    async close() {
      const connections = [...Object.values(writers), background, ...readers];
      await Promise.all(connections.map((each) => each.queue.drained()));
      for (const { client } of connections) await client.close();
      session.close();
      await drainPending();
    },
  };
}

function settingsText(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === 'number' ? value : stringLiteral(value)}`)
    .join(', ');
}

function openSession(engine: string, configFile: string): Session {
  try {
    // This session only carries the engine's arguments and holds the directory; chdb/connection takes none.
    return new Session(engine, { connectionArgs: [`--config-file=${configFile}`] });
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    if (text.includes('one active data directory')) {
      throw new EngineError(null, 'this process already has another data directory open', 'retryable', error);
    }
    const holder = holderOf(engine);
    if (holder !== undefined) {
      throw new EngineError(
        CANNOT_OPEN_FILE,
        `another Docket (process ${holder}) has this data directory open: ${engine}`,
        'retryable',
        error,
      );
    }
    throw new EngineError(
      null,
      `the engine could not open ${engine}; its reason is on standard error`,
      'retryable',
      error,
    );
  }
}

/**
 * The living process that holds the directory. The engine locks its `status` file and writes its process id there; chdb
 * prints the failed lock to standard error and throws without the reason.
 */
function holderOf(engine: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)$/m.exec(readFileSync(join(engine, 'status'), 'utf8'))?.[1]);
    if (!Number.isInteger(pid) || pid === process.pid) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

async function writeParts(file: string, parts: readonly Buffer[]): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    // writev takes at most IOV_MAX buffers and may write short; blocks have a few hundred parts at most.
    let pending = parts.filter((part) => part.length > 0);
    while (pending.length > 0) {
      const { bytesWritten } = await handle.writev(pending.slice(0, 512));
      pending = dropBytes(pending, bytesWritten);
    }
  } finally {
    await handle.close();
  }
}

function dropBytes(parts: readonly Buffer[], written: number): Buffer[] {
  let left = written;
  let index = 0;
  for (; index < parts.length; index += 1) {
    const size = parts[index]?.length ?? 0;
    if (left < size) break;
    left -= size;
  }
  const rest = parts.slice(index);
  const first = rest[0];
  if (left > 0 && first !== undefined) rest[0] = first.subarray(left);
  return rest;
}
