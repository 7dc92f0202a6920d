import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMemoryRecordLog, type MemoryRecordLog } from '../../test/support/memory-record-log.ts';
import type { Entry } from '../record/entry.ts';
import type { RecordLog } from '../record/record-log.ts';
import { createLogger } from '../telemetry/logger.ts';
import { openEntryJournal } from './entry-journal.ts';
import { createJournalledRecordLog, type JournalledRecordLog } from './journalled-record-log.ts';

const INCIDENT = 'incident-1';
let directory: string;
let path: string;
let stored: MemoryRecordLog;
let damagedLines: number;
let trouble: 'none' | 'before' | 'after';
const logs: JournalledRecordLog[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'docket-journalled-'));
  path = join(directory, 'entries.journal');
  stored = createMemoryRecordLog();
  trouble = 'none';
  damagedLines = 0;
});

afterEach(async () => {
  trouble = 'none';
  for (const log of logs.splice(0)) await log.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A table that fails on request: before it stored anything, or after it stored all. */
const table: RecordLog = {
  async append(entries) {
    if (trouble === 'before') throw new Error('the engine is busy');
    const result = await stored.append(entries);
    if (trouble === 'after') throw new Error('the answer was lost');
    return result;
  },
  read: (...request) => stored.read(...request),
  heads: () => stored.heads(),
};

function openLog(): JournalledRecordLog {
  const log = createJournalledRecordLog({
    table,
    journal: openEntryJournal(path),
    contradicted: openEntryJournal(`${path}.aside`),
    instruments: { damagedJournalLines: { add: (lines) => (damagedLines += lines) } },
    logger: createLogger('silent'),
  });
  logs.push(log);
  return log;
}

function entry(seq: number, change: Partial<Entry> = {}): Entry {
  return {
    tenant: 'default',
    incident: INCIDENT,
    seq,
    entryId: `entry-${seq}`,
    type: 'gap.open',
    actor: { kind: 'human', name: 'alice', id: null },
    occurredAt: '2026-11-22T12:00:00.000Z',
    recordedAt: '2026-11-22T12:00:01.000Z',
    body: { what: `gap ${seq}` },
    basis: [],
    prevHash: '0'.repeat(64),
    hash: String(seq).padStart(64, '0'),
    ...change,
  };
}

test('an append is answered while the table is away, and read by everybody once it is back', async () => {
  const log = openLog();
  await log.append([entry(1)]);
  trouble = 'before';
  expect(await log.append([entry(2), entry(3)])).toEqual({ kind: 'appended' });
  expect(await log.append([entry(3, { hash: 'f'.repeat(64) }), entry(4)]).catch(() => 'unknown')).toBe('unknown');
  await expect(log.read('default', INCIDENT)).rejects.toThrow('the engine is busy');
  trouble = 'none';
  expect(await log.read('default', INCIDENT)).toEqual([entry(1), entry(2), entry(3)]);
  expect(readFileSync(path).length).toBe(0);
});

test('what was answered before a crash is in the table after the next start, once', async () => {
  const log = openLog();
  await log.append([entry(1)]);
  trouble = 'before';
  await log.append([entry(2)]);
  await log.append([entry(3), entry(4)]);
  // The process ends here: nothing of it is closed.
  trouble = 'none';
  const next = openLog();
  expect(await next.read('default', INCIDENT)).toEqual([1, 2, 3, 4].map((seq) => entry(seq)));
  expect(await next.append([entry(4)])).toEqual({ kind: 'appended' });
  expect(await next.append([entry(5)])).toEqual({ kind: 'appended' });
  expect((await next.heads())[0]?.seq).toBe(5);
});

test('entries whose move was stored without an answer are not stored twice, also with later ones behind them', async () => {
  const log = openLog();
  await log.append([entry(1)]);
  await log.append([entry(2)]);
  trouble = 'after';
  await expect(log.settled()).rejects.toThrow('the answer was lost');
  await log.append([entry(3)]);
  trouble = 'none';
  await log.settled();
  expect(stored.stored('default', INCIDENT)).toEqual([entry(1), entry(2), entry(3)]);
  // And the same where the process ended before it heard.
  await log.append([entry(4)]);
  trouble = 'after';
  await expect(log.settled()).rejects.toThrow('the answer was lost');
  await log.append([entry(5)]);
  trouble = 'none';
  expect((await openLog().read('default', INCIDENT)).map((each) => each.seq)).toEqual([1, 2, 3, 4, 5]);
});

test('entries that the table contradicts are kept aside, mark their incident, and hold up no other', async () => {
  const log = openLog();
  await log.append([entry(1)]);
  await log.append([entry(1, { incident: 'incident-2' })]);
  trouble = 'before';
  await log.append([entry(2)]);
  await log.append([entry(2, { incident: 'incident-2' })]);
  trouble = 'none';
  await stored.append([entry(2, { hash: 'e'.repeat(64) })]);
  const next = openLog();
  expect((await next.read('default', INCIDENT)).map((each) => each.hash)).toEqual([entry(1).hash, 'e'.repeat(64)]);
  expect(await next.read('default', 'incident-2')).toHaveLength(2);
  expect(readFileSync(path)).toHaveLength(0);
  expect(readFileSync(`${path}.aside`, 'utf8')).toContain('entry-2');
  expect(await next.append([entry(3)])).toEqual({ kind: 'appended' });
  for (const each of [next, openLog()]) {
    expect(each.isDamaged?.('default', INCIDENT)).toBe(true);
    expect(each.isDamaged?.('default', 'incident-2')).toBe(false);
  }
});

test('a table that lost what came before the journal keeps nobody waiting', async () => {
  const log = openLog();
  await log.append([entry(1)]);
  trouble = 'before';
  await log.append([entry(2)]);
  trouble = 'none';
  stored.stored('default', INCIDENT).length = 0;
  expect(await log.read('default', INCIDENT)).toEqual([]);
  expect(log.isDamaged?.('default', INCIDENT)).toBe(true);
});

test('writers of one incident and of many get places without gaps while the table is slow', async () => {
  const log = openLog();
  const incidents = ['a', 'b', 'c'];
  await Promise.all(
    incidents.map(async (incident) => {
      for (let seq = 1; seq <= 40; seq += 1) {
        const results = await Promise.all([
          log.append([entry(seq, { incident })]),
          log.append([entry(seq, { incident, entryId: 'other', hash: 'd'.repeat(64) })]),
        ]);
        expect(results).toEqual([{ kind: 'appended' }, { kind: 'conflict' }]);
        if (seq % 10 === 0) expect((await log.read('default', incident)).length).toBe(seq);
      }
    }),
  );
  for (const incident of incidents) {
    expect((await log.read('default', incident)).map((each) => each.seq)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  }
});

/** Changes a byte of what entry `entryId` is in, as a disk does. */
function damage(entryId: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(entryId);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

test('a damaged line costs no other incident an entry, and marks its own', async () => {
  const log = openLog();
  for (const incident of [INCIDENT, 'incident-2']) await log.append([entry(1, { incident })]);
  trouble = 'before';
  for (let seq = 2; seq <= 4; seq += 1) {
    await log.append([entry(seq)]);
    await log.append([entry(seq, { incident: 'incident-2' })]);
  }
  damage('entry-3');
  trouble = 'none';
  const next = openLog();
  expect((await next.read('default', 'incident-2')).map((each) => each.seq)).toEqual([1, 2, 3, 4]);
  expect((await next.read('default', INCIDENT)).map((each) => each.seq)).toEqual([1, 2]);
  // What was answered behind the hole has no place in the chain, and is there for whoever repairs it.
  expect(readFileSync(`${path}.aside`, 'utf8')).toContain('entry-4');
  expect(readFileSync(path)).toHaveLength(0);
  expect(damagedLines).toBe(1);
  expect(await next.append([entry(3)])).toEqual({ kind: 'appended' });
  for (const each of [next, openLog()]) {
    expect(each.isDamaged?.('default', INCIDENT)).toBe(true);
    expect(each.isDamaged?.('default', 'incident-2')).toBe(false);
  }
  expect(damagedLines).toBe(1);
});

test('entries behind a damaged line whose own are in the table already find their place', async () => {
  const log = openLog();
  await log.append([entry(1)]);
  trouble = 'before';
  for (let seq = 2; seq <= 4; seq += 1) await log.append([entry(seq)]);
  await stored.append([entry(2), entry(3)]);
  damage('entry-3');
  trouble = 'none';
  expect((await openLog().read('default', INCIDENT)).map((each) => each.seq)).toEqual([1, 2, 3, 4]);
  expect(readFileSync(`${path}.aside`)).toHaveLength(0);
});
