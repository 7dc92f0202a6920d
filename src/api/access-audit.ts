import type { Meter } from '@opentelemetry/api';
import type { EvidenceRow } from '../record/evidence.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Caller } from './identity.ts';

/** What one caller was shown. Ids and numbers only: an audit that quotes content leaks it. */
export interface Accesses {
  /** Rows of evidence; those without content, and from which nothing was redacted, are not noted. `incidentId` is `''` for unfiled ones. */
  evidence(incidentId: string, rows: readonly EvidenceRow[]): void;
  /** Stored spans and logs of a trace. */
  trace(traceId: string): void;
  /** A record that leaves in another form. */
  exported(incidentId: string, as: 'ocsf'): void;
}

const IDS_MAX = 100;

/** Notes who read what is sensitive: one line of the log each, whatever the log's level is, and a counter. */
export function createAccessAudit(options: {
  readonly logger: Logger;
  readonly meter: Meter;
}): (caller: Caller) => Accesses {
  const { level } = options.logger;
  const logger = options.logger.child({ audit: true }, { level: level === 'silent' ? level : 'info' });
  const reads = options.meter.createCounter('docket.record.reads', {
    unit: '{item}',
    description: 'Rows of evidence with content, traces and exports that callers were given, by what',
  });
  return ({ tenant, actor }) => {
    const by = { tenant, by: actor.kind, name: actor.name };
    return {
      evidence(incidentId, rows) {
        const shown = rows.filter(isSensitive);
        if (shown.length === 0) return;
        reads.add(shown.length, { what: 'evidence' });
        const redactions = shown.reduce((sum, row) => sum + row.redactions.length, 0);
        const evidence = shown.slice(0, IDS_MAX).map((row) => row.id);
        logger.info({ ...by, incident: incidentId, rows: shown.length, redactions, evidence }, 'evidence was read');
      },
      trace(traceId) {
        reads.add(1, { what: 'trace' });
        logger.info({ ...by, trace: traceId }, 'a trace was read');
      },
      exported(incidentId, as) {
        reads.add(1, { what: as });
        logger.info({ ...by, incident: incidentId, as }, 'a record was exported');
      },
    };
  };
}

/** Somebody's words or data, redacted as they are: what an agent sent or got, or what something was taken out of. */
function isSensitive(row: EvidenceRow): boolean {
  return row.redactions.length > 0 || Object.values(row.content).some((each) => each.captured && each.value !== null);
}
