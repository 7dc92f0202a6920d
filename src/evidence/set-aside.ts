import type { Logger } from '../telemetry/logger.ts';
import type { EvidenceInstruments } from './instruments.ts';

/** Counts and logs records of a signal (`row`: what was said about an act) that could not be made evidence. */
export type SetAside = (signal: string, error: unknown, records: number) => void;

export function createSetAside(instruments: EvidenceInstruments, logger: Logger): SetAside {
  return (signal, error, records) => {
    const reason = error instanceof Error ? error.name : 'unknown';
    instruments.failed.add(records, { signal, reason });
    // The error's own message may quote the record.
    logger.warn({ signal, records, reason }, 'records could not be made evidence');
  };
}
