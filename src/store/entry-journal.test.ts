import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Entry } from '../record/entry.ts';
import { openEntryJournal, type EntryJournal } from './entry-journal.ts';

let directory: string;
let path: string;
const open: EntryJournal[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'docket-journal-'));
  path = join(directory, 'entries.journal');
});

afterEach(async () => {
  for (const journal of open.splice(0)) await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

function journalAt(file: string): EntryJournal {
  const journal = openEntryJournal(file);
  open.push(journal);
  return journal;
}

function entry(seq: number, statement = `line one\nline two, ${seq} – Zoë`): Entry {
  return {
    tenant: 'default',
    incident: 'incident-1',
    seq,
    entryId: `entry-${seq}`,
    type: 'hypothesis.propose',
    actor: { kind: 'human', name: 'Zoë', id: null },
    occurredAt: '2026-11-22T12:00:00.000Z',
    recordedAt: '2026-11-22T12:00:01.000Z',
    body: { statement, 10: 'ten', 9: 'nine' },
    basis: [],
    prevHash: '0'.repeat(64),
    hash: String(seq).padStart(64, '0'),
  };
}

test('what was written is there when the journal is opened again, append by append', async () => {
  const journal = journalAt(path);
  await journal.write([entry(1), entry(2)]);
  await journal.write([entry(3)]);
  expect(journalAt(path).left).toEqual({
    appends: [[entry(1), entry(2)], [entry(3)]],
    tornBytes: 0,
    damage: { found: [], kept: 0, incidents: [] },
  });
});

test('wherever the end of the process cuts the file, whole appends are read and the torn one is cut off', async () => {
  const journal = journalAt(path);
  const first = await journal.write([entry(1)]);
  await journal.write([entry(2)]);
  const bytes = readFileSync(path);
  for (let length = 0; length <= bytes.length; length += 1) {
    const cut = join(directory, 'cut');
    writeFileSync(cut, bytes.subarray(0, length));
    const again = openEntryJournal(cut);
    const whole = length === bytes.length ? 2 : length >= first ? 1 : 0;
    expect(again.left.appends.length, `${length} bytes`).toBe(whole);
    expect(again.left.tornBytes).toBe(length - again.bytes);
    await again.write([entry(9)]);
    expect(openEntryJournal(cut).left.appends.at(-1)).toEqual([entry(9)]);
    await again.close();
  }
});

test('a byte that changed in the middle takes its own append only, which is kept beside the journal once', async () => {
  const journal = journalAt(path);
  const ends = [0];
  for (let seq = 1; seq <= 4; seq += 1) ends.push(await journal.write([entry(seq)]));
  const bytes = readFileSync(path);
  const [, from = 0, to = 0] = ends;
  for (let at = from; at < to; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const file = join(directory, `changed-${at}`);
    writeFileSync(file, changed);
    const again = openEntryJournal(file);
    expect(again.left.appends, `byte ${at}`).toEqual([[entry(1)], [entry(3)], [entry(4)]]);
    expect(again.left.tornBytes).toBe(0);
    expect(again.left.damage.kept).toBeGreaterThan(0);
    expect(Buffer.concat(again.left.damage.found.map((each) => each.bytes))).toEqual(changed.subarray(from, to));
    // Behind it goes what comes next, and the start after that tells no damage twice.
    await again.write([entry(5)]);
    await again.close();
    const next = openEntryJournal(file);
    expect(next.left.appends.at(-1)).toEqual([entry(5)]);
    expect(next.left.damage).toMatchObject({ found: [], kept: again.left.damage.kept });
  }
});

test('a damaged line names the incidents that it held entries of, and no other that a text names', async () => {
  const journal = journalAt(path);
  await journal.write([entry(1, '"incident":"another","tenant":"x"')]);
  await journal.write([entry(2)]);
  const bytes = readFileSync(path);
  bytes[0] = bytes[0] === 0x30 ? 0x31 : 0x30;
  writeFileSync(path, bytes);
  expect(journalAt(path).left.damage.incidents).toEqual([{ tenant: 'default', incident: 'incident-1' }]);
  const kept = JSON.parse(readFileSync(`${path}.damaged`, 'utf8')) as Record<string, unknown>;
  expect(kept).toMatchObject({ line: 1, offset: 0, reason: 'the checksum does not match' });
});

test('a byte that changed on disk is not read as an append', async () => {
  const journal = journalAt(path);
  const first = await journal.write([entry(1)]);
  await journal.write([entry(2)]);
  const bytes = readFileSync(path);
  for (let at = first; at < bytes.length; at += 7) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const file = join(directory, 'changed');
    writeFileSync(file, changed);
    expect(openEntryJournal(file).left.appends, `byte ${at}`).toEqual([[entry(1)]]);
  }
});

test('appends that come at once are all kept, in the order they came', async () => {
  const journal = journalAt(path);
  await Promise.all(Array.from({ length: 50 }, (_, index) => journal.write([entry(index + 1)])));
  expect(
    journalAt(path)
      .left.appends.flat()
      .map((each) => each.seq),
  ).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
});

test('a discard frees the file, but never what was written after the end it names', async () => {
  const journal = journalAt(path);
  const end = await journal.write([entry(1)]);
  await journal.write([entry(2)]);
  await journal.discard(end);
  expect(journalAt(path).left.appends).toHaveLength(2);
  await journal.discard(await journal.write([entry(3)]));
  expect(readFileSync(path).length).toBe(0);
  const later = await journal.write([entry(4)]);
  expect(later).toBeGreaterThan(end);
  expect(journalAt(path).left.appends).toEqual([[entry(4)]]);
});

test('an append that cannot be written is refused, and the ones after it are kept', async () => {
  const journal = journalAt(path);
  await journal.write([entry(1)]);
  const circular = entry(2) as unknown as { body: Record<string, unknown> };
  circular.body['self'] = 1n;
  await expect(journal.write([circular as unknown as Entry])).rejects.toThrow();
  await journal.write([entry(2)]);
  expect(journalAt(path).left.appends).toEqual([[entry(1)], [entry(2)]]);
});
