import { createHash } from 'node:crypto';
import { DOCKET_ACTOR } from './record/actor.ts';
import type { EvidenceLog } from './record/evidence-log.ts';
import { createKeyedTurns } from './record/keyed-turns.ts';
import type { RecordService } from './record/record-service.ts';
import type { Logger } from './telemetry/logger.ts';

/** Why redaction withheld what the policy would have let through, as the receipts' rule says it. */
const REASONS = [
  {
    rule: 'budget',
    what: 'Content of some evidence is withheld: redaction ran out of its time or size budget.',
    why: 'What was said or done there cannot be read here; the source may still have it.',
  },
  {
    rule: 'engine_error',
    what: 'Content of some evidence is withheld: redaction failed on it.',
    why: 'What was said or done there cannot be read here; the source may still have it.',
  },
  {
    rule: 'unknown_tenant',
    what: 'Content of some evidence is withheld: the redaction policy has no rules for this tenant.',
    why: 'Nobody has said what of it may be kept. Name the tenant in the policy to keep what it sends from then on.',
  },
] as const;

export interface WithheldGapsOptions {
  readonly record: Pick<RecordService, 'append'>;
  /** The rules by which content of the incident's evidence is withheld, of those asked for. */
  readonly rulesOf: (tenant: string, incidentId: string, rules: readonly string[]) => Promise<ReadonlySet<string>>;
  readonly logger: Logger;
}

/**
 * Opens a gap in an incident, once for each reason, when evidence of it has content that redaction withheld because it could
 * not finish, not because the policy says so.
 */
export interface WithheldGaps {
  /** The log, with incidents looked at after evidence was written or filed under them. */
  watch<Log extends EvidenceLog>(log: Log): Log;
  /** Resolves when what was written so far has been looked at. */
  settled(): Promise<void>;
}

export function createWithheldGaps(options: WithheldGapsOptions): WithheldGaps {
  const opened = new Set<string>();
  const turns = createKeyedTurns();
  const rules = REASONS.map((each) => each.rule);

  const look = async (tenant: string, incident: string): Promise<void> => {
    const found = await options.rulesOf(tenant, incident, rules);
    for (const { rule, what, why } of REASONS) {
      const key = `${tenant}\0${incident}\0${rule}`;
      if (!found.has(rule) || opened.has(key)) continue;
      const result = await options.record.append(tenant, incident, DOCKET_ACTOR, {
        type: 'gap.open',
        // The same gap each time, so that opening it again after a restart changes nothing.
        entryId: uuidOf(key),
        body: { kind: 'withheld', what, why },
      });
      if (result.kind === 'appended' || result.kind === 'repeated') opened.add(key);
      else options.logger.warn({ outcome: result.kind, rule }, 'a gap for withheld content could not be opened');
    }
  };

  const lookSoon = (tenant: string, incident: string): void => {
    turns
      .take(`${tenant}\0${incident}`, () => look(tenant, incident))
      .catch((error: unknown) =>
        options.logger.warn(
          { error: error instanceof Error ? error.name : 'unknown' },
          'looking for withheld content failed; it is looked for again with the next evidence',
        ),
      );
  };

  return {
    watch(log) {
      return {
        ...log,
        async put(rows, content) {
          await log.put(rows, content);
          const written = new Map(
            rows.flatMap((row) =>
              row.incident !== '' && row.redactions.some((each) => rules.some((rule) => rule === each.rule))
                ? [[`${row.tenant}\0${row.incident}`, row] as const]
                : [],
            ),
          );
          for (const row of written.values()) lookSoon(row.tenant, row.incident);
        },
        async link(tenant, incidentId, selector, link) {
          const filed = await log.link(tenant, incidentId, selector, link);
          if (filed > 0) lookSoon(tenant, incidentId);
          return filed;
        },
        async file(tenant, incidentId, evidenceIds, link) {
          const filed = await log.file(tenant, incidentId, evidenceIds, link);
          if (filed > 0) lookSoon(tenant, incidentId);
          return filed;
        },
      };
    },
    settled: () => turns.settled(),
  };
}

/** A UUID (version 8, RFC 9562) that is the same for the same text. */
function uuidOf(text: string): string {
  const digest = createHash('sha256').update('docket.withheld-gap\0').update(text).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
