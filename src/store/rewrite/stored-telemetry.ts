import type { SpooledFrame } from '../../pipeline/frame.ts';
import { eraseTelemetryAgain } from '../content-eraser.ts';
import type { Database } from '../database.ts';
import { EngineError } from '../engine-error.ts';
import type { SqlParameters } from '../literal.ts';
import { receiptBlock } from '../native/receipts.ts';
import type { StoredRow, TelemetryTableShape } from './telemetry-table.ts';

/** Rows of one tenant that another policy than `policyVersion` let in, received from `from` to `to` (nanoseconds). */
export interface OlderRows {
  readonly tenant: string;
  readonly policyVersion: string;
  readonly from: bigint;
  readonly to: bigint;
}

/** Rows received after one instant and up to another: whole requests, never a part of one. */
export interface RowChunk {
  readonly rows: readonly StoredRow[];
  /** Nanoseconds: all older rows received up to here have been given. */
  readonly end: bigint;
}

/**
 * Reads stored telemetry a chunk at a time and puts other rows in its place. New rows of a partition are staged in a table
 * of their own; then the old ones are removed and the staged ones moved in, so that nothing is ever there twice and a
 * process that dies in between finds all of it again: `replace` may be called again with the same effect.
 */
export interface StoredTelemetry {
  /** Older rows of the table, or of one partition of it. */
  count(table: TelemetryTableShape, older: OlderRows, partition?: string): Promise<number>;
  /** Ids of the partitions (days of receipt) with older rows, oldest first. */
  partitions(table: TelemetryTableShape, older: OlderRows): Promise<readonly string[]>;
  /** The next older rows of the partition received after `after`; undefined when there are none. */
  chunk(table: TelemetryTableShape, partition: string, older: OlderRows, after: bigint): Promise<RowChunk | undefined>;
  /** Durable when it resolves; the same `token` again has no effect. */
  stage(table: TelemetryTableShape, rows: readonly StoredRow[], token: string): Promise<void>;
  /** What was redacted in the frames; the same `token` again has no effect. */
  addReceipts(frames: readonly SpooledFrame[], token: string): Promise<void>;
  /** Removes the older rows of the partition and moves the staged rows in, without what was erased meanwhile. */
  replace(table: TelemetryTableShape, partition: string, older: OlderRows): Promise<void>;
  /** Those of the ids (at most 10,000) that spans of the tenant have as their trace. */
  knownTraces(tenant: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Forgets what is staged. */
  discard(table: TelemetryTableShape): Promise<void>;
}

const ROWS_PER_CHUNK = 2_000;
/** Answers larger than this make the next chunk smaller, answers smaller than half of it larger. */
const CHUNK_BYTES = 16 * 1024 * 1024;
const PARTITIONS_MAX = 10_000;
const TRACES_MAX = 10_000;
const READ_SECONDS_MAX = 300;
/** An erasure that began so long before an application may still have been under way when the application read. */
const ERASING_NANOSECONDS = 3_600_000_000_000n;

const OLDER = `Tenant = {tenant:String} AND PolicyVersion != {policyVersion:String}
AND ReceivedAt >= fromUnixTimestamp64Nano({from:Int64}) AND ReceivedAt <= fromUnixTimestamp64Nano({to:Int64})`;

export function createStoredTelemetry(database: Database): StoredTelemetry {
  let rowsPerChunk = ROWS_PER_CHUNK;

  const olderParameters = ({ tenant, policyVersion, from, to }: OlderRows): SqlParameters => ({
    tenant,
    policyVersion,
    from,
    to,
  });

  async function endOfChunk(
    table: TelemetryTableShape,
    partition: string,
    older: OlderRows,
  ): Promise<bigint | undefined> {
    const rows = await database.select<{ at: string }>(
      `SELECT toString(max(at)) AS at FROM (
SELECT toUnixTimestamp64Nano(ReceivedAt) AS at FROM ${table.name}
WHERE _partition_id = {partition:String} AND ${OLDER} ORDER BY ReceivedAt LIMIT {limit:UInt32}
) HAVING count() > 0`,
      { partition, limit: rowsPerChunk, ...olderParameters(older) },
      READ_SECONDS_MAX,
    );
    const at = rows[0]?.at;
    return at === undefined ? undefined : BigInt(at);
  }

  async function read(table: TelemetryTableShape, partition: string, older: OlderRows): Promise<readonly StoredRow[]> {
    return database.selectRows(
      `SELECT * FROM ${table.name}
WHERE _partition_id = {partition:String} AND ${OLDER} ORDER BY ReceivedAt`,
      { partition, ...olderParameters(older) },
      READ_SECONDS_MAX,
    );
  }

  const stagingOf = (table: TelemetryTableShape): string => `reapplied_${table.name}`;

  return {
    async count(table, older, partition) {
      const rows = await database.select<{ rows: string }>(
        `SELECT toString(count()) AS rows FROM ${table.name}
WHERE ${partition === undefined ? '' : '_partition_id = {partition:String} AND '}${OLDER}`,
        { ...olderParameters(older), ...(partition === undefined ? {} : { partition }) },
        READ_SECONDS_MAX,
      );
      return Number(rows[0]?.rows ?? 0);
    },
    async partitions(table, older) {
      const rows = await database.select<{ partition: string }>(
        `SELECT DISTINCT _partition_id AS partition FROM ${table.name} WHERE ${OLDER}
ORDER BY partition LIMIT ${PARTITIONS_MAX}`,
        olderParameters(older),
        READ_SECONDS_MAX,
      );
      return rows.map((row) => row.partition);
    },
    async chunk(table, partition, older, after) {
      const behind = { ...older, from: after < older.from ? older.from : after + 1n };
      for (;;) {
        const end = await endOfChunk(table, partition, behind);
        if (end === undefined) return undefined;
        try {
          const rows = await read(table, partition, { ...behind, to: end });
          const bytes = rows.reduce((sum, row) => sum + JSON.stringify(row).length, 0);
          if (bytes > CHUNK_BYTES) rowsPerChunk = Math.max(1, Math.ceil(rowsPerChunk / 2));
          else if (bytes < CHUNK_BYTES / 2) rowsPerChunk = Math.min(ROWS_PER_CHUNK, rowsPerChunk * 2);
          return { rows, end };
        } catch (error) {
          // Rows of megabytes: fewer at a time, down to one request.
          if (!(error instanceof EngineError) || rowsPerChunk === 1) throw error;
          rowsPerChunk = Math.max(1, Math.floor(rowsPerChunk / 8));
        }
      }
    },
    async stage(table, rows, token) {
      if (rows.length === 0) return;
      await database.command('telemetry', `CREATE TABLE IF NOT EXISTS ${stagingOf(table)} AS ${table.name}`);
      await database.insertRows('telemetry', stagingOf(table), rows, token);
    },
    async addReceipts(frames, token) {
      const block = receiptBlock(frames);
      if (block.rows > 0) await database.insert('telemetry', 'redaction_receipts', block, token);
    },
    async replace(table, partition, older) {
      if (!/^[0-9a-zA-Z]{1,64}$/.test(partition)) throw new TypeError('a partition id is letters and digits');
      await database.command(
        'telemetry',
        `ALTER TABLE ${table.name} DELETE IN PARTITION ID '${partition}' WHERE ${OLDER} SETTINGS mutations_sync = 2`,
        olderParameters(older),
      );
      await database.command('telemetry', `CREATE TABLE IF NOT EXISTS ${stagingOf(table)} AS ${table.name}`);
      await database.command(
        'telemetry',
        `ALTER TABLE ${stagingOf(table)} MOVE PARTITION ID '${partition}' TO TABLE ${table.name}`,
      );
      // Rows that were staged before somebody had their content erased still had it.
      if (table.kind !== 'point') await eraseTelemetryAgain(database, older.tenant, older.to - ERASING_NANOSECONDS);
    },
    async knownTraces(tenant, ids) {
      if (ids.length === 0) return new Set();
      if (ids.length > TRACES_MAX) throw new RangeError(`at most ${TRACES_MAX} trace ids`);
      const rows = await database.select<{ id: string }>(
        `SELECT DISTINCT TraceId AS id FROM otel_traces_trace_id_ts
WHERE TraceId IN {ids:Array(String)} AND Tenant = {tenant:String}`,
        { tenant, ids },
        READ_SECONDS_MAX,
      );
      return new Set(rows.map((row) => row.id));
    },
    discard: (table) => database.command('telemetry', `DROP TABLE IF EXISTS ${stagingOf(table)} SYNC`),
  };
}
