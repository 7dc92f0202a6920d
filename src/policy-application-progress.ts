import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import type { Redaction } from './pipeline/receipt.ts';
import type { PolicyApplicationStatus } from './record/policy-application.ts';
import { createSpoolFiles, errorCode, replaceFile } from './spool/files.ts';
import type { OlderRows } from './store/rewrite/stored-telemetry.ts';
import { TELEMETRY_TABLES } from './store/rewrite/telemetry-table.ts';

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

/** Form of the file; a file without a number is of the first. */
const FORMAT = 1;

const count = z.number().int().min(0);
const time = z.iso.datetime();

/** What the file holds. Strict: what is not known is not dropped, for only this file knows of rows that are being moved. */
const progressSchema = z.strictObject({
  format: z.literal(FORMAT).default(FORMAT),
  tenant: z.string().min(1),
  cursor: z
    .strictObject({
      table: z.enum(TELEMETRY_TABLES.map(({ name }) => name)),
      partition: z.string().min(1),
      after: z.string().regex(/^\d{1,20}$/),
      staged: count,
      replacing: z.boolean(),
    })
    .nullable(),
  status: z.strictObject({
    id: z.string().min(1),
    policyVersion: z.string().min(1),
    since: time,
    until: time,
    startedAt: time,
    endedAt: time.nullable(),
    state: z.enum(['running', 'done', 'failed', 'superseded']),
    step: z.string(),
    tables: z.array(z.strictObject({ table: z.string(), rows: count, changed: count })),
    redactions: z.array(z.strictObject({ rule: z.string(), count })),
    entries: z.strictObject({ looked: count, kept: count, named: z.array(z.string()) }),
    remaining: count,
    problem: z.string().nullable(),
  }),
});

/**
 * Writes where an application stands; resolves when that is on the disk, for what comes next may take rows away that only
 * this file knows a copy of.
 */
export async function writeProgress(file: string, { tenant, cursor, status }: Application): Promise<void> {
  const text = JSON.stringify({ format: FORMAT, tenant, cursor, status });
  await replaceFile(createSpoolFiles(), dirname(file), basename(file), Buffer.from(text));
}

/**
 * What `writeProgress` wrote last, in this process or another; undefined where there was none. Throws, saying what to do, for a file that
 * is damaged or of a newer Docket: what it tells of must not be staged over.
 */
export async function readProgress(file: string): Promise<Application | undefined> {
  let progress: unknown;
  try {
    progress = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw unreadable(file, `is damaged (${errorCode(error)})`, error);
  }
  const parsed = progressSchema.safeParse(progress);
  if (parsed.success) {
    const { tenant, cursor, status } = parsed.data;
    return { tenant, cursor, status };
  }
  const [issue] = parsed.error.issues;
  const at = issue?.path.join('.') ?? '';
  throw unreadable(file, `is damaged, or was written by a newer Docket (${at === '' ? 'not an application' : at})`);
}

function unreadable(file: string, problem: string, cause?: unknown): Error {
  return new Error(
    `${file} ${problem}: start the Docket that wrote it, or remove the file to give up the application it tells of; ` +
      'rows that it was putting in place then stay out',
    { cause },
  );
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
