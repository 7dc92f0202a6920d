import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { Entry, EntryDraft } from './entry.ts';
import type { RecordHeadRef } from './incident-record.ts';

/** What the first entry's `prevHash` is. */
export const GENESIS_HASH = '0'.repeat(64);
export const GENESIS: RecordHeadRef = { seq: 0, hash: GENESIS_HASH };

/** SHA-256 hex of the canonical JSON of everything but `hash`. */
export function hashEntry(entry: Omit<Entry, 'hash'>): string {
  const { hash: _, ...rest } = entry as Entry;
  return createHash('sha256').update(canonicalJson(rest)).digest('hex');
}

/** Places drafts behind `head`: numbers them and links each to the one before. */
export function sealEntries(head: RecordHeadRef, drafts: readonly EntryDraft[]): Entry[] {
  const entries: Entry[] = [];
  let { seq, hash } = head;
  for (const draft of drafts) {
    seq += 1;
    const unsealed = { ...draft, seq, prevHash: hash };
    hash = hashEntry(unsealed);
    entries.push({ ...unsealed, hash });
  }
  return entries;
}

export type ChainVerdict =
  | { readonly ok: true; readonly head: RecordHeadRef }
  /** `seq` is where an unbroken chain would have gone on. */
  | { readonly ok: false; readonly seq: number; readonly problem: 'gap' | 'link' | 'hash' | 'foreign' };

/** Checks that `entries` follow `after` without a gap, each hashed over what it holds and over the one before. */
export function verifyChain(entries: readonly Entry[], after: RecordHeadRef = GENESIS): ChainVerdict {
  let head = after;
  const first = entries[0];
  for (const entry of entries) {
    const expected = head.seq + 1;
    if (entry.seq !== expected) return { ok: false, seq: expected, problem: 'gap' };
    if (entry.tenant !== first?.tenant || entry.incident !== first.incident) {
      return { ok: false, seq: expected, problem: 'foreign' };
    }
    if (entry.prevHash !== head.hash) return { ok: false, seq: expected, problem: 'link' };
    if (entry.hash !== hashEntry(entry)) return { ok: false, seq: expected, problem: 'hash' };
    head = { seq: entry.seq, hash: entry.hash };
  }
  return { ok: true, head };
}
