import { progress } from '@clack/prompts';
import { ApiError, type ApiClient } from '../api/client.ts';
import { EXIT } from './exit-code.ts';
import { planImport, type ImportPlan } from './import/import-plan.ts';
import type { Postmortem } from './import/postmortem.ts';
import { readPostmortems } from './import/read-postmortems.ts';
import { printable, type Terminal } from './terminal.ts';

export interface ImportOptions {
  /** A Markdown, JSON or JSON lines file, or a folder of them. */
  readonly path: string;
  readonly client: ApiClient;
  readonly terminal: Terminal;
  /** Say what would be entered and enter nothing. */
  readonly dryRun: boolean;
  /** Who owns follow-ups that the source gives nobody; without one they are entered as not followed here. */
  readonly owner?: string;
  readonly now?: Date;
}

type Imported =
  | { readonly kind: 'imported' | 'completed' | 'already there'; readonly ref: string }
  | { readonly kind: 'changed' }
  | { readonly kind: 'refused'; readonly reason: string; readonly setAside: boolean };

/**
 * Enters past incidents. Every item is reported by its file and line: imported, completed (an earlier import was cut off),
 * already there, changed since, refused, or unreadable. Exit code 1 when any was refused, changed or unreadable.
 */
export async function importPostmortems(options: ImportOptions): Promise<number> {
  const { client, terminal } = options;
  const counts = new Map<string, number>();
  const problems: string[] = [];
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const items: { postmortem: Postmortem; plan: ImportPlan }[] = [];
  // Everything is read before anything is sent: what is wrong with the files shows first.
  for await (const read of readPostmortems(options.path, options.now ?? new Date())) {
    if (read.kind === 'unreadable') {
      count('unreadable');
      problems.push(`${read.unreadable.place}: ${read.unreadable.problem}`);
      continue;
    }
    const { postmortem } = read;
    for (const warning of postmortem.warnings) terminal.report(`${postmortem.place}: ${warning}`);
    items.push({ postmortem, plan: planImport(postmortem, options.owner) });
  }
  if (options.dryRun) {
    for (const { postmortem, plan } of items) {
      terminal.print(
        `${postmortem.place}: would import "${postmortem.title}": ${plan.commands.length + 2} entries, ${postmortem.timeline.length} events, ${postmortem.followUps.length} follow-ups${plan.unowned === 0 ? '' : ` (${plan.unowned} without an owner)`}`,
      );
    }
  } else {
    const bar = terminal.interactive ? progress({ max: Math.max(1, items.length) }) : undefined;
    bar?.start('Importing');
    try {
      for (const { postmortem, plan } of items) {
        const result = await importOne(client, plan);
        bar?.advance(1, printable(postmortem.title));
        count(result.kind);
        if (result.kind === 'refused') {
          const aside = result.setAside ? '; what had been entered is set aside as cancelled' : '';
          problems.push(`${postmortem.place}: refused: ${result.reason}${aside}`);
        } else if (result.kind === 'changed') {
          problems.push(`${postmortem.place}: was imported before and has changed since; the record is left as it is`);
        } else if (!terminal.interactive) {
          terminal.print(`${postmortem.place}: ${result.kind} as ${result.ref}`);
        }
      }
    } finally {
      bar?.stop(`${items.length} postmortems read`);
    }
  }
  for (const problem of problems) terminal.report(problem);
  const summary = [...counts].map(([what, number]) => `${number} ${what}`).join(', ');
  terminal.print(
    options.dryRun
      ? `${items.length} to import${summary === '' ? '' : `, ${summary}`}`
      : summary || 'nothing to import',
  );
  return problems.length === 0 ? EXIT.done : EXIT.no;
}

async function importOne(client: ApiClient, plan: ImportPlan): Promise<Imported> {
  let opened: Awaited<ReturnType<ApiClient['openIncident']>>;
  try {
    opened = await client.openIncident(plan.open);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.problem.code === 'record.entry_id_reused') return { kind: 'changed' };
    return { kind: 'refused', reason: error.message, setAside: false };
  }
  const isNew = opened.filed !== undefined;
  let head = opened.head.seq;
  try {
    for (const command of plan.commands) head = (await client.append(opened.id, command)).head.seq;
  } catch (error) {
    if (!(error instanceof ApiError) || error.problem.status >= 500) throw error;
    if (error.problem.code === 'record.entry_id_reused') return { kind: 'changed' };
    return { kind: 'refused', reason: error.message, setAside: await setAside(client, opened.id, error.problem.code) };
  }
  return { kind: isNew ? 'imported' : head > opened.head.seq ? 'completed' : 'already there', ref: opened.ref };
}

/** Half an incident must not pass for one: it is cancelled, with the reason. */
async function setAside(client: ApiClient, incidentId: string, code: string): Promise<boolean> {
  try {
    await client.append(incidentId, {
      type: 'incident.status',
      body: { status: 'cancelled', reason: `the import was refused halfway: ${code}` },
    });
    return true;
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}
