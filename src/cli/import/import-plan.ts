import { createHash } from 'node:crypto';
import type { ApiClient } from '../../api/client.ts';
import { cleanLine, cleanText, type Postmortem } from './postmortem.ts';

export type OpenRequest = Parameters<ApiClient['openIncident']>[0];
export type ImportCommand = Parameters<ApiClient['append']>[1];

/** What one postmortem comes to: the incident, then the commands in the order they must be sent. */
export interface ImportPlan {
  readonly open: OpenRequest & { readonly entryId: string };
  readonly commands: readonly ImportCommand[];
  /** Follow-ups that neither the source nor the importer gave anybody. */
  readonly unowned: number;
}

const SUMMARY_MAX = 300;
const NOT_FOLLOWED = 'imported history: the source names no owner, so nobody follows it here';

/**
 * Ids are derived from the postmortem, so that the same import again changes nothing and one that was cut off goes on where
 * it stopped. Timeline and text become notes, the account of the cause an accepted hypothesis, what was left to do
 * follow-ups. `owner` takes follow-ups that the postmortem gives nobody; without one they are entered as not followed here, with
 * the gap that leaves, so that what is over does not wait for somebody who may not exist.
 */
export function planImport(postmortem: Postmortem, owner: string | undefined): ImportPlan {
  const { title, startedAt, endedAt } = postmortem;
  const incidentId = idOf('incident', postmortem.key);
  const commands: ImportCommand[] = [];
  const add = (type: string, body: ImportCommand['body'], occurredAt?: string | null): string => {
    const entryId = idOf(incidentId, String(commands.length), type, JSON.stringify(body));
    commands.push({ type, body, entryId, ...(occurredAt == null ? {} : { occurredAt }) });
    return entryId;
  };
  const note = (
    heading: string,
    text: string,
    at: string | null,
    extra: Readonly<Record<string, string>> = {},
  ): void => {
    const summary = cleanLine(`${heading}: ${text}`, SUMMARY_MAX);
    const body = text.length + heading.length + 2 > summary.length || text.includes('\n') ? { text } : {};
    add(
      'evidence.add',
      {
        kind: 'note',
        summary,
        ...body,
        ...extra,
        ...(at === null ? {} : { occurredAt: at }),
        sourceFamily: 'imported postmortem',
      },
      at,
    );
  };

  for (const event of postmortem.timeline) note('Timeline', event.text, event.at ?? startedAt);
  for (const section of postmortem.sections) {
    if (/timeline|chronology/iu.test(section.title) && postmortem.timeline.length > 0) continue;
    note(section.title, section.text, startedAt, postmortem.url === null ? {} : { externalRef: postmortem.url });
  }
  if (postmortem.license !== null || postmortem.source !== null) {
    const from = [postmortem.source ?? '', postmortem.license === null ? '' : `licence ${postmortem.license}`];
    note('Source', from.filter(Boolean).join(', '), startedAt);
  }
  const stated = postmortem.causes;
  const causes = stated.some((each) => each.kind === 'cause')
    ? stated
    : [...(postmortem.summary === null ? [] : [{ kind: 'cause' as const, text: postmortem.summary }]), ...stated];
  for (const { kind, text } of causes) {
    const hypothesis = add('hypothesis.propose', { statement: text, kind }, endedAt ?? startedAt);
    add('hypothesis.accept', { hypothesis, override: 'imported' }, endedAt ?? startedAt);
  }
  const unowned: string[] = [];
  for (const followUp of postmortem.followUps) {
    const name = followUp.owner ?? owner;
    const opened = add(
      'followup.open',
      {
        title: followUp.title,
        type: 'other',
        ...(name === undefined ? {} : { owner: { kind: 'human', name: cleanLine(name, 200), id: null } }),
      },
      endedAt ?? startedAt,
    );
    if (followUp.done) add('followup.done', { followUp: opened, note: 'imported as done; the source names no proof' });
    else if (name === undefined) unowned.push(opened);
  }
  if (unowned.length > 0) {
    const items = unowned.length === 1 ? 'one action item' : `${unowned.length} action items`;
    const gap = add(
      'gap.open',
      { kind: 'unknown_owner', what: `Who owns ${items} of the source, and whether they were done`, blocks: unowned },
      endedAt ?? startedAt,
    );
    add('gap.accept', { gap, reason: 'imported history' }, endedAt ?? startedAt);
    for (const followUp of unowned) add('followup.wont_do', { followUp, reason: NOT_FOLLOWED }, endedAt ?? startedAt);
  }
  const reason =
    postmortem.resolution ?? (endedAt === null ? 'imported; when it was resolved is not known' : 'imported');
  add('incident.status', { status: 'resolved', reason: cleanText(reason, 2_000) }, endedAt ?? startedAt);
  add('incident.status', { status: 'closed', reason: 'imported' }, endedAt ?? startedAt);
  return {
    open: {
      title,
      severity: postmortem.severity,
      services: postmortem.services,
      ...(startedAt === null ? {} : { startedAt }),
      trigger: {
        source: 'import',
        title,
        fingerprint: `sha256:${postmortem.contentHash}`,
        ...(postmortem.url === null ? {} : { externalRef: postmortem.url }),
      },
      entryId: incidentId,
    },
    commands,
    unowned: unowned.length,
  };
}

/** A UUID (version 8, of our own making) from what it names. */
function idOf(...parts: readonly string[]): string {
  const hex = createHash('sha256')
    .update(JSON.stringify(['docket import', ...parts]))
    .digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
