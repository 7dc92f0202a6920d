import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/record/entry.ts';
import type { RecordLog } from '../../src/record/record-log.ts';

export interface RecordLogUnderTest {
  log(): RecordLog;
  /** Closes and opens it again on what it stored. */
  reopen(): Promise<void>;
}

let incidents = 0;

function freshIncident(): string {
  incidents += 1;
  return `incident-${incidents}`;
}

function entry(incident: string, seq: number, change: Partial<Entry> = {}): Entry {
  return {
    tenant: 'default',
    incident,
    seq,
    entryId: `entry-${incident}-${seq}`,
    type: 'hypothesis.propose',
    actor: { kind: 'human', name: 'Zoë', id: null },
    occurredAt: '2026-11-22T12:00:00.000000001Z',
    recordedAt: '2026-11-22T12:00:01Z',
    body: { statement: 'it is DNS', confidence: 0.5, nothing: null, list: [1, 'two', { three: true }] },
    basis: ['e1'],
    prevHash: '0'.repeat(64),
    hash: String(seq).padStart(64, '0'),
    ...change,
  };
}

/** What any RecordLog promises (src/record/record-log.ts). */
export function recordLogContract(name: string, open: () => RecordLogUnderTest): void {
  describe(name, () => {
    test('an append with a gap, or of two incidents at once, stores nothing', async () => {
      const { log } = open();
      const [one, other] = [freshIncident(), freshIncident()];
      await expect(log().append([entry(one, 1), entry(one, 3)])).rejects.toThrow(TypeError);
      await expect(log().append([entry(one, 1), entry(other, 2)])).rejects.toThrow(TypeError);
      expect(await log().append([entry(one, 2)])).toEqual({ kind: 'conflict' });
      expect(await log().read('default', one)).toEqual([]);
    });

    test('entries are read back as they were appended, in order, from any seq', async () => {
      const { log } = open();
      const incident = freshIncident();
      const entries = [entry(incident, 1), entry(incident, 2, { traceId: 'ab', spanId: 'cd', policyDecision: 'p' })];
      expect(await log().append(entries)).toEqual({ kind: 'appended' });
      expect(await log().append([entry(incident, 3)])).toEqual({ kind: 'appended' });
      expect(await log().read('default', incident)).toEqual([...entries, entry(incident, 3)]);
      expect(await log().read('default', incident, 1)).toEqual([entries[1], entry(incident, 3)]);
      expect(await log().read('default', incident, 3)).toEqual([]);
    });

    test('appending the same entries again is appended and stores nothing', async () => {
      const { log, reopen } = open();
      const incident = freshIncident();
      const entries = [entry(incident, 1), entry(incident, 2)];
      await log().append(entries);
      expect(await log().append(entries)).toEqual({ kind: 'appended' });
      await reopen();
      expect(await log().append(entries)).toEqual({ kind: 'appended' });
      expect(await log().append([entry(incident, 2)])).toEqual({ kind: 'appended' });
      expect(await log().read('default', incident)).toEqual(entries);
    });

    test('another entry at a taken seq is a conflict', async () => {
      const { log, reopen } = open();
      const incident = freshIncident();
      await log().append([entry(incident, 1)]);
      const other = entry(incident, 1, { entryId: 'other', hash: 'f'.repeat(64) });
      expect(await log().append([other])).toEqual({ kind: 'conflict' });
      expect(await log().append([entry(incident, 1), entry(incident, 2)])).toEqual({ kind: 'conflict' });
      await reopen();
      expect(await log().append([other])).toEqual({ kind: 'conflict' });
      expect(await log().read('default', incident)).toEqual([entry(incident, 1)]);
    });

    test('of many writers of one seq exactly one wins', async () => {
      const { log } = open();
      const incident = freshIncident();
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, writer) => log().append([entry(incident, 1, { entryId: `w${writer}` })])),
      );
      expect(results.filter((result) => result.kind === 'appended')).toHaveLength(1);
      expect(await log().read('default', incident)).toHaveLength(1);
    });

    test('a tenant never sees another tenant’s entries', async () => {
      const { log } = open();
      const incident = freshIncident();
      await log().append([entry(incident, 1, { tenant: 'acme' })]);
      expect(await log().read('default', incident)).toEqual([]);
      expect(await log().append([entry(incident, 1)])).toEqual({ kind: 'appended' });
      expect(await log().read('acme', incident)).toEqual([entry(incident, 1, { tenant: 'acme' })]);
    });

    test('text that looks like SQL stays text', async () => {
      const { log } = open();
      const hostile = `x') OR 1=1 -- \\' {seq:UInt64} \u0000 \n " \u{1F600} ${freshIncident()}`;
      const nasty = entry(hostile, 1, { tenant: hostile, body: { [hostile]: hostile, __proto__x: 1 } });
      expect(await log().append([nasty])).toEqual({ kind: 'appended' });
      expect(await log().read(hostile, hostile)).toEqual([nasty]);
      expect(await log().read('default', hostile)).toEqual([]);
    });

    test('heads names every incident with its last seq, also after reopening', async () => {
      const { log, reopen } = open();
      const [one, two] = [freshIncident(), freshIncident()];
      await log().append([entry(one, 1), entry(one, 2), entry(one, 3)]);
      await log().append([entry(two, 1, { tenant: 'acme' })]);
      await reopen();
      const heads = await log().heads();
      expect(heads).toContainEqual({ tenant: 'default', incident: one, seq: 3 });
      expect(heads).toContainEqual({ tenant: 'acme', incident: two, seq: 1 });
    });
  });
}
