import { clockTime, spell } from '../freshness.ts';
import { SEVERITIES, type CustomersAffected, type Severity, type StatusUpdate } from '../incident-record.ts';
import { isQuiet, late, onService, said, sentence, who, type BriefDraft, type Briefed } from './brief-line.ts';

const TRIGGERS_MAX = 2;

/** Status, severity, impact, the last word on it, and when the next is due. */
export function nowLines(record: Briefed, now: Date): readonly BriefDraft[] {
  const lines: BriefDraft[] = [said(standing(record, now))];
  if (!record.integrity.verified) lines.push(said('WARNING: the log of this record does not verify.'));
  const { impact } = record;
  if (impact === null) lines.push(said('Customers affected: not said yet.'));
  else {
    const segments = impact.segments.length === 0 ? '' : ` (${impact.segments.join(', ')})`;
    const since = impact.since === null ? '' : `, since ${clockTime(impact.since, now)}`;
    const text = impact.text === null ? '' : ` ${sentence(impact.text)}`;
    lines.push(said(`Customers affected: ${customers(impact.customersAffected)}${segments}${since}.${text}`));
  }
  const update = record.statusUpdates.at(-1);
  if (update !== undefined) lines.push(said(updateWords(record, update, now), update.id), nextUpdate(record, now));
  for (const trigger of record.triggers.slice(0, TRIGGERS_MAX)) {
    const deploy = trigger.deployTime === null ? '' : ` Deploy at ${clockTime(trigger.deployTime, now)}.`;
    const service = onService(trigger.service, trigger.title);
    // An alert that came to an incident of lesser severity says so: nobody may have looked since.
    const worse = worseThan(record.severity, trigger.severity);
    const at = clockTime(trigger.firedAt ?? trigger.at, now);
    lines.push(
      said(`Raised by ${trigger.source}${service}${worse} at ${at}: ${sentence(trigger.title)}${deploy}`, trigger.id),
    );
  }
  return lines;
}

export function nextUpdate(record: Briefed, now: Date): BriefDraft {
  const update = record.statusUpdates.at(-1);
  const due = update?.nextUpdateDue ?? null;
  if (isQuiet(record)) return said('No further update is due.');
  if (update === undefined || due === null) return said('No next update has been promised.');
  if (update.overdue) {
    return late(`Next update OVERDUE by ${spell(new Date(due), now)} (was due ${clockTime(due, now)}).`, update.id);
  }
  return said(`Next update due ${clockTime(due, now)}, in ${spell(now, new Date(due))}.`, update.id);
}

function standing(record: Briefed, now: Date): string {
  const severity = record.severity === 'unknown' ? 'Severity not set' : record.severity.toUpperCase();
  const started = new Date(record.startedAt);
  const start = `Started ${clockTime(record.startedAt, now)}`;
  const lasted =
    record.resolvedAt !== null
      ? `${start}, lasted ${spell(started, new Date(record.resolvedAt))}.`
      : isQuiet(record)
        ? `${start}.`
        : now.getTime() - started.getTime() < 60_000
          ? `${start}, just now.`
          : `${start}, going on for ${spell(started, now)}.`;
  return `${severity}, ${record.status}. ${lasted}${place(record)}`;
}

function updateWords(record: Briefed, update: StatusUpdate, now: Date): string {
  const doing = update.doing === null ? '' : ` Doing: ${sentence(update.doing)}`;
  const words = `${who(update.by)} at ${clockTime(update.at, now)}: ${sentence(update.happening)}${doing}`;
  // What was so before the turn is no longer what is happening.
  const turn = record.resolvedAt ?? record.mitigatedAt;
  if (turn === null || Date.parse(update.at) >= Date.parse(turn)) return words;
  return `Last word, from before it was ${record.resolvedAt === null ? 'mitigated' : 'resolved'}: ${words}`;
}

function worseThan(severity: Severity, other: Severity | null): string {
  const worse = other !== null && SEVERITIES.indexOf(other) < SEVERITIES.indexOf(severity);
  return worse ? ` as ${other.toUpperCase()}` : '';
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
