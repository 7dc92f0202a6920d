import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';
import { instant, line, reference, text } from './body-field.ts';
import { canonicalJson } from './canonical-json.ts';
import {
  ACCEPTED,
  actOf,
  ANYONE,
  entryKind,
  reject,
  type Happened,
  type JsonObject,
  type Ruling,
} from './entry-kind.ts';
import type { Entry } from './entry.ts';
import { EVIDENCE_KINDS, EVIDENCE_OUTCOMES, type EvidenceRow } from './evidence.ts';
import type { EvidenceFact, IncidentState } from './incident-state.ts';
import type { Actor } from './actor.ts';

/** What a client sends for `evidence.add`. `summary` and `text` are kept in the evidence row, not in the log. */
export const evidenceAddRequest = z.strictObject({
  kind: z.enum(EVIDENCE_KINDS).default('note'),
  summary: line(300),
  text: text().optional(),
  service: line(200).optional(),
  environment: line(200).optional(),
  occurredAt: instant().optional(),
  endedAt: instant().optional(),
  outcome: z.enum(EVIDENCE_OUTCOMES).default('unknown'),
  traceId: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'must be 32 lower-case hex digits')
    .optional(),
  spanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/, 'must be 16 lower-case hex digits')
    .optional(),
  /** Backend, dataset and query shape it came from; evidence of one family counts once. */
  sourceFamily: line(200).optional(),
  externalRef: line(1_000).optional(),
});
export type EvidenceAddRequest = z.infer<typeof evidenceAddRequest>;

/** When it happened, as the one who adds it says. */
export function evidenceHappened({ occurredAt, endedAt }: EvidenceAddRequest): Happened {
  return { occurredAt, endedAt };
}

// In the log: what it is and a salted digest of its content, so that erasing the row's content keeps the chain valid.
const evidenceAddStored = z.strictObject({
  evidence: line(128),
  kind: z.enum(EVIDENCE_KINDS),
  sourceFamily: line(300),
  trust: z.enum(['observed', 'self_reported', 'imported', 'untrusted_text']),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});

export const evidenceAdd = entryKind({
  type: 'evidence.add',
  summary:
    'Adds evidence by hand: a note, a query result, a runbook, a transcript. Its content lives in the evidence row.',
  allowed: ANYONE,
  schema: evidenceAddStored,
  apply(state, body, entry) {
    state.evidence.set(body.evidence, {
      id: body.evidence,
      kind: body.kind,
      sourceFamily: body.sourceFamily,
      linkMode: 'manual',
      trust: body.trust,
      digest: body.digest,
      confirmed: null,
      disputed: null,
      withdrawn: null,
      pinned: false,
    });
    state.evidenceRevision += 1;
    // The row may be named by the entry that added it, too.
    state.seqByEntryId.set(entry.entryId, entry.seq);
  },
});

/** The commitment to a request's content: HMAC-SHA256 by a salt that lives, and is erased, with the content. */
export function contentDigest(request: EvidenceAddRequest, salt: string): string {
  return createHmac('sha256', Buffer.from(salt, 'hex')).update(canonicalJson(request)).digest('hex');
}

/** The row and the body of the log entry that a request to add evidence comes to. */
export function evidenceFromRequest(options: {
  readonly tenant: string;
  readonly incidentId: string;
  readonly actor: Actor;
  readonly entryId: string;
  readonly request: EvidenceAddRequest;
  readonly occurredAt: string;
  readonly receivedAt: Date;
  readonly salt: string;
  readonly policyVersion: string;
}): { readonly row: EvidenceRow; readonly body: JsonObject } {
  const { request, actor } = options;
  // Content is erased by its row's id under every incident, so incidents that were sent the same `entryId` may not share one.
  const id = sha256([options.tenant, options.incidentId, options.entryId].join('\n')).slice(0, 32);
  const trust = actor.kind === 'agent' ? 'self_reported' : actor.kind === 'import' ? 'imported' : 'observed';
  const sourceFamily = request.sourceFamily ?? `by hand: ${actor.name}`;
  const body = request.text ?? null;
  const row: Omit<EvidenceRow, 'digest'> = {
    tenant: options.tenant,
    id,
    incident: options.incidentId,
    kind: request.kind,
    state: 'linked',
    occurredAtUnixNano: unixNano(request.occurredAt ?? options.occurredAt),
    endedAtUnixNano: request.endedAt === undefined ? null : unixNano(request.endedAt),
    receivedAtUnixNano: BigInt(options.receivedAt.getTime()) * 1_000_000n,
    outcome: request.outcome,
    actor,
    service: request.service ?? '',
    environment: request.environment ?? '',
    summary: request.summary,
    tool: null,
    model: null,
    tokens: null,
    conversationId: '',
    sessionId: '',
    content:
      body === null
        ? {}
        : { body: { captured: true, value: body, bytes: Buffer.byteLength(body), digest: sha256(body) } },
    redactions: [],
    link: { mode: 'manual', rule: `added by ${actor.name}`, score: 1 },
    source: { traceId: request.traceId ?? '', spanId: request.spanId ?? '', signal: 'record', alsoSeenAs: [] },
    sourceFamily,
    trust,
    dialect: 'record',
    namedRefs: [],
    facts: {
      salt: options.salt,
      ...(request.externalRef === undefined ? {} : { externalRef: request.externalRef }),
    },
    policyVersion: options.policyVersion,
  };
  return {
    row: { ...row, digest: rowDigest(row) },
    body: { evidence: id, kind: request.kind, sourceFamily, trust, digest: contentDigest(request, options.salt) },
  };
}

/** SHA-256 hex over the row's canonical JSON without `digest`, `link`, `state` and `incident`. */
function rowDigest(row: Omit<EvidenceRow, 'digest'>): string {
  const { link: _link, state: _state, incident: _incident, ...rest } = row;
  return sha256(
    canonicalJson({
      ...rest,
      occurredAtUnixNano: String(rest.occurredAtUnixNano),
      endedAtUnixNano: rest.endedAtUnixNano === null ? null : String(rest.endedAtUnixNano),
      receivedAtUnixNano: String(rest.receivedAtUnixNano),
    }),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Nanoseconds since the epoch of an RFC 3339 UTC time. */
export function unixNano(at: string): bigint {
  const fraction = (/\.(\d{1,9})/.exec(at)?.[1] ?? '').padEnd(9, '0');
  return BigInt(Math.floor(Date.parse(at) / 1000)) * 1_000_000_000n + BigInt(fraction);
}

/** RFC 3339 UTC of nanoseconds since the epoch. */
export function instantOf(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = String(nanoseconds % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === '' ? `${whole}Z` : `${whole}.${fraction}Z`;
}

export const evidenceConfirm = entryKind({
  type: 'evidence.confirm',
  summary: 'Confirms that evidence belongs here; evidence linked by inference can be decisive from then on.',
  allowed: ['human', 'service', 'import'],
  schema: z.strictObject({ evidence: reference(), reason: text(2_000).optional() }),
  cites: (body) => [body.evidence],
  decide: (state, body) => standing(state, body.evidence),
  apply(state, body, entry) {
    change(state, body.evidence, { confirmed: actOf(entry), disputed: null });
  },
});

export const evidenceDispute = entryKind({
  type: 'evidence.dispute',
  summary: 'Doubts a piece of evidence; it decides nothing until it is confirmed.',
  allowed: ANYONE,
  schema: z.strictObject({ evidence: reference(), reason: text(2_000) }),
  cites: (body) => [body.evidence],
  decide: (state, body) => standing(state, body.evidence),
  apply(state, body, entry) {
    change(state, body.evidence, { disputed: { ...actOf(entry), reason: body.reason } });
  },
});

export const evidenceWithdraw = entryKind({
  type: 'evidence.withdraw',
  summary: 'Takes evidence back. It stays in the record, counts for nothing, and flags all that rests on it.',
  allowed: ['human', 'service', 'import'],
  schema: z.strictObject({ evidence: reference(), reason: text(2_000) }),
  cites: (body) => [body.evidence],
  decide: (state, body) => standing(state, body.evidence),
  apply(state, body, entry) {
    change(state, body.evidence, { withdrawn: { ...actOf(entry), reason: body.reason } });
  },
});

export const evidencePin = entryKind({
  type: 'evidence.pin',
  summary: 'Keeps a piece of evidence in sight, or no longer.',
  allowed: ANYONE,
  schema: z.strictObject({ evidence: reference(), pinned: z.boolean().default(true) }),
  cites: (body) => [body.evidence],
  decide: (state, body) => standing(state, body.evidence),
  apply(state, body) {
    change(state, body.evidence, { pinned: body.pinned });
  },
});

function standing(state: IncidentState, id: string): Ruling {
  const fact = state.evidence.get(id);
  if (fact === undefined) {
    return reject(
      'evidence.unknown',
      'rule 4: of this incident',
      'What is named is not evidence of this incident.',
      'Name an evidence row of this incident.',
    );
  }
  if (fact.withdrawn !== null) {
    return reject(
      'evidence.withdrawn',
      'state machine: evidence',
      'The evidence has been withdrawn already.',
      'Add it again with evidence.add if it stands after all.',
    );
  }
  return ACCEPTED;
}

function change(state: IncidentState, id: string, changes: Partial<EvidenceFact>): void {
  const fact = state.evidence.get(id);
  if (fact === undefined) return;
  state.evidence.set(id, { ...fact, ...changes });
  state.evidenceRevision += 1;
}

/** What Docket notes in an entry of the evidence it cites: enough to judge it by the log alone, none of its content. */
export function citedFact(row: EvidenceRow): JsonObject {
  return {
    id: row.id,
    kind: row.kind,
    sourceFamily: row.sourceFamily,
    linkMode: row.link?.mode ?? 'inferred',
    trust: row.trust,
    digest: row.digest,
  };
}

const citedFacts = z.array(
  z.object({
    id: z.string(),
    kind: z.enum(EVIDENCE_KINDS),
    sourceFamily: z.string(),
    linkMode: z.enum(['explicit', 'bound', 'inferred', 'manual']),
    trust: z.enum(['observed', 'self_reported', 'imported', 'untrusted_text']),
    digest: z.string(),
  }),
);

/** Takes in the evidence an entry cites for the first time. */
export function applyCited(state: IncidentState, entry: Pick<Entry, 'body'>): void {
  const docket = entry.body['docket'];
  if (docket === undefined || docket === null || typeof docket !== 'object' || !('cited' in docket)) return;
  const parsed = citedFacts.safeParse(docket['cited']);
  if (!parsed.success) return;
  for (const fact of parsed.data) {
    if (state.evidence.has(fact.id)) continue;
    state.evidence.set(fact.id, { ...fact, confirmed: null, disputed: null, withdrawn: null, pinned: false });
    state.evidenceRevision += 1;
  }
}
