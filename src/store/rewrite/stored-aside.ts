import type { Signal } from '../../otlp/signal.ts';
import type { Database } from '../database.ts';
import type { OlderRows } from './stored-telemetry.ts';

/** A frame that no table took, as it lies in `unloadable_items`. */
export interface AsideFrame {
  readonly signal: Signal;
  readonly table: string;
  readonly frameHash: string;
  readonly item: number;
  readonly items: number;
  readonly policyVersion: string;
  readonly bytes: Buffer;
}

/** Frames set aside under another policy, and the places that receipts name. */
export interface StoredAside {
  /** The next frame; undefined when there are no more. */
  nextFrame(older: OlderRows): Promise<AsideFrame | undefined>;
  /** Puts `bytes` in the frame's place. */
  replaceFrame(older: OlderRows, frame: AsideFrame, bytes: Uint8Array): Promise<void>;
  /** The places that receipts of the tenant name, `after` the one given, in order. */
  paths(older: OlderRows, after: string): Promise<readonly string[]>;
  /** Receipts that name `path` name `clean` from now on. */
  renamePath(older: OlderRows, path: string, clean: string): Promise<void>;
}

const PATHS_PER_CHUNK = 5_000;

const WITHIN = `Tenant = {tenant:String}
AND ReceivedAt >= fromUnixTimestamp64Nano({from:Int64}) AND ReceivedAt <= fromUnixTimestamp64Nano({to:Int64})`;

export function createStoredAside(database: Database): StoredAside {
  return {
    async nextFrame({ tenant, policyVersion, from, to }) {
      const rows = await database.select<Omit<AsideFrame, 'bytes'> & { readonly frame: string }>(
        `SELECT Signal AS signal, TargetTable AS table, FrameHash AS frameHash, Item AS item, Items AS items,
PolicyVersion AS policyVersion, base64Encode(Frame) AS frame FROM unloadable_items
WHERE ${WITHIN} AND PolicyVersion != {policyVersion:String} LIMIT 1`,
        { tenant, policyVersion, from, to },
      );
      const [row] = rows;
      if (row === undefined) return undefined;
      const { frame, ...rest } = row;
      return { ...rest, bytes: Buffer.from(frame, 'base64') };
    },
    async replaceFrame({ tenant, policyVersion, from, to }, frame, bytes) {
      const which = {
        tenant,
        from,
        to,
        before: frame.policyVersion,
        table: frame.table,
        hash: frame.frameHash,
        item: frame.item,
      };
      const same = `${WITHIN} AND PolicyVersion = {before:String} AND TargetTable = {table:String}
AND FrameHash = {hash:String} AND Item = {item:UInt32}`;
      await database.command(
        'telemetry',
        // Chosen in a query of its own, where the names are still the columns'.
        `INSERT INTO unloadable_items SELECT * REPLACE({after:String} AS PolicyVersion, base64Decode({frame:String}) AS Frame)
FROM (SELECT * FROM unloadable_items WHERE ${same} LIMIT 1)
SETTINGS insert_deduplication_token = {token:String}, deduplicate_insert_select = 'force_enable'`,
        {
          ...which,
          after: policyVersion,
          frame: Buffer.from(bytes).toString('base64'),
          // Of this application: when the policy before it comes back, what was inserted under it before is not what is inserted now.
          token: `${policyVersion} ${to} ${frame.table} ${frame.frameHash} ${frame.item}`,
        },
      );
      await database.command(
        'telemetry',
        `ALTER TABLE unloadable_items DELETE WHERE ${same} SETTINGS mutations_sync = 2`,
        which,
      );
    },
    async paths({ tenant, from, to }, after) {
      const rows = await database.select<{ path: string }>(
        `SELECT DISTINCT Path AS path FROM redaction_receipts WHERE ${WITHIN} AND Path > {after:String}
ORDER BY path LIMIT ${PATHS_PER_CHUNK}`,
        { tenant, from, to, after },
      );
      return rows.map((row) => row.path);
    },
    async renamePath({ tenant, from, to }, path, clean) {
      // Path is part of the sorting key, which cannot be updated in place.
      await database.command(
        'telemetry',
        `INSERT INTO redaction_receipts SELECT * REPLACE({clean:String} AS Path)
FROM (SELECT * FROM redaction_receipts WHERE ${WITHIN} AND Path = {path:String})
SETTINGS insert_deduplication_token = {token:String}, deduplicate_insert_select = 'force_enable'`,
        { tenant, from, to, path, clean, token: `${tenant} ${from} ${to} ${path}` },
      );
      await database.command(
        'telemetry',
        `ALTER TABLE redaction_receipts DELETE WHERE ${WITHIN} AND Path = {path:String} SETTINGS mutations_sync = 2`,
        { tenant, from, to, path },
      );
    },
  };
}
