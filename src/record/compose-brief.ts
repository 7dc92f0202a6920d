import type { Actor } from './actor.ts';
import { BRIEF_SECTIONS, type Brief, type BriefLine, type BriefSection, type BriefSectionKey } from './brief.ts';
import { briefMarkdown } from './brief-markdown.ts';
import { clockTime, isPast, spell } from './freshness.ts';
import type {
  Action,
  CustomersAffected,
  EvidenceLine,
  Gap,
  Hypothesis,
  IncidentRecord,
  IncidentStatus,
  Message,
  ResponsibilityKind,
  Stance,
} from './incident-record.ts';
import { escapeMarkdown, oneLine } from './plain-text.ts';

/** As JSON and as Markdown. */
export const MAX_BRIEF_BYTES = 4_000;

/** A record before its brief is written. */
export type Briefed = Omit<IncidentRecord, 'brief'>;

export interface BriefOptions {
  readonly now: Date;
  /** Only what differs from the record as it stood after this entry. */
  readonly since: number | null;
  readonly before?: Briefed;
}

// More than this never fits beside the other sections.
const MAX_SECTION_LINES = 20;

interface Draft extends BriefLine {
  /** Worth saying only to somebody who asks what changed. */
  readonly news?: boolean;
  /** Late, and so worth saying again to somebody who asks what changed. */
  readonly late?: boolean;
}

/** Says in under 4 KB what a joiner must know, or what changed; the same record and clock give the same words. */
export function composeBrief(record: Briefed, { now, since, before }: BriefOptions): Brief {
  const drafts = draftSections(record, now);
  const labels = labelsOf(record);
  const earlier = before === undefined ? undefined : draftSections(before, now);
  const sections = BRIEF_SECTIONS.map(({ key, title }): BriefSection => {
    const all = drafts[key];
    const known = new Set((earlier?.[key] ?? []).map((each) => each.text));
    const lines =
      since === null
        ? all.filter((each) => each.news !== true)
        : all.filter((each) => each.late === true || !known.has(each.text));
    const kept = lines
      .slice(0, MAX_SECTION_LINES)
      .map(({ text, ids }) => ({ text, ids: [...new Set(ids.map((each) => labels.get(each) ?? each))] }));
    return { key, title, lines: kept, omitted: lines.length - kept.length };
  });
  const { id, ref, head } = record;
  const brief: Brief = { id, ref, title: oneLine(record.title, 200), head, since, asOf: now.toISOString(), sections };
  return fit(brief);
}

/**
 * Shortens until both forms fit: first lines are clipped, then the longest section loses its last line, again and again.
 * Every section keeps one line.
 */
function fit(brief: Brief): Brief {
  let fitted = brief;
  for (const width of [400, 280, 200]) {
    fitted = {
      ...brief,
      sections: brief.sections.map((section) => ({
        ...section,
        lines: section.lines.map(({ text, ids }) => ({ text: oneLine(text, width), ids: ids.slice(0, 3) })),
      })),
    };
    if (sizeOf(fitted) <= MAX_BRIEF_BYTES) return fitted;
  }
  fitted = dropLines(fitted);
  while (sizeOf(fitted) > MAX_BRIEF_BYTES) {
    const longest = fitted.sections.reduce((one, other) => (weight(other) > weight(one) ? other : one));
    const next =
      longest.lines.length > 1
        ? { ...longest, lines: longest.lines.slice(0, -1), omitted: longest.omitted + 1 }
        : {
            ...longest,
            lines: longest.lines.map(({ text }) => ({
              text: oneLine(text, Math.max(20, Math.floor(text.length / 2))),
              ids: [],
            })),
          };
    if (longest.lines.length <= 1 && sizeOfLines(next) >= sizeOfLines(longest)) return fitted;
    fitted = { ...fitted, sections: fitted.sections.map((section) => (section === longest ? next : section)) };
  }
  return fitted;
}

/**
 * Takes the last line of the longest section away, again and again, as long as the brief is too long by the sizes of its lines
 * alone: cheap, and never one line more than rendering it every time would take.
 */
function dropLines(brief: Brief): Brief {
  const sections = brief.sections.map((section) => ({ section, lines: [...section.lines] }));
  const bare = { ...brief, sections: brief.sections.map((section) => ({ ...section, lines: [] })) };
  let json = Buffer.byteLength(JSON.stringify(bare));
  let markdown = 0;
  const jsonOf = sections.map(({ lines }) => lines.map((line) => Buffer.byteLength(JSON.stringify(line))));
  for (const [index, { lines }] of sections.entries()) {
    json += sum(jsonOf[index] ?? []) + Math.max(0, lines.length - 1);
    for (const { text } of lines) markdown += markdownBytes(text);
  }
  while (Math.max(json, markdown) > MAX_BRIEF_BYTES) {
    let longest = -1;
    let most = 0;
    for (const [index, { section, lines }] of sections.entries()) {
      if (lines.length <= 1) continue;
      const bytes = sum(jsonOf[index] ?? []) + lines.length + 1;
      const weighed = 10_000 + bytes * (GIVES_WAY_LAST.includes(section.key) ? 0.5 : 1);
      if (weighed > most) [longest, most] = [index, weighed];
    }
    const dropped = sections[longest]?.lines.pop();
    if (dropped === undefined) break;
    json -= (jsonOf[longest]?.pop() ?? 0) + 1;
    markdown -= markdownBytes(dropped.text);
  }
  return {
    ...brief,
    sections: sections.map(({ section, lines }) => ({
      ...section,
      lines,
      omitted: section.omitted + section.lines.length - lines.length,
    })),
  };
}

function markdownBytes(text: string): number {
  return Buffer.byteLength(`- ${escapeMarkdown(text)}\n`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

// What must be read first.
const GIVES_WAY_LAST: readonly BriefSectionKey[] = ['now', 'leading_theory'];

function sizeOf(brief: Brief): number {
  return Math.max(Buffer.byteLength(JSON.stringify(brief)), Buffer.byteLength(briefMarkdown(brief)));
}

function sizeOfLines(section: BriefSection): number {
  return Buffer.byteLength(JSON.stringify(section.lines));
}

function weight(section: BriefSection): number {
  const first = GIVES_WAY_LAST.includes(section.key) ? 0.5 : 1;
  return section.lines.length > 1 ? 10_000 + sizeOfLines(section) * first : sizeOfLines(section) * first;
}

function draftSections(record: Briefed, now: Date): Record<BriefSectionKey, readonly Draft[]> {
  return {
    now: nowLines(record, now),
    leading_theory: leadingTheory(record),
    ruled_out: orElse(ruledOut(record), 'Nothing has been ruled out yet.'),
    not_known: orElse(notKnown(record), 'No gap is open.'),
    contested: orElse(contested(record), 'Nothing is contested.'),
    doing: orElse(doing(record, now), 'Nobody has said what they are doing.'),
    waiting_for_approval: orElse(waiting(record, now), 'Nothing waits for approval.'),
    changed_in_production: orElse(changed(record, now), 'No change has been made.'),
    told_to_customers: orElse(told(record, now), 'Nothing has been said.'),
    next: orElse(next(record, now), 'Nothing is planned.'),
  };
}

function nowLines(record: Briefed, now: Date): Draft[] {
  const severity = record.severity === 'unknown' ? 'Severity not set' : record.severity.toUpperCase();
  const end = record.resolvedAt ?? (OVER.includes(record.status) ? null : now.toISOString());
  const lasted =
    end === null
      ? ''
      : `, ${record.resolvedAt === null ? 'going on for' : 'lasted'} ${spell(new Date(record.startedAt), new Date(end))}`;
  const lines: Draft[] = [
    said(`${severity}, ${record.status}. Started ${clockTime(record.startedAt, now)}${lasted}.${place(record)}`),
  ];
  if (!record.integrity.verified) lines.push(said('WARNING: the log of this record does not verify.'));
  const impact = record.impact;
  lines.push(
    impact === null
      ? said('Customers affected: not said yet.')
      : said(
          `Customers affected: ${customers(impact.customersAffected)}${impact.segments.length === 0 ? '' : ` (${impact.segments.join(', ')})`}${impact.since === null ? '' : `, since ${clockTime(impact.since, now)}`}.${impact.text === null ? '' : ` ${sentence(impact.text)}`}`,
        ),
  );
  const update = record.statusUpdates.at(-1);
  if (update !== undefined) {
    const doing = update.doing === null ? '' : ` Doing: ${sentence(update.doing)}`;
    lines.push(
      said(`${who(update.by)} at ${clockTime(update.at, now)}: ${sentence(update.happening)}${doing}`, update.id),
    );
    lines.push(nextUpdate(record, now));
  }
  for (const trigger of record.triggers.slice(0, 2)) {
    const deploy = trigger.deployTime === null ? '' : ` Deploy at ${clockTime(trigger.deployTime, now)}.`;
    const service = trigger.service === null ? '' : ` on ${trigger.service}`;
    lines.push(
      said(
        `Raised by ${trigger.source}${service} at ${clockTime(trigger.firedAt ?? trigger.at, now)}: ${sentence(trigger.title)}${deploy}`,
        trigger.id,
      ),
    );
  }
  return lines;
}

const OVER: readonly IncidentStatus[] = ['resolved', 'review', 'closed', 'declined', 'merged', 'cancelled'];

function nextUpdate(record: Briefed, now: Date): Draft {
  const update = record.statusUpdates.at(-1);
  const due = update?.nextUpdateDue ?? null;
  if (OVER.includes(record.status)) return said('No further update is due.');
  if (update === undefined || due === null) return said('No next update has been promised.');
  if (update.overdue) {
    const words = `Next update OVERDUE by ${spell(new Date(due), now)} (was due ${clockTime(due, now)}).`;
    return { ...said(words, update.id), late: true };
  }
  return said(`Next update due ${clockTime(due, now)}, in ${spell(now, new Date(due))}.`, update.id);
}

function leadingTheory(record: Briefed): Draft[] {
  const leader = record.hypotheses.find((each) => each.id === record.fixation.leader);
  if (leader === undefined) return [said('No theory is live.')];
  const { confidence } = leader;
  const above = confidence.aboveCap ? `, above what the evidence allows (${confidence.cap})` : '';
  const lines: Draft[] = [
    said(
      `${leader.label} (${leader.state}, confidence ${confidence.level}${above}): ${sentence(leader.statement)}`,
      leader.id,
    ),
  ];
  for (const flag of leader.flags) {
    lines.push(said(`Careful: ${FLAG_WORDS[flag.code]} (${shortId(flag.target)}).`, flag.target));
  }
  const families = leader.supportFamilies.length;
  const self = leader.selfSoughtSupport === 0 ? '' : `, ${leader.selfSoughtSupport} of them self-sought`;
  lines.push(
    said(
      leader.supporting.length === 0
        ? `Nothing supports ${leader.label} yet; ${count(leader.refuting.length, 'piece')} of evidence against.`
        : `${leader.label} has ${count(leader.supporting.length, 'piece')} of evidence from ${count(families, 'independent source')}${self}; ${leader.refuting.length} against. Confidence is capped at ${confidence.cap}: ${confidence.capReason}.`,
    ),
  );
  for (const stance of strongest(leader.stances, 'supports').slice(0, 3))
    lines.push(stanceLine(`For ${leader.label}`, stance));
  for (const stance of strongest(leader.stances, 'refutes').slice(0, 2))
    lines.push(stanceLine(`Against ${leader.label}`, stance));
  const refuters = [
    ...leader.refutedBy,
    ...record.checks
      .filter((check) => check.state === 'planned' || check.state === 'running')
      .flatMap((check) =>
        check.predictions.filter((each) => each.hypothesis === leader.id).map((each) => each.refutesIf),
      ),
  ];
  lines.push(
    said(
      refuters.length === 0
        ? `Nobody has said what would refute ${leader.label}.`
        : `${leader.label} would be refuted by: ${refuters.slice(0, 3).map(unstop).join('; ')}.`,
    ),
  );
  for (const other of record.hypotheses.filter((each) => each.live && each.id !== leader.id)) {
    lines.push(
      said(
        `Also live: ${other.label} (${other.state}, ${other.confidence.level}; ${other.supporting.length} for, ${other.refuting.length} against): ${sentence(other.statement)}`,
        other.id,
      ),
    );
  }
  if (record.fixation.challengeDue) lines.push(said(`A challenge is due. ${record.fixation.explanation.join(' ')}`));
  return lines;
}

const FLAG_WORDS = {
  evidence_withdrawn: 'evidence it rests on was withdrawn',
  evidence_disputed: 'evidence it rests on is disputed',
  hypothesis_rejected: 'a hypothesis it rests on was rejected',
  gap_open: 'it rests on something unknown',
  content_erased: 'the content of evidence it rests on was erased',
} as const;

function stanceLine(word: string, stance: Stance): Draft {
  const caution = stance.linkMode === 'inferred' ? ', linked by inference' : '';
  return said(
    `${word} (${stance.strength}, ${who(stance.by)}, evidence ${shortId(stance.evidence)}${caution}): ${sentence(stance.rationale)}`,
    stance.evidence,
  );
}

function strongest(stances: readonly Stance[], relation: Stance['relation']): readonly Stance[] {
  const order = ['decisive', 'moderate', 'weak'];
  return stances
    .filter((each) => each.relation === relation && each.counts)
    .sort((one, other) => order.indexOf(one.strength) - order.indexOf(other.strength) || one.seq - other.seq);
}

function ruledOut(record: Briefed): Draft[] {
  return record.hypotheses
    .filter((each) => !each.live)
    .sort((one, other) => (other.rejected?.seq ?? 0) - (one.rejected?.seq ?? 0))
    .map((each) => ruledOutLine(record, each));
}

function ruledOutLine(record: Briefed, hypothesis: Hypothesis): Draft {
  const { rejected, label, statement, id } = hypothesis;
  if (rejected === null) {
    const successor = record.hypotheses.find((each) => each.id === hypothesis.supersededBy);
    return said(`${label}: ${sentence(statement)} Superseded by ${successor?.label ?? 'another'}.`, id);
  }
  const reopen = rejected.reopenIf === null ? '' : ` Reopen if: ${sentence(rejected.reopenIf)}`;
  if (rejected.setAside) {
    return said(`${label}: ${sentence(statement)} Set aside, not refuted: ${sentence(rejected.reason)}${reopen}`, id);
  }
  const killers = rejected.killedBy.map((killer) => nameOf(record, killer)).join(', ');
  return said(
    `${label}: ${sentence(statement)} Killed by ${killers}: ${sentence(rejected.reason)}${reopen}`,
    id,
    ...rejected.killedBy,
  );
}

function notKnown(record: Briefed): Draft[] {
  const lines: Draft[] = [];
  for (const gap of record.gaps) {
    if (gap.kind === 'unapproved_mutation') continue;
    if (gap.state === 'open') lines.push(gapLine(record, gap));
    else if (gap.state === 'accepted') {
      lines.push(said(`${gap.label}, accepted as unknown: ${sentence(gap.what)}`, gap.id));
    } else {
      lines.push({
        ...said(`${gap.label} is known now: ${sentence(gap.closed?.reason ?? gap.what)}`, gap.id),
        news: true,
      });
    }
  }
  for (const check of record.checks.filter((each) => each.state === 'impossible')) {
    lines.push(said(`${check.label} cannot be done: ${sentence(check.question)}`, check.id));
  }
  return lines;
}

function gapLine(record: Briefed, gap: Gap): Draft {
  const why = gap.why === null ? '' : ` ${sentence(gap.why)}`;
  const blocks = gap.blocks.length === 0 ? '' : ` Blocks ${gap.blocks.map((id) => nameOf(record, id)).join(', ')}.`;
  return said(`${gap.label}: ${sentence(gap.what)}${why}${blocks}`, gap.id);
}

function contested(record: Briefed): Draft[] {
  const lines: Draft[] = [];
  for (const contention of record.contentions) {
    if (contention.state === 'resolved') {
      const resolution = contention.resolution;
      lines.push({
        ...said(
          `${contention.label} settled by ${resolution?.how ?? 'word'}: ${sentence(resolution?.reason ?? '')}`,
          contention.id,
        ),
        news: true,
      });
      continue;
    }
    const positions = contention.positions.map((each) => `${who(each.holder)}: ${unstop(each.statement)}`).join(' / ');
    const check = contention.discriminatingCheck;
    const settle = check === null ? ' No check would settle it yet.' : ` ${nameOf(record, check)} will tell.`;
    lines.push(said(`${contention.label}: ${sentence(contention.question)} ${positions}.${settle}`, contention.id));
  }
  for (const each of record.hypotheses) {
    if (!each.live || each.supporting.length === 0 || each.refuting.length === 0) continue;
    lines.push(
      said(`${each.label}: ${each.supporting.length} for, ${each.refuting.length} against, not settled.`, each.id),
    );
  }
  if (record.evidence.disputed.length > 0) {
    lines.push(
      said(
        `Disputed evidence: ${record.evidence.disputed.slice(0, 5).map(shortId).join(', ')}.`,
        ...record.evidence.disputed,
      ),
    );
  }
  return lines;
}

function doing(record: Briefed, now: Date): Draft[] {
  const lines: Draft[] = [];
  const held = record.responsibilities.filter((each) => each.held);
  const command = held.find((each) => each.kind === 'command');
  lines.push(
    command === undefined ? said('Nobody holds command.') : said(`${who(command.holder)} holds command.`, command.id),
  );
  const others = held.filter((each) => each.kind !== 'command');
  if (others.length > 0) {
    const words = others.map((each) => `${who(each.holder)} ${DOES[each.kind]} (${each.workstream})`).join('; ');
    lines.push(said(`${words}.`, ...others.map((each) => each.id)));
  }
  for (const decision of [...record.decisions].reverse()) {
    const flags = decision.flags.length === 0 ? '' : ' Careful: something it rests on fell.';
    const verb = decision.stands ? 'Decided' : 'Decided, then reversed';
    lines.push(
      said(
        `${verb} at ${clockTime(decision.at, now)} by ${who(decision.by)}: ${sentence(decision.chosen)} Because: ${sentence(decision.rationale)}${flags}`,
        decision.id,
      ),
    );
  }
  for (const each of record.handoffs) {
    if (each.state !== 'offered') continue;
    lines.push(
      said(`${each.label}: ${who(each.from)} offers to hand over to ${who(each.to)}; not accepted yet.`, each.id),
    );
  }
  for (const check of record.checks) {
    if (check.state === 'answered') {
      lines.push({ ...said(`${check.label} answered: ${sentence(check.answer?.text ?? '')}`, check.id), news: true });
    }
    if (check.state !== 'planned' && check.state !== 'running') continue;
    const owner = check.owner === null ? 'nobody' : who(check.owner);
    const due =
      check.due === null
        ? ''
        : check.overdue
          ? `, OVERDUE since ${clockTime(check.due, now)}`
          : `, due ${clockTime(check.due, now)}`;
    lines.push(said(`${check.label} ${check.state} by ${owner}${due}: ${sentence(check.question)}`, check.id));
  }
  for (const action of record.actions.filter((each) => each.state === 'executing')) {
    lines.push(said(`${action.label} is running: ${actionWords(action)}.`, action.id));
  }
  return lines;
}

const DOES: Readonly<Record<ResponsibilityKind, string>> = {
  command: 'holds command',
  investigate: 'investigates',
  act: 'acts',
  approve: 'approves',
  communicate: 'communicates',
  watch: 'watches',
  draft: 'drafts',
  scribe: 'keeps the record',
  challenge: 'challenges',
};

function waiting(record: Briefed, now: Date): Draft[] {
  const lines: Draft[] = [];
  for (const approval of record.approvals) {
    const action = record.actions.find((each) => each.id === approval.action);
    const what = action === undefined ? nameOf(record, approval.action) : `${action.label} ${actionWords(action)}`;
    if (approval.state === 'pending') {
      const yes = approval.votes.filter((vote) => vote.verdict === 'approve').length;
      const expiry = isPast(approval.expiresAt, now)
        ? `EXPIRED ${clockTime(approval.expiresAt, now)}`
        : `until ${clockTime(approval.expiresAt, now)}`;
      lines.push(said(`${approval.label} for ${what}: ${yes} of ${approval.quorum} votes, ${expiry}.`, approval.id));
    } else if (approval.state === 'granted') {
      lines.push(said(`${approval.label} for ${what}: granted, not used yet.`, approval.id));
    } else if (approval.state === 'denied') {
      const denial = approval.votes.find((vote) => vote.verdict === 'deny');
      const why = denial?.reason == null ? '' : ` ${sentence(denial.reason)}`;
      lines.push(
        said(
          `${approval.label} for ${what}: DENIED${denial === undefined ? '' : ` by ${who(denial.by)}`}.${why}`,
          approval.id,
        ),
      );
    } else if (approval.state === 'stale') {
      lines.push(
        said(
          `${approval.label} for ${what}: STALE, ${unstop(approval.staleBecause ?? 'what it rested on is gone')}.`,
          approval.id,
        ),
      );
    }
  }
  for (const action of record.actions.filter((each) => each.state === 'proposed')) {
    if (record.approvals.some((each) => each.action === action.id && each.state !== 'cancelled')) continue;
    lines.push(
      said(`${action.label} proposed by ${who(action.by)}, no approval asked for: ${actionWords(action)}.`, action.id),
    );
  }
  return lines;
}

/** What was done without leave, then what was done and what telemetry saw change, newest first. */
function changed(record: Briefed, now: Date): Draft[] {
  const unapproved = record.gaps
    .filter((gap) => gap.kind === 'unapproved_mutation')
    .map((gap) => {
      const state = gap.state === 'open' ? 'UNAPPROVED' : 'Unapproved, since explained';
      return said(`${state} (${gap.label}): ${sentence(gap.what)}`, gap.id);
    });
  const done = record.actions.flatMap((action) => {
    if (action.started === null) return [];
    const at = action.finished?.at ?? action.started.at;
    const words = `${action.label} at ${clockTime(at, now)} by ${who(action.started.by)}: ${actionWords(action)}. ${effect(action, now)}`;
    return [{ at, line: said(words, action.id) }];
  });
  // What an action names as its own work is told there.
  const told = new Set(record.actions.flatMap((action) => action.finished?.evidence ?? []));
  const seen = record.evidence.changes
    .filter((row) => !told.has(row.id) && row.state !== 'withdrawn')
    .map((row) => ({ at: row.occurredAt, line: changeLine(row, now) }));
  const newestFirst = [...done, ...seen.slice(0, SEEN_CHANGES_MAX)]
    .sort((one, other) => Date.parse(other.at) - Date.parse(one.at))
    .map((each) => each.line);
  const left = record.evidence.changes.length - seen.length + Math.min(seen.length, SEEN_CHANGES_MAX);
  const more = (record.evidence.counts['change'] ?? 0) - left;
  return [
    ...unapproved,
    ...newestFirst,
    ...(more > 0 && seen.length > 0 ? [said(`${count(more, 'earlier change')} in the evidence.`)] : []),
  ];
}

// More changes than this are a deployment log, not a brief.
const SEEN_CHANGES_MAX = 6;

function changeLine(row: EvidenceLine, now: Date): Draft {
  const where = row.service === '' ? '' : ` on ${row.service}`;
  const failed = row.outcome === 'error' || row.outcome === 'timeout' ? ' It failed.' : '';
  const doubt = row.state === 'disputed' ? ' Disputed.' : '';
  return said(`Seen at ${clockTime(row.occurredAt, now)}${where}: ${sentence(row.summary)}${failed}${doubt}`, row.id);
}

function effect(action: Action, now: Date): string {
  if (action.outcome !== null) {
    const text = action.outcome.text === null ? '' : ` ${sentence(action.outcome.text)}`;
    return `Outcome: ${action.outcome.effect.replace('_', ' ')}.${text}`;
  }
  if (action.finished === null) return 'Still running.';
  const failed = action.finished.ok ? '' : 'It failed. ';
  if (action.outcomeOverdue && action.outcomeDue !== null) {
    return `${failed}Outcome OVERDUE since ${clockTime(action.outcomeDue, now)}.`;
  }
  return `${failed}Outcome not known yet.`;
}

function actionWords(action: Action): string {
  return `${unstop(action.intent)} (${action.operation} on ${action.target})`;
}

function told(record: Briefed, now: Date): Draft[] {
  const lines: Draft[] = [];
  for (const message of [...record.messages].reverse()) lines.push(messageLine(message, now));
  return lines;
}

function messageLine(message: Message, now: Date): Draft {
  const to = `${message.label} to ${message.audience}`;
  const body = sentence(message.body);
  // What no longer holds is told by its beginning.
  const old = sentence(oneLine(message.body, 120));
  const unsupported = message.unsupported ? ' UNSUPPORTED: what it rests on has fallen.' : '';
  if (message.state === 'retracted') {
    return said(`${to}, RETRACTED: ${old} Because: ${sentence(message.retracted?.reason ?? '')}`, message.id);
  }
  if (message.state === 'corrected') return said(`${to}, corrected since: ${old}`, message.id);
  if (message.sent !== null)
    return said(`${to}, sent ${clockTime(message.sent.at, now)}: ${body}${unsupported}`, message.id);
  const due =
    message.due === null
      ? ''
      : message.overdue
        ? `, OVERDUE since ${clockTime(message.due, now)}`
        : `, due ${clockTime(message.due, now)}`;
  return said(`${to}, ${message.state}, not sent${due}: ${body}${unsupported}`, message.id);
}

function next(record: Briefed, now: Date): Draft[] {
  const lines: Draft[] = [];
  if (record.statusUpdates.length > 0 && !OVER.includes(record.status)) lines.push(nextUpdate(record, now));
  for (const decision of record.decisions) {
    if (!decision.stands || decision.revisitAt === null) continue;
    const word = isPast(decision.revisitAt, now)
      ? 'OVERDUE: look again at'
      : `At ${clockTime(decision.revisitAt, now)} look again at`;
    lines.push(said(`${word} ${decision.label}: ${sentence(decision.chosen)}`, decision.id));
  }
  for (const each of record.followUps) {
    const owner = each.owner === null ? 'no owner' : who(each.owner);
    if (each.closed !== null) {
      const how = each.state === 'done' ? 'done' : `refused: ${sentence(each.closed.reason ?? '')}`;
      lines.push({ ...said(`${each.label} ${how} (${unstop(each.title)}).`, each.id), news: true });
      continue;
    }
    const due =
      each.due === null
        ? ''
        : each.overdue
          ? `, OVERDUE since ${clockTime(each.due, now)}`
          : `, due ${clockTime(each.due, now)}`;
    const missing = each.requiredProofs.filter((kind) => !each.proofs.some((proof) => proof.kind === kind));
    const proofs =
      missing.length === 0 ? '' : ` Needs proof: ${missing.map((kind) => kind.replace('_', ' ')).join(', ')}.`;
    lines.push(said(`${each.label} (${owner}${due}): ${sentence(each.title)}${proofs}`, each.id));
  }
  return lines;
}

function said(text: string, ...ids: string[]): Draft {
  return { text: oneLine(text, 1_000), ids };
}

function orElse(lines: readonly Draft[], words: string): readonly Draft[] {
  return lines.some((each) => each.news !== true) ? lines : [said(words), ...lines];
}

function place(record: Briefed): string {
  if (record.services.length === 0 && record.environments.length === 0) return '';
  const where = record.environments.length === 0 ? '' : ` in ${record.environments.join(', ')}`;
  return ` Touches ${record.services.length === 0 ? 'services not named' : record.services.join(', ')}${where}.`;
}

function customers(affected: CustomersAffected): string {
  switch (affected.kind) {
    case 'count':
      return thousands(affected.count);
    case 'range':
      return `${thousands(affected.from)} to ${thousands(affected.to)}`;
    default:
      return 'unknown';
  }
}

function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function who(actor: Actor): string {
  return actor.kind === 'agent' ? `${actor.name} (agent)` : actor.name;
}

function count(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`;
}

/** With a full stop, so that what follows reads on. */
function sentence(text: string): string {
  const trimmed = oneLine(text, 300);
  return /[.!?…]$/u.test(trimmed) ? trimmed : `${trimmed}.`;
}

function unstop(text: string): string {
  return oneLine(text, 300).replace(/\.$/u, '');
}

/** The label of an item, or the first digits of an evidence id. */
function nameOf(record: Briefed, id: string): string {
  return labelsOf(record).get(id) ?? `evidence ${shortId(id)}`;
}

// By the list of hypotheses, which is the same one as long as the head is.
const labelsByHead = new WeakMap<Briefed['hypotheses'], ReadonlyMap<string, string>>();

/** Labels by id: shorter than ids, and taken wherever a command takes one. */
function labelsOf(record: Briefed): ReadonlyMap<string, string> {
  let labels = labelsByHead.get(record.hypotheses);
  if (labels === undefined) {
    const items = [
      record.triggers,
      record.hypotheses,
      record.checks,
      record.gaps,
      record.contentions,
      record.decisions,
      record.actions,
      record.approvals,
      record.responsibilities,
      record.handoffs,
      record.statusUpdates,
      record.messages,
      record.followUps,
      record.hypotheses.flatMap((each) => each.stances),
    ].flat();
    labels = new Map(items.map((each) => [each.id, each.label]));
    labelsByHead.set(record.hypotheses, labels);
  }
  return labels;
}

function shortId(id: string): string {
  return id.slice(0, 8);
}
