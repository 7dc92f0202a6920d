import { briefMarkdown } from './brief/brief-markdown.ts';
import type { IncidentRecord } from './incident-record.ts';
import { escapeMarkdown } from './plain-text.ts';

/** The whole record as Markdown: the brief, then every noun. All text is shown literally. */
export function recordMarkdown(record: IncidentRecord): string {
  const parts = [briefMarkdown(record.brief)];
  const section = (title: string, lines: readonly string[]) => {
    if (lines.length > 0) parts.push(`## ${title}\n\n${lines.join('\n')}\n`);
  };
  section(
    'Hypotheses',
    record.hypotheses.flatMap((each) => [
      item(each.label, `${each.state}, confidence ${each.confidence.level}`, each.statement),
      ...each.predicts.map((one) => sub('predicts', one)),
      ...each.refutedBy.map((one) => sub('refuted by', one)),
      ...each.stances.map((one) =>
        sub(
          `${one.relation}, ${one.strength}${one.counts ? '' : ', does not count'}, evidence ${one.evidence}`,
          one.rationale,
        ),
      ),
      ...(each.rejected === null ? [] : [sub(each.rejected.setAside ? 'set aside' : 'rejected', each.rejected.reason)]),
    ]),
  );
  section(
    'Checks',
    record.checks.flatMap((each) => [
      item(each.label, each.state, each.question),
      ...(each.answer === null ? [] : [sub('answer', each.answer.text)]),
    ]),
  );
  section(
    'Gaps',
    record.gaps.map((each) => item(each.label, `${each.kind}, ${each.state}`, each.what)),
  );
  section(
    'Contentions',
    record.contentions.map((each) => item(each.label, each.state, each.question)),
  );
  section(
    'Decisions',
    record.decisions.flatMap((each) => [
      item(each.label, `${each.at} by ${each.by.name}`, `${each.question} ${each.chosen}`),
      sub('because', each.rationale),
      ...each.options.map((option) => sub('option', option.text)),
    ]),
  );
  section(
    'Actions',
    record.actions.map((each) => item(each.label, each.state, `${each.intent} (${each.operation} on ${each.target})`)),
  );
  section(
    'Approvals',
    record.approvals.map((each) => item(each.label, each.state, `for ${each.action}, until ${each.expiresAt}`)),
  );
  section(
    'Responsibilities',
    record.responsibilities.map((each) =>
      item(each.label, each.held ? 'held' : 'given up', `${each.kind} (${each.workstream}): ${each.holder.name}`),
    ),
  );
  section(
    'Status updates',
    record.statusUpdates.map((each) => item(each.label, `${each.at} by ${each.by.name}`, each.happening)),
  );
  section(
    'Messages',
    record.messages.map((each) =>
      item(each.label, `${each.audience}, ${each.state}${each.unsupported ? ', unsupported' : ''}`, each.body),
    ),
  );
  section(
    'Follow-ups',
    record.followUps.map((each) => item(each.label, each.state, each.title)),
  );
  section('Latest evidence', evidenceLines(record.evidence));
  parts.push(`Entry ${record.head.seq}, hash ${record.head.hash}.\n`);
  return parts.join('\n');
}

function evidenceLines({ total, counts, latest }: IncidentRecord['evidence']): string[] {
  if (total === 0) return ['No evidence is filed yet.'];
  const kinds = Object.entries(counts).map(([kind, rows]) => `${rows} ${escapeMarkdown(kind)}`);
  return [
    `${total} ${total === 1 ? 'row' : 'rows'}: ${kinds.join(', ')}.`,
    '',
    ...latest.map((each) =>
      item(each.id.slice(0, 8), `${each.kind}, ${each.occurredAt}, ${each.outcome}`, each.summary),
    ),
  ];
}

function item(label: string, state: string, text: string): string {
  return `- ${label} (${escapeMarkdown(flat(state))}): ${escapeMarkdown(flat(text))}`;
}

function sub(word: string, text: string): string {
  return `  - ${escapeMarkdown(flat(word))}: ${escapeMarkdown(flat(text))}`;
}

// A line break in untrusted text could start a heading or a list of its own.
function flat(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}
