import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALICE, TENANT } from '../../test/support/record-fixture.ts';
import { GENESIS, GENESIS_HASH, sealEntries, verifyChain } from './chain.ts';
import type { Entry, EntryDraft } from './entry.ts';

function drafts(count: number): EntryDraft[] {
  return Array.from({ length: count }, (_, index) => ({
    tenant: TENANT,
    incident: 'i',
    entryId: `entry-${index}`,
    type: 'status.post',
    actor: ALICE,
    occurredAt: '2026-11-22T14:00:00Z',
    recordedAt: '2026-11-22T14:00:00Z',
    body: { happening: `step ${index}`, nested: { b: 1, a: [true, null, 'ü'] } },
    basis: ['x'],
  }));
}

test('an empty log is a chain whose head is the beginning', () => {
  expect(verifyChain([])).toEqual({ ok: true, head: { seq: 0, hash: GENESIS_HASH } });
});

test('sealed entries verify, and the order of keys does not matter', () => {
  const entries = sealEntries(GENESIS, drafts(5));
  expect(entries.map((entry) => entry.seq)).toEqual([1, 2, 3, 4, 5]);
  const shuffled = entries.map((entry) => Object.fromEntries(Object.entries(entry).reverse()) as unknown as Entry);
  expect(verifyChain(shuffled)).toMatchObject({ ok: true, head: { seq: 5 } });
});

test('rule 18: editing, removing or reordering any entry breaks the chain', () => {
  const entries = sealEntries(GENESIS, drafts(6));
  fc.assert(
    fc.property(
      fc.nat({ max: 5 }),
      fc.constantFrom('edit', 'actor', 'time', 'remove', 'swap', 'rehash'),
      (position, damage) => {
        const damaged = entries.map((entry) => structuredClone(entry)) as {
          -readonly [K in keyof Entry]: Entry[K];
        }[];
        const target = damaged[position];
        const other = damaged[(position + 1) % damaged.length];
        if (target === undefined || other === undefined) throw new Error('no such entry');
        if (damage === 'edit') target.body = { happening: 'something else' };
        if (damage === 'actor') target.actor = { ...ALICE, name: 'mallory' };
        if (damage === 'time') target.recordedAt = '2026-11-22T14:00:01Z';
        if (damage === 'remove') damaged.splice(position, 1);
        if (damage === 'swap') [damaged[position], damaged[(position + 1) % damaged.length]] = [other, target];
        if (damage === 'rehash') {
          const [resealed] = sealEntries({ seq: target.seq - 1, hash: target.prevHash }, [
            { ...drafts(1)[0], body: { happening: 'forged' } } as EntryDraft,
          ]);
          if (resealed !== undefined) damaged[position] = resealed;
        }
        const verdict = verifyChain(damaged);
        // A cut or forged tail alone still chains: only a signed checkpoint tells.
        const tail = position === 5 && (damage === 'remove' || damage === 'rehash');
        expect(verdict.ok).toBe(tail);
      },
    ),
  );
});
