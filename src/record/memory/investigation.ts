import type { EvidenceRow } from '../evidence.ts';
import type { IncidentRecord } from '../incident-record.ts';
import { toolCallShape } from './tool-call-shape.ts';
import { wordsOf } from './words.ts';

/** Most kept of one incident; those made most often stay. */
const INVESTIGATIONS_MAX = 200;
const IDS_MAX = 20;
const QUESTION_WORDS_MIN = 2;

/**
 * One question that somebody went after: a planned check, or a tool called with the same arguments. Two with the same
 * `signature` asked the same thing in the same way, in one incident or in two.
 */
export interface Investigation {
  /** `check:` and the words of the question, or `tool:`, the call's shape and the digest of its arguments. */
  readonly signature: string;
  readonly kind: 'check' | 'tool_call';
  /** A check's question; a call's summary. */
  readonly question: string;
  /** Shapes of the tool calls it was asked with. */
  readonly tools: readonly string[];
  /** How often within the incident. */
  readonly times: number;
  /** Check or evidence ids, oldest first, at most 20. */
  readonly ids: readonly string[];
  /** In words. */
  readonly cameOf: string;
}

/** What was investigated in one incident. Pure; `rows` are its tool calls, in any order. */
export function investigationsOf(record: IncidentRecord, rows: readonly EvidenceRow[]): readonly Investigation[] {
  const calls = rows.filter((row) => row.kind === 'tool_call');
  const callsById = new Map(calls.map((row) => [row.id, row]));
  const investigations: Investigation[] = [];

  const checks = new Map<string, Investigation>();
  for (const check of record.checks) {
    const words = [...new Set(wordsOf(check.question))].sort();
    if (words.length < QUESTION_WORDS_MIN) continue;
    const shapes = (check.answer?.evidence ?? []).flatMap((id) => {
      const row = callsById.get(id);
      return row === undefined ? [] : (toolCallShape(row) ?? []);
    });
    const signature = `check:${words.join(' ')}`.slice(0, 500);
    const known = checks.get(signature);
    const cameOf =
      check.answer === null
        ? `${check.label} is ${check.state}`
        : `${check.label}: ${check.answer.text}${outcomesText(record, check.answer.outcomes)}`;
    checks.set(signature, {
      signature,
      kind: 'check',
      question: known?.question ?? check.question,
      tools: [...new Set([...(known?.tools ?? []), ...shapes])].sort(),
      times: (known?.times ?? 0) + 1,
      ids: [...(known?.ids ?? []), check.id].slice(0, IDS_MAX),
      cameOf: known === undefined ? cameOf : `${known.cameOf}; ${cameOf}`.slice(0, 2_000),
    });
  }
  investigations.push(...checks.values());

  const groups = new Map<string, { readonly shape: string; readonly rows: EvidenceRow[] }>();
  for (const row of calls) {
    const shape = toolCallShape(row);
    const question = row.content['arguments']?.digest;
    // Without its arguments nobody can tell whether a call asked the same.
    if (shape === undefined || question === null || question === undefined) continue;
    const signature = `tool:${shape} ${question}`.slice(0, 500);
    const group = groups.get(signature);
    if (group === undefined) groups.set(signature, { shape, rows: [row] });
    else group.rows.push(row);
  }
  for (const [signature, { shape, rows: group }] of groups) {
    const oldestFirst = group.sort((one, other) => Number(one.occurredAtUnixNano - other.occurredAtUnixNano));
    const [first] = oldestFirst;
    if (first === undefined) continue;
    investigations.push({
      signature,
      kind: 'tool_call',
      question: first.summary,
      tools: [shape],
      times: group.reduce((times, row) => times + 1 + identicalCalls(row), 0),
      ids: oldestFirst.slice(0, IDS_MAX).map((row) => row.id),
      cameOf: callsText(record, oldestFirst),
    });
  }
  return investigations
    .sort((one, other) => other.times - one.times || (one.signature < other.signature ? -1 : 1))
    .slice(0, INVESTIGATIONS_MAX);
}

/** Calls that were counted into this row because they were the same. */
function identicalCalls(row: EvidenceRow): number {
  const { identicalCalls: count } = row.facts;
  return typeof count === 'string' && /^\d{1,9}$/u.test(count) ? Number(count) : 0;
}

function outcomesText(
  record: IncidentRecord,
  outcomes: readonly { readonly hypothesis: string; readonly outcome: string }[],
): string {
  if (outcomes.length === 0) return '';
  const labels = new Map(record.hypotheses.map((each) => [each.id, each.label]));
  return ` (${outcomes
    .map(({ hypothesis, outcome }) => `${labels.get(hypothesis) ?? hypothesis} ${outcome.replaceAll('_', ' ')}`)
    .join(', ')})`;
}

/** How the calls ended, and what was made of them. */
function callsText(record: IncidentRecord, rows: readonly EvidenceRow[]): string {
  const outcomes = new Map<string, number>();
  for (const row of rows) outcomes.set(row.outcome, (outcomes.get(row.outcome) ?? 0) + 1);
  const parts = [[...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')];
  const ids = new Set(rows.map((row) => row.id));
  for (const hypothesis of record.hypotheses) {
    for (const stance of hypothesis.stances) {
      if (ids.has(stance.evidence) && stance.counts)
        parts.push(`${stance.relation} ${hypothesis.label}: ${stance.rationale}`);
    }
  }
  for (const check of record.checks) {
    if (check.answer?.evidence.some((id) => ids.has(id))) parts.push(`answered ${check.label}: ${check.answer.text}`);
  }
  return parts.join('; ').slice(0, 2_000);
}
