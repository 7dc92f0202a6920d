import type { EvidenceJson } from '../api/evidence-json.ts';
import { Time, timeText } from './text.tsx';

/**
 * When a row began and ended. What was found by comparing telemetry holds for a window and shows it whole: its start alone would
 * put an error before the change that caused it.
 */
export function EvidenceTime({ row }: { readonly row: EvidenceJson }) {
  const end = row.facts['windowTo'] ?? row.endedAt;
  if (typeof end !== 'string') {
    return (
      <>
        <Time at={row.occurredAt} />, not ended
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
