import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Redaction } from './pipeline/receipt.ts';
import type { PolicyApplicationStatus } from './record/policy-application.ts';
import { createSpoolFiles, replaceFile } from './spool/files.ts';
import type { OlderRows } from './store/rewrite/stored-telemetry.ts';

/** Where an application stands within the rows of a day. */
export interface Cursor {
  readonly table: string;
  readonly partition: string;
  /** Nanoseconds: what was received up to here is staged. */
  readonly after: string;
  readonly staged: number;
  /** All is staged; what is left is to put it in place. */
  readonly replacing: boolean;
}

/** One application of a policy to what is stored, as it stands. */
export interface Application {
  readonly tenant: string;
  status: PolicyApplicationStatus;
  cursor: Cursor | null;
}

/**
 * Writes where an application stands; resolves when that is on the disk, for what comes next may take rows away that only
 * this file knows a copy of.
 */
export async function writeProgress(file: string, application: Application): Promise<void> {
  await replaceFile(createSpoolFiles(), dirname(file), basename(file), Buffer.from(JSON.stringify(application)));
}

/** What `writeProgress` wrote last, in this process or another; undefined where there was none. */
export async function readProgress(file: string): Promise<Application | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Application;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${file} cannot be read: remove it to forget the application it tells of`, { cause: error });
  }
}

/** The rows that an application is about. */
export function olderOf({ tenant, status }: Application): OlderRows {
  return {
    tenant,
    policyVersion: status.policyVersion,
    from: BigInt(Date.parse(status.since)) * 1_000_000n,
    to: BigInt(Date.parse(status.until)) * 1_000_000n,
  };
}

/** Rows of a table that were redacted again so far. */
export function rowsOf({ status }: Application, table: string): number {
  return status.tables.find((each) => each.table === table)?.rows ?? 0;
}

/** Counts rows that were redacted again, and those of them in which something changed. */
export function addRows(application: Application, table: string, rows: number, changed: number): void {
  const { tables } = application.status;
  const before = tables.find((each) => each.table === table) ?? { table, rows: 0, changed: 0 };
  const now = { table, rows: before.rows + rows, changed: before.changed + changed };
  application.status = {
    ...application.status,
    tables: tables.includes(before) ? tables.map((each) => (each === before ? now : each)) : [...tables, now],
  };
}

/** Counts redactions by their rules, most first. */
export function addRedactions(application: Application, redactions: readonly Redaction[]): void {
  if (redactions.length === 0) return;
  const counts = new Map(application.status.redactions.map((each) => [each.rule, each.count]));
  for (const { rule } of redactions) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  application.status = {
    ...application.status,
    redactions: [...counts].map(([rule, each]) => ({ rule, count: each })).sort((a, b) => b.count - a.count),
  };
}
