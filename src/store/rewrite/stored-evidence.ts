import type { EvidenceRow } from '../../record/evidence.ts';
import type { Database } from '../database.ts';
import { EVIDENCE_COLUMNS, toEvidenceRow, type StoredEvidence as StoredRow } from '../evidence-row.ts';
import type { OlderRows } from './stored-telemetry.ts';

/** Where the next chunk begins. */
export interface EvidenceKey {
  readonly incident: string;
  readonly id: string;
}

/** Evidence rows that another policy let in. New copies go through the evidence log, which replaces rows by their id. */
export interface StoredEvidence {
  count(older: OlderRows): Promise<number>;
  /** The next rows in the order of incident and id, of every incident and unfiled; empty when there are no more. */
  chunk(older: OlderRows, after: EvidenceKey): Promise<readonly EvidenceRow[]>;
  /** Removes from the disk older copies of rows that have a copy under the policy now. */
  removeReplaced(older: OlderRows): Promise<void>;
}

const ROWS_PER_CHUNK = 100;

const OLDER = `tenant = {tenant:String} AND policy_version != {policyVersion:String} AND is_deleted = 0
AND received_at >= fromUnixTimestamp64Nano({from:Int64}) AND received_at <= fromUnixTimestamp64Nano({to:Int64})`;

export function createStoredEvidence(database: Database): StoredEvidence {
  return {
    async count({ tenant, policyVersion, from, to }) {
      const rows = await database.select<{ rows: string }>(
        `SELECT toString(count()) AS rows FROM evidence FINAL WHERE ${OLDER}`,
        { tenant, policyVersion, from, to },
      );
      return Number(rows[0]?.rows ?? 0);
    },
    async chunk({ tenant, policyVersion, from, to }, after) {
      const rows = await database.select<StoredRow>(
        `SELECT ${EVIDENCE_COLUMNS} FROM evidence FINAL
WHERE ${OLDER} AND (incident, id) > ({incident:String}, {id:String})
ORDER BY incident, id LIMIT ${ROWS_PER_CHUNK}`,
        { tenant, policyVersion, from, to, ...after },
      );
      return rows.map(toEvidenceRow);
    },
    async removeReplaced({ tenant, policyVersion, from, to }) {
      await database.command(
        'evidence',
        // Tombstones stay: they hold no content, and keep a redelivery from bringing a row back.
        `ALTER TABLE evidence DELETE WHERE ${OLDER} AND (incident, id) IN (
SELECT incident, id FROM evidence WHERE tenant = {tenant:String} AND policy_version = {policyVersion:String})
SETTINGS mutations_sync = 2`,
        { tenant, policyVersion, from, to },
      );
    },
  };
}
