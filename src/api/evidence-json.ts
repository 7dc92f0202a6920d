import type { Actor } from '../record/actor.ts';
import type {
  EvidenceContent,
  EvidenceLink,
  EvidenceModel,
  EvidenceRedaction,
  EvidenceRow,
  EvidenceSource,
  EvidenceState,
  EvidenceTokens,
  EvidenceTool,
} from '../record/evidence.ts';
import type { EvidenceStanding, EvidenceVerdict } from '../record/record-service.ts';
import { formatUnixNano } from './unix-nano.ts';

/** An evidence row as the API shows it. Times are RFC 3339 UTC with nanoseconds. */
export interface EvidenceJson {
  readonly id: string;
  readonly kind: string;
  /** The incident's ref; null while unfiled. */
  readonly incident: string | null;
  readonly state: EvidenceState;
  readonly occurredAt: string;
  readonly endedAt: string | null;
  readonly receivedAt: string;
  readonly outcome: string;
  readonly actor: Actor;
  readonly service: string;
  readonly environment: string;
  readonly summary: string;
  readonly tool: EvidenceTool | null;
  readonly model: EvidenceModel | null;
  readonly tokens: EvidenceTokens | null;
  readonly conversationId: string | null;
  readonly sessionId: string | null;
  readonly content: Readonly<Record<string, EvidenceContent | { readonly captured: false }>>;
  readonly redactions: readonly EvidenceRedaction[];
  readonly link: EvidenceLink | null;
  /** What somebody said of it in this incident: a confirmed inferred link may decide, a withdrawn one counts for nothing. */
  readonly verdict: EvidenceVerdict | null;
  readonly source: EvidenceSource;
  readonly sourceFamily: string;
  readonly trust: string;
  readonly dialect: string;
  readonly namedRefs: readonly string[];
  /** What was derived of the record: verb, shape of arguments, pointers to content kept elsewhere, figures' as-of time. */
  readonly facts: EvidenceRow['facts'];
  readonly policyVersion: string;
  readonly digest: string;
}

/** What the record says of evidence by now; laid over the rows as stored. */
type Standing = Pick<EvidenceStanding, 'disputed' | 'withdrawn' | 'verdicts'>;

export const NO_STANDING: Standing = { disputed: [], withdrawn: [], verdicts: new Map() };

/** `ref` is the incident's ref, null for an unfiled row. */
export function evidenceJson(row: EvidenceRow, ref: string | null, standing: Standing): EvidenceJson {
  return {
    id: row.id,
    kind: row.kind,
    incident: ref,
    state: standing.withdrawn.includes(row.id)
      ? 'withdrawn'
      : standing.disputed.includes(row.id)
        ? 'disputed'
        : row.state,
    occurredAt: formatUnixNano(row.occurredAtUnixNano),
    endedAt: row.endedAtUnixNano === null ? null : formatUnixNano(row.endedAtUnixNano),
    receivedAt: formatUnixNano(row.receivedAtUnixNano),
    outcome: row.outcome,
    actor: row.actor,
    service: row.service,
    environment: row.environment,
    summary: row.summary,
    tool: row.tool,
    model: row.model,
    tokens: row.tokens,
    conversationId: row.conversationId === '' ? null : row.conversationId,
    sessionId: row.sessionId === '' ? null : row.sessionId,
    content: Object.fromEntries(
      Object.entries(row.content).map(([name, content]) => [name, content.captured ? content : { captured: false }]),
    ),
    redactions: row.redactions,
    link: row.link,
    verdict: standing.verdicts.get(row.id) ?? null,
    source: row.source,
    sourceFamily: row.sourceFamily,
    trust: row.trust,
    dialect: row.dialect,
    namedRefs: row.namedRefs,
    facts: row.facts,
    policyVersion: row.policyVersion,
    digest: row.digest,
  };
}
