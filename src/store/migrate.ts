import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from './database.ts';
import { EngineError } from './engine-error.ts';

/** What the first line of a migration says when everything works without it, only slower. */
const OPTIONAL = '-- optional:';
/** What a server answers to a statement that only newer ones know. */
const SYNTAX_ERROR = 62;

/** Tables whose rows expire, by the column that says when Docket received them. */
const EXPIRING: readonly (readonly [table: string, column: string])[] = [
  ['otel_traces', 'toDateTime(ReceivedAt)'],
  ['otel_traces_trace_id_ts', 'toDateTime(ReceivedTo)'],
  ['otel_logs', 'toDateTime(ReceivedAt)'],
  ['otel_metrics_gauge', 'toDateTime(ReceivedAt)'],
  ['otel_metrics_sum', 'toDateTime(ReceivedAt)'],
  ['otel_metrics_histogram', 'toDateTime(ReceivedAt)'],
  ['otel_metrics_exp_histogram', 'toDateTime(ReceivedAt)'],
  ['otel_metrics_summary', 'toDateTime(ReceivedAt)'],
  // What was redacted in evidence stays with the evidence; these tell of telemetry and go with it.
  ['redaction_receipts', 'toDateTime(ReceivedAt)'],
  ['unloadable_items', 'toDateTime(ReceivedAt)'],
];

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
  /** A server too old to know its statement goes without; it is asked again at the next start. */
  readonly optional: boolean;
}

/** The numbered migrations that ship with this version, in order. */
export function readMigrations(folder: string = join(import.meta.dirname, 'sql')): readonly Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const sql = readFileSync(join(folder, file), 'utf8');
      return {
        number: Number(file.slice(0, 3)),
        name: file.slice(4, -'.sql'.length),
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
        optional: sql.startsWith(OPTIONAL),
      };
    });
}

/**
 * Brings the database to this version's schema. Idempotent; safe to run again after a crash between any two steps. Throws
 * when a migration that ran before has since been changed, or when the database is newer than this Docket.
 */
export async function migrate(
  database: Database,
  retentionSeconds: number,
  migrations: readonly Migration[] = readMigrations(),
): Promise<number> {
  await database.command(
    'record',
    `CREATE TABLE IF NOT EXISTS docket_migrations
(number UInt32, name String, checksum String, applied_at DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY number`,
  );
  const rows = await database.select<{ number: number; checksum: string }>(
    'SELECT number, any(checksum) AS checksum FROM docket_migrations GROUP BY number ORDER BY number LIMIT 10000',
  );
  const applied = new Map(rows.map((row) => [row.number, row.checksum]));
  const known = new Set(migrations.map((each) => each.number));
  for (const number of applied.keys()) {
    if (!known.has(number)) {
      throw new Error(`the database has migration ${number}, which this version does not know: use a newer Docket`);
    }
  }
  let ran = 0;
  for (const migration of migrations) {
    const before = applied.get(migration.number);
    if (before === migration.checksum) continue;
    if (before !== undefined) {
      throw new Error(
        `migration ${migration.number} ${migration.name} was changed after it ran: the database is not this version's`,
      );
    }
    try {
      await database.command('record', migration.sql);
    } catch (error) {
      if (migration.optional && error instanceof EngineError && error.code === SYNTAX_ERROR) continue;
      throw error;
    }
    await database.command(
      'record',
      'INSERT INTO docket_migrations (number, name, checksum) VALUES ({number:UInt32}, {name:String}, {checksum:String})',
      { number: migration.number, name: migration.name, checksum: migration.checksum },
    );
    ran += 1;
  }
  await applyRetention(database, retentionSeconds);
  return ran;
}

/** Sets the TTL of the telemetry tables where it is not the configured one yet. Whole parts are dropped, none rewritten. */
async function applyRetention(database: Database, retentionSeconds: number): Promise<void> {
  if (!Number.isSafeInteger(retentionSeconds) || retentionSeconds <= 0)
    throw new RangeError('retention must be seconds');
  const tables = await database.select<{ name: string; definition: string }>(
    `SELECT name, create_table_query AS definition FROM system.tables WHERE database = currentDatabase() LIMIT 1000`,
  );
  const definitions = new Map(tables.map((row) => [row.name, row.definition]));
  for (const [table, column] of EXPIRING) {
    // ClickHouse prints `INTERVAL n SECOND` as `toIntervalSecond(n)`.
    if (definitions.get(table)?.includes(`TTL ${column} + toIntervalSecond(${retentionSeconds})`)) continue;
    await database.command(
      'record',
      // A plain number, for a bound one would show as a conversion in the definition looked at above.
      `ALTER TABLE ${table} MODIFY TTL ${column} + toIntervalSecond(${retentionSeconds}) SETTINGS materialize_ttl_after_modify = 0`,
    );
  }
}
