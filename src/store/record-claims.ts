import type { Database } from './database.ts';
import { EngineError } from './engine-error.ts';
import { ArrayColumn, FlatColumn, type NativeBlock } from './native/column.ts';

/** KEEPER_EXCEPTION: what a strict insert of a key that is there already ends with, and also any trouble with the Keeper. */
const KEEPER_EXCEPTION = 999;

/** BAD_ARGUMENTS: the server has no `keeper_map_path_prefix`. */
const BAD_ARGUMENTS = 36;

/** How long a claimed append can be finished by somebody else. */
const PENDING_DAYS = 30;

/** Who may append at a seq when several Docket processes write to one ClickHouse server. */
export interface RecordClaims {
  /**
   * Finds out whether the server has a Keeper for KeeperMap tables and makes the tables. False: there is none, so only one
   * Docket may write.
   */
  prepare(): Promise<boolean>;
  /** True once `prepare` found a Keeper. */
  readonly shared: boolean;
  /**
   * Claims the append that begins at `seq`. `texts` are kept first, so that whoever comes later can finish the append when
   * this process dies now. Resolves to the claim that holds, this one or an earlier one of somebody else.
   */
  claim(tenant: string, incident: string, seq: number, appendId: string, texts: readonly string[]): Promise<Claim>;
  /** The claim of the append that begins at `seq`, if any. */
  find(tenant: string, incident: string, seq: number): Promise<Claim | undefined>;
}

export interface Claim {
  readonly appendId: string;
  /** Canonical entries. */
  texts(): Promise<readonly string[]>;
}

/**
 * Claims in a KeeperMap table: a strict insert of a key either creates it or fails, whoever else tries at the same time. The
 * entries themselves may be larger than a Keeper's node and wait in `record_pending`.
 */
export function createRecordClaims(database: Database): RecordClaims {
  let shared = false;

  async function find(tenant: string, incident: string, seq: number): Promise<Claim | undefined> {
    const rows = await database.select<{ append_id: string }>(
      'SELECT append_id FROM record_claims WHERE key = {key:String} LIMIT 1',
      { key: claimKey(tenant, incident, seq) },
    );
    const appendId = rows[0]?.append_id;
    if (appendId === undefined) return undefined;
    return { appendId, texts: () => pending(appendId) };
  }

  async function pending(appendId: string): Promise<readonly string[]> {
    const rows = await database.select<{ entries: readonly string[] }>(
      'SELECT entries FROM record_pending WHERE append_id = {appendId:String} LIMIT 1',
      { appendId },
    );
    const entries = rows[0]?.entries;
    if (entries === undefined) throw new EngineError(null, 'a claimed append is no longer there', 'retryable');
    return entries;
  }

  return {
    get shared() {
      return shared;
    },
    async prepare() {
      if (database.kind === 'embedded') return false;
      const named = await database.select<{ name: string }>('SELECT currentDatabase() AS name');
      try {
        await database.command(
          'record',
          `CREATE TABLE IF NOT EXISTS record_claims (key String, append_id String)
  ENGINE = KeeperMap({path:String}) PRIMARY KEY key`,
          { path: `/docket/${encodeURIComponent(named[0]?.name ?? 'default')}/record_claims` },
        );
      } catch (error) {
        // No setting tells; the server says so when the first such table is made. Any other trouble must not pass for "none".
        if (error instanceof EngineError && error.code === BAD_ARGUMENTS) return false;
        throw error;
      }
      await database.command(
        'record',
        `CREATE TABLE IF NOT EXISTS record_pending (append_id String, entries Array(String) CODEC(ZSTD(1)), at DateTime DEFAULT now())
ENGINE = MergeTree PARTITION BY toDate(at) ORDER BY append_id TTL at + toIntervalDay(${PENDING_DAYS})
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`,
      );
      shared = true;
      return true;
    },
    async claim(tenant, incident, seq, appendId, texts) {
      await database.insert('record', 'record_pending', pendingBlock(appendId, texts), appendId);
      try {
        await database.command(
          'record',
          `INSERT INTO record_claims (key, append_id) SETTINGS keeper_map_strict_mode = 1, async_insert = 0
SELECT {key:String}, {appendId:String}`,
          { key: claimKey(tenant, incident, seq), appendId },
        );
        return { appendId, texts: async () => texts };
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== KEEPER_EXCEPTION) throw error;
        // Taken, or created by this very statement whose answer got lost, or the Keeper is in trouble: what holds is there.
        const held = await find(tenant, incident, seq);
        if (held === undefined) throw error;
        return held;
      }
    },
    find,
  };
}

function claimKey(tenant: string, incident: string, seq: number): string {
  return JSON.stringify([tenant, incident, seq]);
}

function pendingBlock(appendId: string, texts: readonly string[]): NativeBlock {
  const id = new FlatColumn('append_id', 'String');
  id.text(appendId);
  const entries = new ArrayColumn('entries', 'String');
  for (const text of texts) entries.values.text(text);
  entries.offsets.total += texts.length;
  entries.closeRow();
  return { rows: 1, columns: [id, entries] };
}
