import type { Entry } from '../record/entry.ts';
import type { AppendResult, RecordLog } from '../record/record-log.ts';
import type { Logger } from '../telemetry/logger.ts';
import { appendInTurn, logKey } from './append-queue.ts';
import type { EntryJournal } from './entry-journal.ts';
import type { StoreInstruments } from './instruments.ts';
import type { KnownDamage } from './journal-damage.ts';

/** How long entries may lie in the journal alone. Short enough for SQL beside Docket, long enough to make one part of many. */
const TABLE_DELAY_MILLISECONDS = 100;
const RETRY_MILLISECONDS = 1_000;
/** Beyond this an append waits until the table has caught up: what a start after a crash must read. */
const JOURNAL_BYTES_MAX = 16 * 1024 * 1024;

export interface JournalledRecordLog extends RecordLog {
  /** Resolves when everything appended so far is in the table; throws what keeps it from there. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface JournalledRecordLogOptions {
  /** The log in the table. Nobody but this process writes to it. */
  readonly table: RecordLog;
  readonly journal: EntryJournal;
  /** Where entries go that the table contradicts: kept for whoever changed the table by hand, never emptied here. */
  readonly contradicted: EntryJournal;
  readonly instruments: Pick<StoreInstruments, 'damagedJournalLines'>;
  readonly logger: Logger;
}

/**
 * A record log that answers when the entries are in a local journal, and brings them into the table right after: one sync of
 * one file instead of a part of the table (docs/adr/0005). Reads wait for the table, so nobody sees less than was answered.
 */
export function createJournalledRecordLog(options: JournalledRecordLogOptions): JournalledRecordLog {
  const { table, journal, contradicted, instruments, logger } = options;
  /** Incidents of which the table lacks entries that were answered, also in an earlier process. */
  const damaged = new Set(contradicted.left.appends.flat().map(({ tenant, incident }) => logKey(tenant, incident)));
  if (damaged.size > 0)
    logger.error({ incidents: damaged.size }, 'entries.contradicted holds entries that were answered');
  for (const [file, { left }] of Object.entries({ 'entries.journal': journal, 'entries.contradicted': contradicted }))
    sayDamage(file, left.damage);
  /** Last seq by incident, of those this process appended to: the others the table knows. */
  const heads = new Map<string, number>();
  /** In the journal and not in the table yet, by incident, in seq order. */
  const pending = new Map<string, Entry[]>();
  let journalEnd = 0;
  let timer: NodeJS.Timeout | undefined;
  let moving: Promise<void> | undefined;
  let recovering: Promise<void> | undefined;

  /** Which entry a damaged line held is not known for sure: every incident that it names may lack one that was answered. */
  function sayDamage(file: string, { found, kept, incidents }: KnownDamage): void {
    instruments.damagedJournalLines.add(found.length);
    for (const { tenant, incident } of incidents) damaged.add(logKey(tenant, incident));
    for (const { line, offset, bytes } of found) {
      logger.error(
        { file, line, offset, bytes: bytes.length },
        `a line was damaged on disk and is set aside in ${file}.damaged; what follows it is kept`,
      );
    }
    if (kept > 0) {
      logger.error({ lines: kept, incidents: incidents.length }, `${file}.damaged holds entries that were answered`);
    }
  }

  /** Before the first use: what the last process left in the journal goes into the table. */
  function recovered(): Promise<void> {
    recovering ??= recover().catch((error: unknown) => {
      recovering = undefined;
      throw error;
    });
    return recovering;
  }

  async function recover(): Promise<void> {
    const { appends, tornBytes } = journal.left;
    if (journal.bytes === 0 && tornBytes === 0) return;
    const left = new Map<string, Entry[]>();
    for (const entry of appends.flat()) {
      const key = logKey(entry.tenant, entry.incident);
      left.set(key, [...(left.get(key) ?? []), entry]);
    }
    for (const entries of left.values()) {
      // Where a damaged line left a hole, the table may have what was in it: if not, what is behind it has no place there.
      for (const run of withoutHoles(entries)) await moveInto(run);
    }
    await journal.discard(journal.bytes);
    logger.info({ appends: appends.length, tornBytes }, 'what the journal of entries held is in the table');
  }

  /** Brings entries into the table, some of which may be there already: from a move whose answer was lost, or before a crash. */
  async function moveInto(entries: readonly Entry[]): Promise<void> {
    const [first] = entries;
    if (first === undefined || (await table.append(entries)).kind === 'appended') return;
    const stored = await table.read(first.tenant, first.incident, first.seq - 1);
    const same = stored.every((entry, index) => entry.hash === entries[index]?.hash);
    const rest = entries.slice(stored.length);
    if (!same || stored.length === 0 || (await table.append(rest)).kind !== 'appended') await setAside(entries, first);
  }

  /**
   * The table was changed by hand, or restored without its journal: its entries stand, the others are kept in a file, and
   * the incident is not verified any more. One incident's trouble holds up no other.
   */
  async function setAside(entries: readonly Entry[], { tenant, incident, seq }: Entry): Promise<void> {
    await contradicted.write(entries);
    damaged.add(logKey(tenant, incident));
    heads.delete(logKey(tenant, incident));
    logger.error(
      { tenant, incident, seq, entries: entries.length },
      'the table contradicts entries that were answered; they are kept in entries.contradicted',
    );
  }

  /** Moves what is pending now; one move at a time. */
  function move(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    moving ??= moveAll().finally(() => {
      moving = undefined;
    });
    return moving;
  }

  async function moveAll(): Promise<void> {
    const end = journalEnd;
    // Of this moment: a reader waits for what was there when it came, not for what still comes.
    const keys = [...pending.keys()];
    try {
      for (const key of keys) {
        const taken = pending.get(key) ?? [];
        await moveInto(taken);
        const rest = (pending.get(key) ?? []).slice(taken.length);
        if (rest.length === 0) pending.delete(key);
        else pending.set(key, rest);
      }
      if (pending.size === 0) await journal.discard(end);
      else moveIn(TABLE_DELAY_MILLISECONDS);
    } catch (error) {
      logger.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'entries wait in their journal');
      moveIn(RETRY_MILLISECONDS);
      throw error;
    }
  }

  function moveIn(milliseconds: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      // Said where it failed, and tried again from there.
      move().catch(() => undefined);
    }, milliseconds);
  }

  async function settled(): Promise<void> {
    await recovered();
    // A move under way may have begun before the last append.
    await moving?.catch(() => undefined);
    if (pending.size > 0) await move();
  }

  async function append(entries: readonly Entry[], first: Entry, last: Entry): Promise<AppendResult> {
    await recovered();
    const key = logKey(first.tenant, first.incident);
    const head = heads.get(key);
    if (head === undefined || first.seq <= head) {
      // The table says where a log ends that is new here, and whether entries sent again are the same.
      await settled();
      const result = await table.append(entries);
      if (result.kind === 'appended' && (head === undefined || last.seq > head)) heads.set(key, last.seq);
      return result;
    }
    if (first.seq !== head + 1) return { kind: 'conflict' };
    if (journal.bytes > JOURNAL_BYTES_MAX) await settled();
    journalEnd = Math.max(journalEnd, await journal.write(entries));
    heads.set(key, last.seq);
    pending.set(key, [...(pending.get(key) ?? []), ...entries]);
    moveIn(TABLE_DELAY_MILLISECONDS);
    return { kind: 'appended' };
  }

  return {
    append: appendInTurn(append),
    async read(tenant, incidentId, afterSeq) {
      await settled();
      return table.read(tenant, incidentId, afterSeq);
    },
    async heads() {
      await settled();
      return table.heads();
    },
    async outlines(types) {
      await settled();
      return (await table.outlines?.(types)) ?? [];
    },
    isDamaged: (tenant, incidentId) => damaged.has(logKey(tenant, incidentId)),
    settled,
    async close() {
      clearTimeout(timer);
      // What cannot go into the table now goes there at the next start.
      await settled().catch(() => undefined);
      clearTimeout(timer);
      await Promise.all([journal.close(), contradicted.close()]);
    },
  };
}

function withoutHoles(entries: readonly Entry[]): Entry[][] {
  const runs: Entry[][] = [];
  for (const entry of entries) {
    const run = runs.at(-1);
    if (run?.at(-1)?.seq === entry.seq - 1) run.push(entry);
    else runs.push([entry]);
  }
  return runs;
}
