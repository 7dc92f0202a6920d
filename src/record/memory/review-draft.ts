import type { IncidentRecord } from '../incident-record.ts';
import { escapeMarkdown, oneLine } from '../plain-text.ts';

/** A sentence and the entries or evidence it rests on: never none. */
export interface ReviewSentence {
  readonly text: string;
  readonly cites: readonly string[];
}

export interface ReviewSection {
  readonly title: string;
  readonly sentences: readonly ReviewSentence[];
}

export interface ReviewDraft {
  readonly incident: { readonly id: string; readonly ref: string; readonly title: string };
  /** The record it was drafted from. */
  readonly head: { readonly seq: number; readonly hash: string };
  readonly sections: readonly ReviewSection[];
}

const SENTENCES_MAX = 200;

/**
 * The draft of a review, composed from the record by rules, without a model: the same record gives the same sentences. It
 * says what the record says and no more; a person edits and publishes it.
 */
export function draftReview(record: IncidentRecord): ReviewDraft {
  const labels = new Map(record.hypotheses.map((each) => [each.id, each.label]));
  const named = (ids: readonly string[]): string => ids.map((id) => labels.get(id) ?? id.slice(0, 12)).join(', ');
  const sections: ReviewSection[] = [
    { title: 'What happened', sentences: whatHappened(record) },
    {
      title: 'What it was',
      sentences: record.hypotheses
        .filter((each) => each.state === 'accepted' || each.state === 'supported')
        .map((each) => ({
          text:
            each.accepted === null
              ? `${each.label} is supported, with confidence ${each.confidence.level}: ${each.statement}`
              : `${each.accepted.by.name} accepted ${each.label}${each.accepted.overrideReason === null ? '' : ` without the evidence the rules ask for (${each.accepted.overrideReason})`}: ${each.statement}`,
          cites: [each.id, ...each.supporting],
        })),
    },
    {
      title: 'What was ruled out',
      sentences: record.hypotheses.flatMap((each) =>
        each.rejected === null
          ? []
          : [
              {
                text: `${each.label} ("${each.statement}") was ${each.rejected.setAside ? 'set aside' : 'ruled out'} by ${each.rejected.by.name} because ${lowerFirst(each.rejected.reason)}`,
                cites: [each.id, ...each.rejected.killedBy],
              },
            ],
      ),
    },
    {
      title: 'What was decided',
      sentences: record.decisions.map((each) => ({
        text: `Asked "${each.question}", ${each.by.name} chose "${each.chosen}" because ${lowerFirst(each.rationale)}${each.stands ? '' : '; it was reversed later'}`,
        cites: [each.id, ...each.considered],
      })),
    },
    {
      title: 'What was changed',
      sentences: record.actions
        .filter((each) => each.started !== null)
        .map((each) => ({
          text: `${each.started?.by.name ?? each.by.name} ran ${each.operation} on ${each.target} to ${lowerFirst(each.intent)}, and it ${each.outcome === null ? 'has no outcome on record' : outcomeWords(each.outcome.effect)}${each.outcome?.text ? ` (${each.outcome.text})` : ''}`,
          cites: [each.id, ...(each.decision === null ? [] : [each.decision]), ...(each.outcome?.evidence ?? [])],
        })),
    },
    {
      title: 'What was said to others',
      sentences: record.messages
        .filter((each) => each.sent !== null)
        .map((each) => ({
          text: `${each.sent?.by.name ?? each.by.name} told ${each.audience}: "${each.body}"${each.state === 'sent' ? '' : `, which was ${each.state} later`}`,
          cites: [each.id, ...each.restsOn],
        })),
    },
    {
      title: 'What was contested',
      sentences: record.contentions.map((each) => ({
        text: `It was contested whether ${lowerFirst(each.question)}${each.resolution === null ? ', and still is' : `, until ${each.resolution.by.name} settled it: ${each.resolution.reason}`}`,
        cites: [each.id, ...each.positions.flatMap((position) => position.evidence)],
      })),
    },
    {
      title: 'How the work was handed over',
      sentences: record.handoffs.map((each) => ({
        text: `${each.from.name} offered ${each.to.name} a handoff, which was ${each.state === 'offered' ? 'never answered' : each.state}`,
        cites: [each.id],
      })),
    },
    {
      title: 'What is not known',
      sentences: record.gaps
        .filter((each) => each.state !== 'filled')
        .map((each) => ({
          text: `${each.what}${each.why === null ? '' : ` (${each.why})`}${each.blocks.length === 0 ? '' : `; it bears on ${named(each.blocks)}`}`,
          cites: [each.id],
        })),
    },
    {
      title: 'What remains to be done',
      sentences: record.followUps.map((each) => ({
        text: `${each.label}, ${each.title}, is ${each.state.replaceAll('_', ' ')}${each.owner === null ? ' and nobody owns it' : ` and ${each.owner.name} owns it`}${each.externalRef === null ? '' : ` (${each.externalRef})`}`,
        cites: [each.id, ...each.origin],
      })),
    },
  ];
  let left = SENTENCES_MAX;
  const { id, ref, title, head } = record;
  return {
    incident: { id, ref, title },
    head,
    sections: sections
      .map((section) => {
        const sentences = section.sentences.slice(0, left).map(({ text, cites }) => ({
          text: ended(text),
          cites: [...new Set(cites)].slice(0, 100),
        }));
        left -= sentences.length;
        return { ...section, sentences };
      })
      .filter((section) => section.sentences.length > 0),
  };
}

function whatHappened(record: IncidentRecord): ReviewSentence[] {
  const services = record.services.length === 0 ? '' : `, touching ${record.services.join(', ')}`;
  const sentences: ReviewSentence[] = [
    {
      text: `${record.ref}, "${record.title}", started at ${at(record.startedAt)}${services}, with severity ${record.severity}`,
      cites: [record.id],
    },
    ...record.triggers.map((each) => ({
      text: `It was raised by ${each.source === 'import' ? 'an imported report' : `${article(each.source)} ${each.source}`}: ${each.title}${each.deployTime === null ? '' : `, with a deploy at ${at(each.deployTime)}`}`,
      cites: [each.id],
    })),
  ];
  if (record.impact !== null) {
    const { customersAffected: customers, segments } = record.impact;
    const who =
      customers.kind === 'count'
        ? String(customers.count)
        : customers.kind === 'range'
          ? `${customers.from} to ${customers.to}`
          : 'an unknown number of';
    sentences.push({
      text: `It affected ${who} customers${segments.length === 0 ? '' : ` (${segments.join(', ')})`}`,
      cites: [record.id],
    });
  }
  for (const update of record.statusUpdates) {
    sentences.push({ text: `At ${at(update.at)} ${update.by.name} reported: ${update.happening}`, cites: [update.id] });
  }
  if (record.mitigatedAt !== null)
    sentences.push({ text: `It was mitigated at ${at(record.mitigatedAt)}`, cites: [record.id] });
  if (record.resolvedAt !== null)
    sentences.push({ text: `It was resolved at ${at(record.resolvedAt)}`, cites: [record.id] });
  return sentences;
}

function outcomeWords(effect: string): string {
  return (
    { verified: 'worked', no_effect: 'had no effect', worsened: 'made it worse', rolled_back: 'was rolled back' }[
      effect
    ] ?? effect.replaceAll('_', ' ')
  );
}

function article(word: string): string {
  return /^[aeiou]/u.test(word) ? 'an' : 'a';
}

function at(instant: string): string {
  return `${instant.slice(0, 16).replace('T', ' ')}Z`;
}

/** "The pool is flat" goes on after "because"; names and abbreviations keep their capital. */
function lowerFirst(text: string): string {
  return /^(?:The|A|An|It|Its|This|That|There|Only|No|Not|All|Some|One|Two|We|They|Does|Did|Is|Are|Roll|Put|Restart)\b/u.test(
    text,
  )
    ? `${text[0]?.toLowerCase() ?? ''}${text.slice(1)}`
    : text;
}

function ended(text: string): string {
  const line = oneLine(text, 1_990);
  return /[.!?]["”)]?$/u.test(line) ? line : `${line}.`;
}

/** As Markdown: each sentence with its ids as references, text from elsewhere escaped. */
export function reviewMarkdown(draft: ReviewDraft): string {
  const lines = [
    `# Review of ${escapeMarkdown(draft.incident.ref)}: ${escapeMarkdown(oneLine(draft.incident.title, 300))}`,
    '',
    `Draft composed from the record at entry ${draft.head.seq}. Every sentence names the entries and evidence it rests on.`,
  ];
  for (const section of draft.sections) {
    lines.push('', `## ${section.title}`, '');
    for (const { text, cites } of section.sentences)
      lines.push(`- ${escapeMarkdown(text)} [${cites.map(escapeMarkdown).join(', ')}]`);
  }
  return `${lines.join('\n')}\n`;
}
