import { isResolved } from './alert.ts';
import { fieldsOf, text, type Fields } from './payload-field.ts';

/** What Datadog writes in front of a monitor's name: `[P1] [Re-Triggered on {host:web-1}] `. */
const TITLE_STATE =
  /^(?:\[TEST\]\s*)?(?:\[(?<priority>P[1-5])\]\s*)?\[(?<state>(?:Re-)?(?:Triggered|Warn|No Data)|(?:Warn |No Data )?Recovered|Renotify)(?: on \{(?<group>[^}]*)\})?\]\s*/i;
/** A variable that Datadog had no value for. */
const UNFILLED = /^\$[A-Z_]+$/;

/**
 * A Datadog webhook's payload under the names that other systems use. Everybody may write its template, so it goes by the usual names
 * of Datadog's variables (https://docs.datadoghq.com/integrations/webhooks/). The default template says only in the title whether
 * the monitor triggered or recovered, and has no key that both notices share; `id` and `date` are of the notice.
 */
export function datadogNotice(payload: unknown): unknown {
  const fields = fieldsOf(payload);
  if (fields === undefined) return payload;
  const said: Fields = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => typeof value !== 'string' || !UNFILLED.test(value)),
  );
  const { date, date_posix: datePosix, event_id: _ofTheNotice, ...rest } = said;
  const whole = text([said], 'title', 'event_title', 'alert_title');
  const inTitle = TITLE_STATE.exec(whole);
  const group = inTitle?.groups?.['group'] ?? '';
  const name = inTitle === null ? whole : whole.slice(inTitle[0].length);
  const status = text([said], 'alert_transition', 'transition') || inTitle?.groups?.['state'] || text([said], 'status');
  const at = date ?? datePosix;
  return {
    ...rest,
    ...(name === '' ? {} : { title: group === '' ? name : `${name} on {${group}}` }),
    dedup_key: keyOf(said, group),
    status,
    severity: severityWord(said, inTitle?.groups?.['priority']),
    description: text([said], 'description', 'message', 'body', 'event_msg', 'text_only_msg', 'text')
      .replaceAll('%%%', '')
      .trim(),
    // When the notice was sent: the end of what recovered, and of anything else the start at the latest.
    ...(isResolved(status) ? { ends_at: said['ends_at'] ?? at } : { starts_at: said['starts_at'] ?? at }),
  };
}

/** The monitor and what of it: the same from one trigger to the next. */
function keyOf(said: Fields, group: string): string {
  const monitor = text([said], 'alert_id', 'monitor_id');
  const scope = text([said], 'alert_scope', 'scope') || group;
  if (monitor !== '' && scope !== '') return `${monitor} ${scope}`;
  return text([said], 'dedup_key', 'aggreg_key', 'alert_cycle_key') || monitor;
}

/** The monitor's priority; else how loud the notice is. `priority` itself is the event's, `normal` or `low`, in many templates. */
function severityWord(said: Fields, inTitle: string | undefined): string {
  const priority = text([said], 'alert_priority') || text([said], 'priority');
  if (/^P[1-5]$/i.test(priority)) return priority;
  return text([said], 'severity') || inTitle || text([said], 'alert_type') || priority;
}
