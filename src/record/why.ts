import { restsOn } from './flag.ts';
import type { IncidentState } from './incident-state.ts';
import type { WhyAnswer, WhyStep } from './record-service.ts';

const MAX_STEPS = 200;

/**
 * The chain behind one item: action → approval → decision → hypotheses → evidence. `target` is `{kind}:{id or label}`;
 * the kind must be the item's. Each step is given once, what it rests on after it.
 */
export function whyOf(state: IncidentState, target: string): WhyAnswer | undefined {
  const colon = target.indexOf(':');
  const kind = target.slice(0, colon);
  const first = stepOf(state, target.slice(colon + 1));
  if (colon < 1 || first === undefined || first.kind !== kind) return undefined;
  const steps: WhyStep[] = [];
  const missing: string[] = [];
  const seen = new Set<string>();
  const waiting = [first];
  for (let step = waiting.shift(); step !== undefined && steps.length < MAX_STEPS; step = waiting.shift()) {
    if (seen.has(step.id)) continue;
    seen.add(step.id);
    steps.push(step);
    missing.push(...lacks(step));
    for (const id of step.restsOn) {
      const next = stepOf(state, id);
      if (next !== undefined) waiting.push(next);
    }
  }
  return { target: { kind, id: first.id }, steps, complete: missing.length === 0, missing };
}

function lacks(step: WhyStep): string[] {
  if (step.restsOn.length > 0 || step.kind === 'evidence' || step.kind === 'entry' || step.kind === 'gap') return [];
  return [`${step.label ?? step.kind} names nothing it rests on`];
}

function stepOf(state: IncidentState, id: string): WhyStep | undefined {
  const action = state.actions.find(id);
  if (action !== undefined) {
    const approvals = state.approvals.all().filter((each) => each.action === action.id && each.state === 'consumed');
    return {
      kind: 'action',
      id: action.id,
      label: action.label,
      text: action.intent,
      restsOn: unique([
        ...approvals.map((each) => each.id),
        ...(action.decision === null ? [] : [action.decision]),
        ...action.hypotheses,
      ]),
    };
  }
  const approval = state.approvals.find(id);
  if (approval !== undefined) {
    const names = approval.votes.filter((each) => each.verdict === 'approve').map((each) => each.by.name);
    const asked = state.actions.find(approval.action);
    return {
      kind: 'approval',
      id: approval.id,
      label: approval.label,
      text: names.length === 0 ? approval.state : `${approval.state}; approved by ${names.join(', ')}`,
      restsOn: unique([...(asked?.decision == null ? [] : [asked.decision]), ...approval.hypotheses]),
    };
  }
  const decision = state.decisions.find(id);
  if (decision !== undefined) {
    return {
      kind: 'decision',
      id: decision.id,
      label: decision.label,
      text: `${decision.chosen}: ${decision.rationale}`,
      restsOn: unique([...decision.considered, ...decision.basis, ...decision.gapsAccepted]),
    };
  }
  const hypothesis = state.hypotheses.find(id);
  if (hypothesis !== undefined) {
    const checks = state.checks
      .all()
      .filter((check) => check.answer?.outcomes.some((each) => each.hypothesis === hypothesis.id));
    return {
      kind: 'hypothesis',
      id: hypothesis.id,
      label: hypothesis.label,
      text: hypothesis.statement,
      restsOn: unique([
        ...restsOn(state, hypothesis.id),
        ...(hypothesis.rejected?.killedBy ?? []),
        ...checks.map((each) => each.id),
      ]),
    };
  }
  const check = state.checks.find(id);
  if (check !== undefined) {
    const text = check.answer === null ? check.question : `${check.question} ${check.answer.text}`;
    return { kind: 'check', id: check.id, label: check.label, text, restsOn: check.answer?.evidence ?? [] };
  }
  const stance = state.stances.find(id);
  if (stance !== undefined) {
    return { kind: 'stance', id: stance.id, label: stance.label, text: stance.rationale, restsOn: [stance.evidence] };
  }
  const message = state.messages.find(id);
  if (message !== undefined) {
    return { kind: 'message', id: message.id, label: message.label, text: message.body, restsOn: message.restsOn };
  }
  const gap = state.gaps.find(id);
  if (gap !== undefined) return { kind: 'gap', id: gap.id, label: gap.label, text: gap.what, restsOn: [] };
  const fact = state.evidence.get(id);
  if (fact !== undefined) {
    const fallen = fact.withdrawn === null ? '' : ', withdrawn since';
    return {
      kind: 'evidence',
      id,
      label: null,
      text: `${fact.kind} from ${fact.sourceFamily}${fallen}`,
      restsOn: [],
    };
  }
  const seq = state.seqByEntryId.get(id);
  return seq === undefined ? undefined : { kind: 'entry', id, label: null, text: `entry ${seq}`, restsOn: [] };
}

function unique(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)];
}
