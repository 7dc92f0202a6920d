import { briefMarkdown } from './record/brief/brief-markdown.ts';
import type { Brief } from './record/brief/brief.ts';
import { spell } from './record/freshness.ts';
import type { RecordService } from './record/record-service.ts';

/** Short, for it comes on top of a brief that already fills its 4,000 bytes. */
export const OBSERVE_NOTICE = 'REDACTION OBSERVES ONLY: content is stored as it was sent.';

/** Evidence this much behind what was received is said to be: less is the ordinary time of a batch. */
const LATE_MS = 10_000;

/** That telemetry which was taken in is not in the evidence yet; undefined when it is, or soon will be. */
export function lateEvidenceNotice(behindMs: number): string | undefined {
  if (behindMs < LATE_MS) return undefined;
  const behind = spell(new Date(0), new Date(behindMs));
  return `EVIDENCE IS ${behind} BEHIND: telemetry of the last ${behind} is kept, and not among the evidence yet.`;
}

/** The record service, with `notice` (while there is one) as the first line of every brief it gives out. */
export function withNotice<Service extends RecordService>(record: Service, notice: () => string | undefined): Service {
  return {
    ...record,
    async record(tenant, refOrId, options) {
      const found = await record.record(tenant, refOrId, options);
      const text = notice();
      return found === undefined || text === undefined ? found : { ...found, brief: noticed(found.brief, text) };
    },
    async brief(tenant, refOrId, options) {
      const found = await record.brief(tenant, refOrId, options);
      const text = notice();
      if (found === undefined || text === undefined) return found;
      const json = noticed(found.json, text);
      return { json, markdown: briefMarkdown(json) };
    },
  } satisfies Service;
}

function noticed(brief: Brief, text: string): Brief {
  const sections = brief.sections.map((section) =>
    section.key === 'now'
      ? { ...section, lines: [{ text, ids: [] }, ...section.lines], noticed: true as const }
      : section,
  );
  return { ...brief, sections };
}
