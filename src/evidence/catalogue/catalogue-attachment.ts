import type { EvidenceLog } from '../../record/evidence-log.ts';
import type { EvidenceRow } from '../../record/evidence.ts';
import type { IncidentSummary } from '../../record/incident-record.ts';
import { entryIdOf } from '../entry-id.ts';
import type { IncidentGaps } from '../incident-gaps.ts';
import { catalogueRows, goneRow } from './catalogue-rows.ts';
import type { ServiceCatalogue } from './service-entry.ts';

export interface CatalogueAttachmentOptions {
  readonly evidenceLog: Pick<EvidenceLog, 'put' | 'page'>;
  readonly gaps: Pick<IncidentGaps, 'open' | 'fill' | 'openAmong'>;
  readonly catalogue: (tenant: string) => ServiceCatalogue;
  readonly clock: () => number;
}

/** What the catalogue says of an incident's services, beside the incident. */
export interface CatalogueAttachment {
  /** Files owners and runbooks, opens a gap for what is not known, and fills those that were learned. Idempotent. */
  attach(tenant: string, incident: IncidentSummary): Promise<void>;
}

const SERVICES_MAX = 20;
const CATALOGUE_KINDS = ['ownership', 'runbook'] as const;
const CATALOGUE_ROWS_MAX = 500;

export function createCatalogueAttachment(options: CatalogueAttachmentOptions): CatalogueAttachment {
  const { evidenceLog, gaps, catalogue, clock } = options;

  /** Open gaps of owners and runbooks that the catalogue's rows answer. The record is read only while one may be open. */
  async function learnedSince(
    tenant: string,
    incident: IncidentSummary,
    rows: readonly EvidenceRow[],
  ): Promise<readonly { readonly gap: string; readonly rows: readonly EvidenceRow[] }[]> {
    const answers = new Map<string, EvidenceRow[]>();
    for (const service of incident.services.slice(0, SERVICES_MAX)) {
      const ofService = rows.filter((row) => row.service === service);
      const named = ofService.filter((row) => row.kind === 'ownership' && ownersOf(row).length > 0);
      const runbooks = ofService.filter((row) => row.kind === 'runbook');
      if (named.length > 0) answers.set(entryIdOf(tenant, incident.id, `owner ${service}`), named);
      if (runbooks.length > 0) answers.set(entryIdOf(tenant, incident.id, `runbook ${service}`), runbooks);
    }
    const open = await gaps.openAmong(tenant, incident, [...answers.keys()]);
    return [...answers].flatMap(([gap, basis]) => (open.has(gap) ? [{ gap, rows: basis }] : []));
  }

  return {
    async attach(tenant, incident) {
      const known = catalogue(tenant);
      if (!known.configured) return;
      const at = BigInt(clock()) * 1_000_000n;
      const rows = incident.services.flatMap((service) => {
        const entry = known.find(service);
        return entry === undefined ? [] : catalogueRows(tenant, incident.id, entry, at);
      });
      const { items } = await evidenceLog.page(tenant, incident.id, {
        kinds: CATALOGUE_KINDS,
        limit: CATALOGUE_ROWS_MAX,
      });
      const held = new Map(items.filter((row) => row.dialect === 'catalogue').map((row) => [row.id, row]));
      const learned = await learnedSince(tenant, incident, rows);
      // What fills a gap is written again: an `ownership` row may have been there before anybody was named in it.
      const filling = new Set(learned.flatMap((each) => each.rows.map((row) => row.id)));
      const fresh = rows.filter((row) => filling.has(row.id) || held.get(row.id)?.summary !== row.summary);
      // Who was woken because of it, and what was done by it, is cited: what the catalogue takes back is told so, not removed.
      for (const { id } of rows) held.delete(id);
      const gone = [...held.values()]
        .filter((row) => row.facts['pastSince'] === undefined)
        .map((row) => goneRow(row, at));
      if (fresh.length + gone.length > 0) await evidenceLog.put([...fresh, ...gone]);
      for (const { gap, rows: basis } of learned) {
        await gaps.fill(tenant, incident, gap, basis.map((row) => row.summary).join('; '), basis);
      }
      for (const service of incident.services.slice(0, SERVICES_MAX)) {
        const entry = known.find(service);
        if ((entry?.owners.length ?? 0) === 0) {
          await gaps.open(tenant, incident, `owner ${service}`, {
            what: `Nobody is known to own ${service}.`,
            kind: 'unknown_owner',
            why: 'Nobody can be asked about it, or for it.',
            blocks: [],
          });
        }
        if ((entry?.runbooks.length ?? 0) === 0) {
          await gaps.open(tenant, incident, `runbook ${service}`, {
            what: `No runbook is known for ${service}.`,
            kind: 'unanswered',
            why: 'What its people do about failures like this is not written where it can be found.',
            blocks: [],
          });
        }
      }
    },
  };
}

/** Owners that an `ownership` row names. */
function ownersOf(row: EvidenceRow): readonly unknown[] {
  const owners = row.facts['owners'];
  return Array.isArray(owners) ? owners : [];
}
