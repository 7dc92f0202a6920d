import type { EvidenceJson } from '../api/evidence-json.ts';
import { duration, Time, timeText } from './text.tsx';

/** What an agent does takes time; a change, an owner or a note does not. */
const LASTING: ReadonlySet<string> = new Set(['tool_call', 'model_call', 'agent_run', 'retrieval']);
/** Telemetry is batched and retried: later than this is worth a word. */
const LATE_MILLISECONDS = 60_000;

/**
 * When a row began and ended. What was found by comparing telemetry holds for a window and shows it whole: its start alone would
 * put an error before the change that caused it.
 */
export function EvidenceTime({ row }: { readonly row: EvidenceJson }) {
  const end = row.facts['windowTo'] ?? row.endedAt;
  if (typeof end !== 'string') {
    return (
      <>
        {row.facts['status'] === 'firing' ? 'firing since ' : null}
        <Time at={row.occurredAt} />
        {LASTING.has(row.kind) ? ', not ended' : null}
      </>
    );
  }
  return (
    <>
      <Time at={row.occurredAt} />
      {timeText(end) === timeText(row.occurredAt) ? null : (
        <>
          {' '}
          to <Time at={end} />
        </>
      )}
    </>
  );
}

/** When Docket had it, and how long after the fact when that was late: others decided without it. */
export function ReceivedTime({ row }: { readonly row: EvidenceJson }) {
  const late = Date.parse(row.receivedAt) - Date.parse(row.endedAt ?? row.occurredAt);
  return (
    <>
      <Time at={row.receivedAt} />
      {late < LATE_MILLISECONDS || row.facts['asOf'] !== undefined ? null : `, ${duration(late)} after the fact`}
    </>
  );
}
