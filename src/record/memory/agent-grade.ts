import { actorKey, type Actor } from '../actor.ts';
import type { Entry } from '../entry.ts';
import { fold } from '../fold.ts';
import { authorOf, type IncidentState } from '../incident-state.ts';

export type ClaimVerdict = 'upheld' | 'edited' | 'overturned' | 'unjudged';

/** One thing an agent said, and what a person made of it. */
export interface AgentClaim {
  readonly agent: Actor;
  readonly incident: string;
  /** Item or evidence id. */
  readonly id: string;
  readonly label: string | null;
  readonly kind: 'hypothesis' | 'draft' | 'evidence';
  readonly verdict: ClaimVerdict;
  /** The human act: its entry, who and when; null while nobody has judged. */
  readonly judged: { readonly entry: number; readonly by: Actor; readonly at: string; readonly how: string } | null;
}

export interface AgentGrade {
  readonly agent: Actor;
  readonly claims: number;
  readonly judged: number;
  readonly upheld: number;
  readonly edited: number;
  readonly overturned: number;
  /** Upheld over judged, an edited claim counting half; null while nothing is judged. */
  readonly grade: number | null;
  readonly byKind: Readonly<Record<AgentClaim['kind'], { readonly judged: number; readonly grade: number | null }>>;
  /** Newest judged first, at most 100. */
  readonly items: readonly AgentClaim[];
}

const ITEMS_MAX = 100;

/**
 * What agents claimed in one incident and what people made of it: hypotheses accepted or rejected, drafts accepted, edited or
 * rejected, evidence confirmed, disputed or withdrawn. Only acts of people count; an agent's word on an agent does not.
 * `authors` says which agent an evidence row came from, for rows that telemetry brought.
 */
export function agentClaims(entries: readonly Entry[], authors: ReadonlyMap<string, Actor>): readonly AgentClaim[] {
  const [first] = entries;
  if (first === undefined) return [];
  const state = fold(first.tenant, first.incident, entries);
  return [
    ...hypothesisClaims(state, entries),
    ...draftClaims(state),
    ...evidenceClaims(state, evidenceAuthors(entries, authors)),
  ];
}

function hypothesisClaims(state: IncidentState, entries: readonly Entry[]): AgentClaim[] {
  return state.hypotheses.all().flatMap((each): AgentClaim[] => {
    if (each.by.kind !== 'agent') return [];
    const claim = {
      agent: each.by,
      incident: state.id,
      id: each.id,
      label: each.label,
      kind: 'hypothesis' as const,
    };
    const [act, verdict] =
      each.accepted !== null
        ? ([each.accepted, 'upheld'] as const)
        : each.rejected !== null
          ? ([each.rejected, 'overturned'] as const)
          : ([null, 'unjudged'] as const);
    const type = act === null ? undefined : entries[act.seq - 1]?.type;
    if (act === null || act.by.kind !== 'human') return [{ ...claim, verdict: 'unjudged', judged: null }];
    return [{ ...claim, verdict, judged: { entry: act.seq, by: act.by, at: act.at, how: type ?? 'hypothesis' } }];
  });
}

const CLAIM_VERDICT = { accepted: 'upheld', edited: 'edited', rejected: 'overturned' } as const;
const DRAFT_ENTRY = { accepted: 'draft.accept', edited: 'draft.edit', rejected: 'draft.reject' } as const;

function draftClaims(state: IncidentState): AgentClaim[] {
  // The newest word on a draft counts.
  const latest = new Map(state.verdicts.all().map((verdict) => [verdict.target, verdict]));
  return [...latest.values()].flatMap((verdict): AgentClaim[] => {
    const agent = authorOf(state, verdict.target);
    if (agent?.kind !== 'agent' || verdict.by.kind !== 'human') return [];
    return [
      {
        agent,
        incident: state.id,
        id: verdict.target,
        label: verdict.label,
        kind: 'draft',
        verdict: CLAIM_VERDICT[verdict.verdict],
        judged: {
          entry: verdict.seq,
          by: verdict.by,
          at: verdict.at,
          how: DRAFT_ENTRY[verdict.verdict],
        },
      },
    ];
  });
}

function evidenceClaims(state: IncidentState, authors: ReadonlyMap<string, Actor>): AgentClaim[] {
  return [...state.evidence.values()].flatMap((fact): AgentClaim[] => {
    const agent = authors.get(fact.id);
    if (agent?.kind !== 'agent') return [];
    const acts = [
      { act: fact.withdrawn, verdict: 'overturned', how: 'evidence.withdraw' },
      { act: fact.disputed, verdict: 'overturned', how: 'evidence.dispute' },
      { act: fact.confirmed, verdict: 'upheld', how: 'evidence.confirm' },
    ] as const;
    const judged = acts.find(({ act }) => act?.by.kind === 'human');
    const claim = { agent, incident: state.id, id: fact.id, label: null, kind: 'evidence' as const };
    // Evidence that is cited and left alone is the rule, not a claim somebody weighed.
    if (judged?.act == null) return [];
    const { by, at, seq } = judged.act;
    return [{ ...claim, verdict: judged.verdict, judged: { entry: seq, by, at, how: judged.how } }];
  });
}

function evidenceAuthors(entries: readonly Entry[], authors: ReadonlyMap<string, Actor>): ReadonlyMap<string, Actor> {
  const known = new Map(authors);
  for (const entry of entries) {
    const { evidence } = entry.body;
    if (entry.type === 'evidence.add' && typeof evidence === 'string') known.set(evidence, entry.actor);
  }
  return known;
}

/** Evidence ids that a person confirmed, disputed or withdrew: whose authors `agentClaims` needs to know. */
export function judgedEvidence(entries: readonly Entry[]): readonly string[] {
  const ids = entries.flatMap((entry) => {
    const { evidence } = entry.body;
    const judges =
      entry.type === 'evidence.confirm' || entry.type === 'evidence.dispute' || entry.type === 'evidence.withdraw';
    return judges && entry.actor.kind === 'human' && typeof evidence === 'string' ? [evidence] : [];
  });
  return [...new Set(ids)];
}

/** Claims by agent, best known first. */
export function gradeAgents(claims: readonly AgentClaim[]): readonly AgentGrade[] {
  const byAgent = new Map<string, AgentClaim[]>();
  for (const claim of claims) {
    const key = actorKey(claim.agent);
    const list = byAgent.get(key);
    if (list === undefined) byAgent.set(key, [claim]);
    else list.push(claim);
  }
  return [...byAgent.values()]
    .flatMap((list): AgentGrade[] => {
      const [first] = list;
      if (first === undefined) return [];
      const count = (verdict: ClaimVerdict): number => list.filter((each) => each.verdict === verdict).length;
      const ofKind = (kind: AgentClaim['kind']) => shareOf(list.filter((each) => each.kind === kind));
      return [
        {
          agent: { kind: first.agent.kind, name: first.agent.name, id: first.agent.id },
          claims: list.length,
          ...shareOf(list),
          upheld: count('upheld'),
          edited: count('edited'),
          overturned: count('overturned'),
          byKind: { hypothesis: ofKind('hypothesis'), draft: ofKind('draft'), evidence: ofKind('evidence') },
          items: list
            .sort((one, other) => compareText(other.judged?.at ?? '', one.judged?.at ?? ''))
            .slice(0, ITEMS_MAX),
        },
      ];
    })
    .sort((one, other) => other.judged - one.judged || compareText(one.agent.name, other.agent.name));
}

function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

const WORTH: Readonly<Record<ClaimVerdict, number>> = { upheld: 1, edited: 0.5, overturned: 0, unjudged: 0 };

function shareOf(claims: readonly AgentClaim[]): { readonly judged: number; readonly grade: number | null } {
  const judged = claims.filter((each) => each.verdict !== 'unjudged');
  const worth = judged.reduce((sum, each) => sum + WORTH[each.verdict], 0);
  return { judged: judged.length, grade: judged.length === 0 ? null : Math.round((worth / judged.length) * 1e3) / 1e3 };
}
