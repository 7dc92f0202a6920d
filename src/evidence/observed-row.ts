import { createHash } from 'node:crypto';
import type { Actor } from '../record/actor.ts';
import type {
  EvidenceContent,
  EvidenceKind,
  EvidenceLink,
  EvidenceOutcome,
  EvidenceRow,
  EvidenceSource,
  EvidenceTrust,
} from '../record/evidence.ts';
import { wellFormed } from './attribute.ts';
import { rowDigest } from './evidence-row.ts';

/** What an observation that is no agent's act says; the rest of its row follows. */
export interface Observation {
  readonly tenant: string;
  readonly id: string;
  /** `''` leaves it unfiled. */
  readonly incident: string;
  readonly link: EvidenceLink | null;
  readonly kind: EvidenceKind;
  readonly occurredAtUnixNano: bigint;
  readonly endedAtUnixNano: bigint | null;
  readonly receivedAtUnixNano: bigint;
  readonly outcome: EvidenceOutcome;
  readonly actor: Actor;
  readonly service: string;
  readonly environment: string;
  readonly summary: string;
  readonly content: Readonly<Record<string, string>>;
  readonly source: EvidenceSource;
  readonly sourceFamily: string;
  readonly trust: EvidenceTrust;
  readonly dialect: string;
  readonly namedRefs?: readonly string[];
  readonly facts: EvidenceRow['facts'];
}

/** Characters of a row's summary. */
export const SUMMARY_MAX = 300;
const CONTENT_MAX = 65_536;

/** The evidence row of an observation by Docket itself or by a webhook. */
export function observedRow(said: Observation): EvidenceRow {
  const { incident, link, content, namedRefs, summary, ...rest } = said;
  const withoutDigest = {
    ...rest,
    facts: wellFormedFacts(rest.facts),
    summary: oneLine(summary, SUMMARY_MAX),
    tool: null,
    model: null,
    tokens: null,
    conversationId: '',
    sessionId: '',
    content: Object.fromEntries(Object.entries(content).map(([name, text]) => [name, captured(text)])),
    redactions: [],
    namedRefs: namedRefs ?? [],
    policyVersion: '',
  };
  return {
    ...withoutDigest,
    incident,
    link,
    state: incident === '' ? 'unfiled' : 'linked',
    digest: rowDigest(withoutDigest),
  };
}

/** Facts that have a canonical form: half a surrogate pair has none. */
function wellFormedFacts(facts: EvidenceRow['facts']): EvidenceRow['facts'] {
  return Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [
      name,
      typeof fact === 'string' ? wellFormed(fact) : fact.map((each) => wellFormed(each)),
    ]),
  );
}

/** A text of Docket's own as a row holds it; the digest is of the whole text. */
export function captured(text: string): EvidenceContent {
  const value = text.length > CONTENT_MAX ? `${text.slice(0, CONTENT_MAX - 1)}…` : text;
  return {
    captured: true,
    // Cutting may have left half a surrogate pair, and JSON may hold one.
    value: wellFormed(value),
    bytes: Buffer.byteLength(text),
    digest: createHash('sha256').update(text).digest('hex'),
  };
}

/** Text of one printable line of at most `max` characters. */
export function oneLine(text: string, max: number): string {
  const flat = text.replace(/[\p{Cc}\p{Cs}\s\u2028\u2029]+/gu, ' ').trim();
  return flat.length <= max ? flat : `${flat.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
