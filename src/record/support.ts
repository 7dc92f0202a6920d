import type { CheckState, EvidenceFact, HypothesisState, IncidentState, StanceState } from './incident-state.ts';
import type { ConfidenceLevel } from './incident-record.ts';
import { CONFIDENCE_LEVELS } from './incident-record.ts';

/** What speaks for and against a hypothesis at this moment, counted by independent source. */
export interface Support {
  readonly supporting: readonly StanceState[];
  readonly refuting: readonly StanceState[];
  readonly supportFamilies: readonly string[];
  readonly refuteFamilies: readonly string[];
  /** Families of supporting evidence whose link is not merely inferred. */
  readonly firmFamilies: readonly string[];
  /** An answered check that could have refuted it, and did not. */
  readonly survived: readonly CheckState[];
  readonly refutedByCheck: readonly CheckState[];
  readonly cap: ConfidenceLevel;
  readonly capReason: string;
}

export function supportOf(state: IncidentState, hypothesis: HypothesisState): Support {
  const { byHypothesis, support } = weighed(state);
  let found = support.get(hypothesis.id);
  if (found === undefined) {
    found = weigh(state, hypothesis, byHypothesis.get(hypothesis.id) ?? []);
    support.set(hypothesis.id, found);
  }
  return found;
}

/** Every stance on a hypothesis, withdrawn ones too, oldest first. */
export function stancesOn(state: IncidentState, hypothesisId: string): readonly StanceState[] {
  return weighed(state).byHypothesis.get(hypothesisId) ?? [];
}

/** What belief is weighed from, told apart by identity: lists of items are made anew when one of them changes. */
interface Weighed {
  readonly hypotheses: readonly HypothesisState[];
  readonly stances: readonly StanceState[];
  readonly checks: readonly CheckState[];
  readonly evidenceRevision: number;
  readonly byHypothesis: ReadonlyMap<string, readonly StanceState[]>;
  readonly support: Map<string, Support>;
}

// A record is weighed over and over, and most entries change nothing of what is weighed.
const memory = new WeakMap<IncidentState, Weighed>();

/** The same object as long as nothing that belief rests on has changed. */
export function weighed(state: IncidentState): Weighed {
  const hypotheses = state.hypotheses.all();
  const stances = state.stances.all();
  const checks = state.checks.all();
  const { evidenceRevision } = state;
  const known = memory.get(state);
  if (
    known?.hypotheses === hypotheses &&
    known.stances === stances &&
    known.checks === checks &&
    known.evidenceRevision === evidenceRevision
  ) {
    return known;
  }
  const byHypothesis = new Map<string, StanceState[]>();
  for (const stance of stances) {
    const group = byHypothesis.get(stance.hypothesis);
    if (group === undefined) byHypothesis.set(stance.hypothesis, [stance]);
    else group.push(stance);
  }
  const fresh: Weighed = { hypotheses, stances, checks, evidenceRevision, byHypothesis, support: new Map() };
  memory.set(state, fresh);
  return fresh;
}

function weigh(state: IncidentState, hypothesis: HypothesisState, all: readonly StanceState[]): Support {
  const stances = all.filter((each) => stanceCounts(state, each));
  const supporting = stances.filter((each) => each.relation === 'supports');
  const refuting = stances.filter((each) => each.relation === 'refutes');
  const answered = state.checks.all().filter((each) => each.answer !== null);
  const survived = answered.filter(
    (each) => outcomeOf(each, hypothesis.id) === 'as_predicted' && couldRefute(each, hypothesis.id),
  );
  const refutedByCheck = answered.filter((each) => outcomeOf(each, hypothesis.id) === 'refuted');
  const firm = supporting.filter((each) => isFirm(state.evidence.get(each.evidence)));
  const facts = { supporting, refuting, survived, refutedByCheck, firmFamilies: families(state, firm) };
  return {
    ...facts,
    supportFamilies: families(state, supporting),
    refuteFamilies: families(state, refuting),
    ...capOf(
      facts,
      refuting.some((each) => isDecisive(state, each)),
    ),
  };
}

/** A stance counts while neither it nor its evidence is withdrawn. */
export function stanceCounts(state: IncidentState, stance: StanceState): boolean {
  return stance.withdrawn === null && state.evidence.get(stance.evidence)?.withdrawn === null;
}

/** An inferred link may be wrong: until somebody confirms it, evidence that came by one decides nothing. */
export function isFirm(fact: EvidenceFact | undefined): boolean {
  return fact !== undefined && (fact.linkMode !== 'inferred' || fact.confirmed !== null) && fact.disputed === null;
}

export function isDecisive(state: IncidentState, stance: StanceState): boolean {
  return stance.strength === 'decisive' && isFirm(state.evidence.get(stance.evidence));
}

export function exceeds(level: ConfidenceLevel, cap: ConfidenceLevel): boolean {
  return CONFIDENCE_LEVELS.indexOf(level) > CONFIDENCE_LEVELS.indexOf(cap);
}

function capOf(
  facts: Pick<Support, 'supporting' | 'refuting' | 'survived' | 'refutedByCheck' | 'firmFamilies'>,
  decisivelyRefuted: boolean,
): { readonly cap: ConfidenceLevel; readonly capReason: string } {
  if (decisivelyRefuted || facts.refutedByCheck.length > 0) {
    return { cap: 'low', capReason: 'decisive evidence or a check speaks against it' };
  }
  if (facts.supporting.length === 0) return { cap: 'low', capReason: 'nothing supports it yet' };
  if (facts.firmFamilies.length === 0) {
    return { cap: 'low', capReason: 'what supports it is disputed or linked by inference only' };
  }
  if (facts.firmFamilies.length < 2) return { cap: 'medium', capReason: 'one independent source supports it' };
  if (facts.survived.length === 0) {
    return { cap: 'medium', capReason: 'no answered check could have refuted it' };
  }
  if (facts.refuting.length > 0) return { cap: 'medium', capReason: 'some evidence speaks against it' };
  return {
    cap: 'high',
    capReason: `${facts.firmFamilies.length} independent sources support it and it survived a check`,
  };
}

function outcomeOf(check: CheckState, hypothesis: string) {
  return check.answer?.outcomes.find((each) => each.hypothesis === hypothesis)?.outcome;
}

// A check could have refuted a hypothesis when it was planned with an outcome that would.
function couldRefute(check: CheckState, hypothesis: string): boolean {
  return check.predictions.some((each) => each.hypothesis === hypothesis && each.refutesIf !== '');
}

function families(state: IncidentState, stances: readonly StanceState[]): readonly string[] {
  return [...new Set(stances.map((each) => state.evidence.get(each.evidence)?.sourceFamily ?? ''))].sort();
}
