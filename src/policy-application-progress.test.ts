import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readProgress, writeProgress, type Application } from './policy-application-progress.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-progress-'));
  file = join(folder, 'policy-application.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = '2026-11-22T14:00:00.000Z';
const application: Application = {
  tenant: 'default',
  cursor: { table: 'otel_logs', partition: '2026-11-22', after: '1795356000000000000', staged: 7, replacing: true },
  status: {
    id: 'a1',
    policyVersion: 'stricter@1',
    since: at,
    until: at,
    startedAt: at,
    endedAt: null,
    state: 'running',
    step: 'otel_logs, day 2026-11-22: 7 rows',
    tables: [{ table: 'otel_logs', rows: 7, changed: 2 }],
    redactions: [{ rule: 'badge', count: 2 }],
    entries: { looked: 0, kept: 0, named: [] },
    remaining: 0,
    problem: null,
  },
};

/** What `change` makes of the file that tells of the application. */
async function changed(change: (progress: Record<string, unknown>) => unknown): Promise<void> {
  await writeProgress(file, application);
  const progress = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify(change(progress)));
}

test('where an application stands reads back as it was written', async () => {
  expect(await readProgress(file)).toBeUndefined();
  await writeProgress(file, application);
  expect(await readProgress(file)).toEqual(application);
});

test('a file from before the form had a number is read', async () => {
  await changed((progress) => ({ ...progress, format: undefined }));
  expect(await readProgress(file)).toEqual(application);
});

test.each([
  ['nothing at all', () => null],
  ['a list', () => []],
  ['no status', (progress: Record<string, unknown>) => ({ ...progress, status: undefined })],
  ['a newer form', (progress: Record<string, unknown>) => ({ ...progress, format: 2 })],
  ['a member this Docket does not know', (progress: Record<string, unknown>) => ({ ...progress, shard: 3 })],
  [
    'a table this Docket does not know',
    (progress: Record<string, unknown>) => ({ ...progress, cursor: { ...application.cursor, table: 'otel_profiles' } }),
  ],
  [
    'a time that is none',
    (progress: Record<string, unknown>) => ({ ...progress, status: { ...application.status, since: 'yesterday' } }),
  ],
  [
    'a position that is none',
    (progress: Record<string, unknown>) => ({ ...progress, cursor: { ...application.cursor, after: '-1' } }),
  ],
])('a file that holds %s is refused and says what to do', async (_, change) => {
  await changed(change);
  await expect(readProgress(file)).rejects.toThrow(
    /newer Docket .*: start the Docket that wrote it, or remove the file/,
  );
});

test('a file that was cut off is refused and says what to do', async () => {
  await writeProgress(file, application);
  writeFileSync(file, readFileSync(file).subarray(0, 40));
  await expect(readProgress(file)).rejects.toThrow('is damaged (SyntaxError): start the Docket that wrote it');
});
