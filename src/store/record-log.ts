import { createHash } from 'node:crypto';
import type { Entry } from '../record/entry.ts';
import type { AppendResult, RecordHead, RecordLog } from '../record/record-log.ts';
import { appendInTurn, logKey } from './append-queue.ts';
import { canonicalEntry } from './canonical-entry.ts';
import type { Database } from './database.ts';
import { FlatColumn, type NativeBlock } from './native/column.ts';
import type { Claim, RecordClaims } from './record-claims.ts';
import { readOutlines } from './record-outline.ts';

const PAGE = 5_000;

/**
 * The record's entries in `record_entries`. Exactly one writer wins a (incident, seq): appends of one incident run one after
 * another in this process, the embedded engine belongs to one process, and on a server every append is claimed in a Keeper
 * first (docs/adr/0004). On a server without a Keeper one Docket per database is assumed.
 */
export function createRecordLog(database: Database, claims: RecordClaims): RecordLog {
  /** Last stored seq by tenant and incident. Trusted only where nobody else can write. */
  const heads = new Map<string, number>();

  async function head(tenant: string, incident: string): Promise<number> {
    const key = logKey(tenant, incident);
    const known = heads.get(key);
    if (known !== undefined && database.kind === 'embedded') return known;
    const rows = await database.select<{ seq: string }>(
      `SELECT toString(max(seq)) AS seq FROM record_entries WHERE tenant = {tenant:String} AND incident = {incident:String}`,
      { tenant, incident },
    );
    const seq = Number(rows[0]?.seq ?? 0);
    heads.set(key, seq);
    return seq;
  }

  async function read(tenant: string, incident: string, afterSeq: number): Promise<Entry[]> {
    const entries: Entry[] = [];
    let after = afterSeq;
    for (;;) {
      const rows = await database.select<{ seq: string; entry: string }>(
        `SELECT toString(seq) AS seq, entry FROM record_entries
WHERE tenant = {tenant:String} AND incident = {incident:String} AND record_entries.seq > {after:UInt64}
ORDER BY record_entries.seq LIMIT ${PAGE}`,
        { tenant, incident, after },
      );
      for (const row of rows) {
        const seq = Number(row.seq);
        if (seq !== after + 1) throw new Error(`record log of incident has seq ${seq} after ${after}`);
        entries.push(JSON.parse(row.entry) as Entry);
        after = seq;
      }
      if (rows.length < PAGE) return entries;
    }
  }

  async function append(entries: readonly Entry[], first: Entry, last: Entry): Promise<AppendResult> {
    const { tenant, incident } = first;
    const texts = entries.map(canonicalEntry);
    let stored = await head(tenant, incident);
    if (claims.shared && first.seq > stored) {
      // A writer that died between claim and insert left its entries behind: they come first.
      const left = await claims.find(tenant, incident, stored + 1);
      if (left !== undefined) {
        await finish(left);
        stored = await head(tenant, incident);
      }
    }
    if (first.seq <= stored) {
      // A retry after an answer that was lost: the same entries are there already.
      const there = (await read(tenant, incident, first.seq - 1)).slice(0, entries.length).map(canonicalEntry);
      const same = there.length === texts.length && there.every((text, index) => text === texts[index]);
      return same ? { kind: 'appended' } : { kind: 'conflict' };
    }
    if (first.seq !== stored + 1) return { kind: 'conflict' };
    const appendId = contentToken(texts);
    if (claims.shared) {
      const holder = await claims.claim(tenant, incident, first.seq, appendId, texts);
      if (holder.appendId !== appendId) {
        await finish(holder);
        return { kind: 'conflict' };
      }
    }
    try {
      await database.insert('record', 'record_entries', entryBlock(entries, texts), appendId);
    } catch (error) {
      // Whether the entries are stored is unknown now: ask again next time.
      heads.delete(logKey(tenant, incident));
      throw error;
    }
    heads.set(logKey(tenant, incident), last.seq);
    return { kind: 'appended' };
  }

  /** Stores a claimed append. Its token follows from its entries, so it is stored once, however many finish it. */
  async function finish(claim: Claim): Promise<void> {
    const texts = await claim.texts();
    const entries = texts.map((text) => JSON.parse(text) as Entry);
    await database.insert('record', 'record_entries', entryBlock(entries, texts), claim.appendId);
  }

  return {
    append: appendInTurn(append),
    read(tenant, incidentId, afterSeq = 0) {
      return read(tenant, incidentId, afterSeq);
    },
    outlines: (types) => readOutlines(database, types),
    async heads() {
      const all: RecordHead[] = [];
      let after: { tenant: string; incident: string } = { tenant: '', incident: '' };
      for (;;) {
        const rows = await database.select<{ tenant: string; incident: string; seq: string }>(
          `SELECT tenant, incident, toString(max(seq)) AS seq FROM record_entries
WHERE (tenant, incident) > ({tenant:String}, {incident:String})
GROUP BY tenant, incident ORDER BY tenant, incident LIMIT ${PAGE}`,
          after,
        );
        for (const row of rows) {
          const seq = Number(row.seq);
          all.push({ tenant: row.tenant, incident: row.incident, seq });
          after = { tenant: row.tenant, incident: row.incident };
        }
        if (rows.length < PAGE) return all;
      }
    },
  };
}

/** Same entries, same token: a redelivered append of what is stored is dropped by the engine. */
function contentToken(texts: readonly string[]): string {
  const hash = createHash('sha256').update('record_entries\n');
  for (const text of texts) hash.update(text).update('\n');
  return hash.digest('hex');
}

function entryBlock(entries: readonly Entry[], texts: readonly string[]): NativeBlock {
  const tenant = new FlatColumn('tenant', 'String');
  const incident = new FlatColumn('incident', 'String');
  const seq = new FlatColumn('seq', 'UInt64');
  const entryId = new FlatColumn('entry_id', 'String');
  const type = new FlatColumn('type', 'String');
  const actorKind = new FlatColumn('actor_kind', 'String');
  const actorName = new FlatColumn('actor_name', 'String');
  const occurredAt = new FlatColumn('occurred_at', 'String');
  const recordedAt = new FlatColumn('recorded_at', 'String');
  const hash = new FlatColumn('hash', 'String');
  const entryText = new FlatColumn('entry', 'String');
  entries.forEach((entry, index) => {
    tenant.text(entry.tenant);
    incident.text(entry.incident);
    seq.bigint64(BigInt(entry.seq));
    entryId.text(entry.entryId);
    type.text(entry.type);
    actorKind.text(entry.actor.kind);
    actorName.text(entry.actor.name);
    occurredAt.text(entry.occurredAt);
    recordedAt.text(entry.recordedAt);
    hash.text(entry.hash);
    entryText.text(texts[index] ?? '');
  });
  return {
    rows: entries.length,
    columns: [tenant, incident, seq, entryId, type, actorKind, actorName, occurredAt, recordedAt, hash, entryText],
  };
}
