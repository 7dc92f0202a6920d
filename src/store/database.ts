import type { SqlParameters } from './literal.ts';
import type { NativeBlock } from './native/column.ts';
import type { StoredRow } from './rewrite/telemetry-table.ts';

/** Who a statement is for. Each purpose has its own connection, so that bulk loading never holds up an append or a read. */
export type Purpose = 'telemetry' | 'evidence' | 'record';

/**
 * What a read may wait for. Somebody waits for a `foreground` read: a person, an agent, evidence on its way. `background` reads
 * (comparing an incident with the hours before it, a policy that is applied) take seconds, run one after another, and no other
 * read waits for them.
 */
export type Lane = 'foreground' | 'background';

/** What the store needs of ClickHouse, embedded or served. Every method throws EngineError only. */
export interface Database {
  /** `embedded` runs in this process; `server` is reached over HTTP. */
  readonly kind: 'embedded' | 'server';
  /** Rows of a SELECT; the statement must bound its own result. Aborted by the engine after `secondsMax`. */
  select<Row>(sql: string, parameters?: SqlParameters, secondsMax?: number, lane?: Lane): Promise<Row[]>;
  /**
   * Whole rows, read in the background, as `insertRows` takes them back: 64-bit numbers and floats as text, times in UTC. The
   * statement must bound its own result, and holds no settings.
   */
  selectRows(sql: string, parameters: SqlParameters, secondsMax: number): Promise<StoredRow[]>;
  /** A statement without a result. Statements of one purpose run in order. */
  command(purpose: Purpose, sql: string, parameters?: SqlParameters): Promise<void>;
  /**
   * Inserts one block, atomically when its rows lie in one partition. A second insert with the same token into the same
   * table has no effect, also when its rows differ: the token must be a hash of what is inserted.
   */
  insert(purpose: Purpose, table: string, block: NativeBlock, token: string): Promise<void>;
  /** Inserts rows that `selectRows` gave. The token is as for `insert`. */
  insertRows(purpose: Purpose, table: string, rows: readonly StoredRow[], token: string): Promise<void>;
  close(): Promise<void>;
}

/** The same database, all of whose reads run in the background. */
export function inBackground(database: Database): Database {
  return {
    ...database,
    select: (sql, parameters, secondsMax) => database.select(sql, parameters, secondsMax, 'background'),
  };
}
