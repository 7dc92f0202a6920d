import { createTimeSlice } from '../pipeline/time-slice.ts';
import type { EvidenceLink, EvidenceRow, LinkMode } from '../record/evidence.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { IncidentIndex } from '../record/incident-index.ts';
import { noteUnchanged, noteWritten, type Act, type Inherited } from './act.ts';
import type { ActFiling } from './act-filing.ts';
import type { ActWindow } from './act-window.ts';
import type { EvidenceInstruments } from './instruments.ts';
import { RowContents } from './row-contents.ts';
import type { StoredActs } from './stored-acts.ts';

/** Ids of one call to the evidence log. */
const REMOVED_MAX = 1_000;

/** Writes the rows of acts about which something was said; acts that say what their stored rows say are left alone. */
export interface RowWriter {
  /**
   * Gives the event loop its turn after each `turnMs` milliseconds of work (by default those of ../pipeline/time-slice.ts). Resolves when
   * the rows are readable. Fails as the evidence log does; the same acts may then be written again.
   */
  write(touched: ReadonlySet<Act>, turnMs?: number): Promise<void>;
}

export interface RowWriterOptions {
  readonly evidenceLog: EvidenceLog;
  readonly incidents: IncidentIndex;
  readonly window: ActWindow;
  readonly filing: ActFiling;
  readonly storedActs: StoredActs;
  readonly instruments: EvidenceInstruments;
}

interface Written {
  readonly act: Act;
  readonly digest: string;
  readonly inherited: Inherited;
  readonly links: ReadonlyMap<string, EvidenceLink>;
}

function isFiled(act: Act, links: ReadonlyMap<string, EvidenceLink>): boolean {
  for (const incident of links.keys()) if (!act.filed.has(incident)) return false;
  return true;
}

export function createRowWriter(options: RowWriterOptions): RowWriter {
  const { evidenceLog, incidents, window, filing, storedActs, instruments } = options;
  const contents = new RowContents();

  /** Rows of acts that turned out to be part of another one, whose row has just been written. */
  async function removeAbsorbed(touched: ReadonlySet<Act>): Promise<void> {
    const byTenant = new Map<string, string[]>();
    for (const act of touched) {
      for (const { id, filed } of act.absorbed) {
        if (filed.size > 0) byTenant.set(act.tenant, [...(byTenant.get(act.tenant) ?? []), id]);
      }
    }
    for (const [tenant, ids] of byTenant) {
      for (let at = 0; at < ids.length; at += REMOVED_MAX) {
        await evidenceLog.remove(tenant, ids.slice(at, at + REMOVED_MAX));
      }
    }
    for (const act of touched) act.absorbed = [];
  }

  /** Adds the rows of an act under the incidents it belongs to; none when it is as it was written. */
  function addRows(act: Act, rows: EvidenceRow[], written: Written[]): void {
    const inherited = window.inherited(act);
    const row = filing.rowOf(act, inherited, contents);
    if (row === undefined) return;
    const links = filing.linksOf(act, row);
    const changed = row.digest !== act.writtenDigest || !isFiled(act, links);
    if (!changed) {
      noteUnchanged(act, inherited);
      return;
    }
    written.push({ act, digest: row.digest, inherited, links });
    const known = row.namedRefs.some((ref) => incidents.knows(act.tenant, ref));
    const named = known ? { ...row, namedRefs: row.namedRefs.filter((ref) => !incidents.knows(act.tenant, ref)) } : row;
    if (links.size === 0) {
      rows.push(named);
      contents.add();
    }
    for (const [incident, link] of links) {
      rows.push({ ...named, incident, state: 'linked', link });
      contents.add();
    }
  }

  return {
    async write(touched, turnMs) {
      const { version } = incidents;
      await storedActs.recallRows(touched);
      await storedActs.recallContent(touched);
      const absorbed = new Set([...touched].flatMap((act) => act.absorbed));
      const rows: EvidenceRow[] = [];
      const written: Written[] = [];
      contents.clear();
      const slice = createTimeSlice(turnMs);
      for (const act of touched) {
        if (slice.isOver()) await slice.next();
        // What is still without its content is as it was written.
        if (!absorbed.has(act) && !act.released) addRows(act, rows, written);
      }
      for (const { act, links } of written) {
        // Filing takes the row out of the unfiled ones, which writing it under an incident alone would not.
        const [first] = links;
        if (first !== undefined && act.filed.has('')) {
          await evidenceLog.file(act.tenant, first[0], [act.id], first[1]);
        }
      }
      if (rows.length > 0) await evidenceLog.put(rows, contents);
      for (const { act, digest, inherited, links } of written) noteWritten(act, digest, inherited, links);
      await removeAbsorbed(touched);
      window.release();
      const byLink = new Map<LinkMode | 'unfiled', number>();
      for (const { link } of rows) byLink.set(link?.mode ?? 'unfiled', (byLink.get(link?.mode ?? 'unfiled') ?? 0) + 1);
      for (const [link, count] of byLink) instruments.rows.add(count, { link });
      if (incidents.version !== version) await incidents.relink(version);
    },
  };
}
