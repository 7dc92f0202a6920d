import { z } from 'zod';
import { reference, text } from './body-field.ts';
import { ACCEPTED, actOf, entryKind, reject } from './entry-kind.ts';
import type { EvidenceContent, EvidenceRow } from './evidence.ts';

/**
 * Destroys what was said and keeps that it was said. Content lies in evidence rows, never in the log: an entry holds a
 * digest of it, salted by a salt that lies beside the content and is destroyed with it. So the chain stays valid, and the
 * digest that is left cannot be tried against guesses.
 */
export const contentErase = entryKind({
  type: 'content.erase',
  summary: 'Destroys the content of a piece of evidence for good. That it was there, its size and its digest stay.',
  allowed: ['human'],
  schema: z.strictObject({ evidence: reference(), reason: text(2_000) }),
  cites: (body) => [body.evidence],
  decide(state, body) {
    if (state.evidence.get(body.evidence) === undefined) {
      return reject(
        'evidence.unknown',
        'rule 4: of this incident',
        'What is named is not evidence of this incident.',
        'Name an evidence row of this incident.',
      );
    }
    if (state.erased.has(body.evidence)) {
      return reject(
        'content.erased',
        'invariant 31: erasure',
        'Its content has been erased already.',
        'Nothing more is needed.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    state.erased.set(body.evidence, actOf(entry));
    state.evidenceRevision += 1;
  },
});

/** Destroys content where it is stored. Implemented by `store/`. */
export interface ContentEraser {
  /**
   * Puts `erasedRow` in the place of every copy of the row, under every incident of the tenant, and removes the older
   * copies and the telemetry the row was made of from the disk. Resolves when they are gone. Idempotent.
   */
  erase(tenant: string, evidenceId: string, at: Date): Promise<void>;
}

/** Facts without content: what the rules still need of an erased row. */
const KEPT_FACTS = ['verb', 'argumentsShape'];

/** The row with its content, its words and its salt gone; id, times, sizes, classes and digest are as they were. */
export function erasedRow(row: EvidenceRow, at: Date): EvidenceRow {
  const content = Object.entries(row.content).map(([name, each]): [string, EvidenceContent] => [
    name,
    // An unsalted digest of something short could be tried against guesses.
    { captured: each.captured, value: null, bytes: each.bytes, digest: null },
  ]);
  const now = BigInt(at.getTime()) * 1_000_000n;
  const kept = Object.entries(row.facts).filter(([name]) => KEPT_FACTS.includes(name));
  return {
    ...row,
    // Later than what a redelivery would bring back.
    receivedAtUnixNano: now > row.receivedAtUnixNano ? now : row.receivedAtUnixNano + 1n,
    summary: 'content erased',
    content: Object.fromEntries(content),
    redactions: row.redactions.map((each) => ({ ...each, fingerprint: '' })),
    facts: { ...Object.fromEntries(kept), erased: at.toISOString() },
  };
}

/** True when nothing of the row's content is left. */
export function isErased(row: EvidenceRow): boolean {
  return row.facts['erased'] !== undefined;
}
