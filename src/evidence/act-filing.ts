import type { EvidenceLink, EvidenceRow, LinkMode } from '../record/evidence.ts';
import type { IncidentIndex } from '../record/incident-index.ts';
import type { Act, Inherited } from './act.ts';
import type { ActWindow } from './act-window.ts';
import { rowOf } from './evidence-row.ts';
import type { RowContents } from './row-contents.ts';
import type { SetAside } from './set-aside.ts';

/** Of the many acts that no incident claims. */
const NO_LINKS: ReadonlyMap<string, EvidenceLink> = new Map();

const STRENGTH: Readonly<Record<LinkMode, number>> = { inferred: 0, bound: 1, explicit: 2, manual: 3 };

/** An act's row as things stand, and the incidents it belongs under. */
export interface ActFiling {
  /** The row without incident and link. Undefined, and counted, when what was said about the act makes no row. */
  rowOf(act: Act, inherited?: Inherited, contents?: RowContents): EvidenceRow | undefined;
  /** The strongest link per incident: those the row was written with and those the index knows now. */
  linksOf(act: Act, row: EvidenceRow): ReadonlyMap<string, EvidenceLink>;
}

export function createActFiling(window: ActWindow, incidents: IncidentIndex, setAside: SetAside): ActFiling {
  return {
    rowOf(act, inherited = window.inherited(act), contents) {
      try {
        return rowOf(act, inherited, contents);
      } catch (error) {
        setAside('row', error, 1);
        return undefined;
      }
    },
    linksOf(act, row) {
      let links: Map<string, EvidenceLink> | undefined;
      for (const { filed } of act.absorbed.length === 0 ? [act] : [...act.absorbed, act]) {
        for (const [incident, link] of filed) if (link !== null) (links ??= new Map()).set(incident, link);
      }
      const namedTraceIds = row.facts['traceIds'];
      const resolved = incidents.resolve(act.tenant, {
        refs: row.namedRefs,
        traceId: row.source.traceId,
        conversationId: row.conversationId,
        sessionId: row.sessionId,
        agent: row.actor.kind === 'agent' ? row.actor.name : '',
        service: row.service,
        environment: row.environment,
        occurredAtUnixNano: row.occurredAtUnixNano,
        namedTraceIds: Array.isArray(namedTraceIds) ? (namedTraceIds as readonly string[]) : [],
      });
      for (const { incidentId, link } of resolved) {
        links ??= new Map();
        const known = links.get(incidentId);
        if (known === undefined || STRENGTH[link.mode] > STRENGTH[known.mode]) links.set(incidentId, link);
      }
      return links ?? NO_LINKS;
    },
  };
}
