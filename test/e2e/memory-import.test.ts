import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiOf, type Json } from '../support/api-client.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { sharedData } from '../support/shared-data.ts';

const main = join(import.meta.dirname, '..', '..', 'dist', 'main.js');
const run = promisify(execFile);

let docket: DocketProcess;
let api: ReturnType<typeof apiOf>;
const folder = mkdtempSync(join(tmpdir(), 'docket-import-'));

beforeAll(async () => {
  docket = await startDocket();
  api = apiOf(docket.api);
});

afterAll(async () => {
  await docket?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function importing(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [main, 'import', ...args], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DOCKET_URL: `http://${docket.api}` },
      cwd: folder,
      maxBuffer: 16 * 1024 * 1024,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string };
    return { code: failed.code, stdout: failed.stdout, stderr: failed.stderr };
  }
}

const POSTMORTEM = `# Checkout lost its connections to the ledger

- Severity: SEV-2
- Services: checkout, ledger
- Start: 2026-03-01T10:00:00Z
- End: 2026-03-01T11:05:00Z

The connection pool of checkout ran dry after a deploy halved its size.

## Timeline
- 10:00 UTC deploy of checkout 4.2.0
- 10:07 UTC alert PoolExhausted fires
- 11:05 UTC pool size restored

## Root cause
The deploy carried a pool size meant for the test environment; every request waited on HikariPool ConnectionTimeoutError.

## Resolution
Pool size restored to 200 by configuration.

## Action items
- [ ] Refuse a pool below 50 in production (@dana)
`;

test('a Markdown postmortem becomes a closed incident with its timeline, cause and follow-up', async () => {
  writeFileSync(join(folder, 'checkout.md'), POSTMORTEM);
  const dry = await importing('checkout.md', '--dry-run');
  expect(dry).toMatchObject({ code: 0 });
  expect(dry.stdout).toContain('checkout.md:1: would import "Checkout lost its connections to the ledger"');
  expect(((await api.get('/incidents')) as { items: unknown[] } & Json).items).toEqual([]);

  const first = await importing('checkout.md');
  expect(first.stderr).toBe('');
  expect(first.stdout).toContain('checkout.md:1: imported as INC-1');
  const record = await api.get('/incidents/INC-1');
  expect(record).toMatchObject({
    status: 'closed',
    severity: 'sev2',
    services: ['checkout', 'ledger'],
    startedAt: '2026-03-01T10:00:00Z',
    resolvedAt: '2026-03-01T11:05:00Z',
    hypotheses: [{ state: 'accepted', accepted: { overrideReason: 'imported', by: { kind: 'import' } } }],
    followUps: [{ owner: { name: 'dana' }, state: 'open' }],
  });
  const rows = await api.evidence('INC-1', '&kind=note');
  expect(rows.map((row) => row.summary)).toContain('Timeline: alert PoolExhausted fires');

  const again = await importing('checkout.md');
  expect(again.stdout).toContain('already there as INC-1');
  expect((await api.get('/incidents/INC-1'))['head']).toEqual(record['head']);
});

test('an item that cannot be read is named by file and line, and the others are imported', async () => {
  writeFileSync(
    join(folder, 'mixed.jsonl'),
    [
      JSON.stringify({ id: 'a', title: 'Cache stampede', summary: 'Every key expired at once.' }),
      '{"id": "b", "title": ',
      JSON.stringify({ id: 'c', summary: 'no title' }),
      JSON.stringify({ id: 'd', title: 'DNS loop', details: 'A resolver asked itself.', start: '1980-10-27' }),
    ].join('\n'),
  );
  const result = await importing('mixed.jsonl');
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('mixed.jsonl:2: is no JSON');
  expect(result.stderr).toContain('mixed.jsonl:3: has no title');
  expect(result.stderr).toContain('mixed.jsonl:4: start is no time between 2000 and now');
  expect(result.stdout).toContain('2 unreadable, 2 imported');
});

test('action items that nobody owns do not keep what is over from being closed, and are not passed off as done or owned', async () => {
  writeFileSync(
    join(folder, 'unowned.md'),
    '# The queue filled the disk\n\n## Action items\n- Alert before the disk is full (@eli)\n- Bound the queue\n- [x] Free the disk\n',
  );
  const dry = await importing('unowned.md', '--dry-run');
  expect(dry.stdout).toContain('3 follow-ups (1 without an owner)');
  const result = await importing('unowned.md');
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const [, ref = ''] = /imported as (\S+)/.exec(result.stdout) ?? [];
  expect(await api.get(`/incidents/${ref}`)).toMatchObject({
    status: 'closed',
    followUps: [
      { state: 'open', owner: { name: 'eli' } },
      { state: 'wont_do', owner: null, closed: { reason: expect.stringContaining('names no owner') as string } },
      { state: 'done' },
    ],
    gaps: [{ kind: 'unknown_owner', state: 'accepted', what: expect.stringContaining('one action item') as string }],
  });
  expect((await importing('unowned.md')).stdout).toContain(`already there as ${ref}`);
});

test('what changed since it was imported is reported and left as it is', async () => {
  writeFileSync(
    join(folder, 'changed.json'),
    JSON.stringify({ id: 'a', title: 'Cache stampede, retold', summary: 'x' }),
  );
  const result = await importing('changed.json');
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('changed.json:1: was imported before and has changed since');
});

test('a missing file is wrong usage and a service that is down is unreachable', async () => {
  expect((await importing('nowhere.md')).code).toBe(2);
  expect((await importing('checkout.md', '--url', 'http://127.0.0.1:9')).code).toBe(3);
});

test('an open incident finds the imported one, with what it was, what fixed it and what is left to do', async () => {
  await api.post('/incidents', {
    ref: 'INC-NOW',
    title: 'Checkout waits for connections, pool exhausted',
    services: ['checkout'],
    severity: 'sev1',
  });
  const similar = (await api.get('/incidents/INC-NOW/similar?limit=3')) as unknown as {
    items: {
      incident: { ref: string };
      score: number;
      features: { kind: string; value: string; here: string; there: string }[];
      outcome: {
        cause: { text: string }[];
        fixedBy: { text: string }[];
        followUps: { title?: string; text: string }[];
      };
    }[];
  };
  const [best] = similar.items;
  expect(best?.incident.ref).toBe('INC-1');
  expect(best?.features).toContainEqual(expect.objectContaining({ kind: 'service', value: 'checkout' }));
  expect(best?.features.every((feature) => feature.here !== '' && feature.there !== '')).toBe(true);
  expect(best?.outcome.cause[0]?.text).toContain('pool size meant for the test environment');
  expect(best?.outcome.fixedBy[0]?.text).toContain('Pool size restored to 200');
  expect(best?.outcome.followUps[0]?.text).toContain('Refuse a pool below 50');
});

test('measures leave imported incidents out and say so; review and OCSF describe one', async () => {
  const measures = await api.get('/metrics/record');
  expect(measures).toMatchObject({ measured: 1, imported: 4 });
  const review = (await api.get('/incidents/INC-1/review')) as unknown as {
    sections: { sentences: { text: string; cites: string[] }[] }[];
  };
  expect(review.sections.flatMap((section) => section.sentences).every(({ cites }) => cites.length > 0)).toBe(true);
  expect(await api.get('/incidents/INC-1/ocsf')).toMatchObject({ class_uid: 2005, type_uid: 200503, status_id: 5 });
  await api.get('/incidents/INC-404/similar', 404);
  await api.get('/incidents/INC-404/review', 404);
  await api.get('/metrics/record?incident=INC-404', 404);
  await api.get('/incidents/INC-1/similar?limit=0', 400);
});

test.skipIf(!sharedData.present)('real timelines are imported whole, twice, with the same result', async () => {
  const lines = readFileSync(sharedData.path('incidents', 'timelines.jsonl'), 'utf8').split('\n').slice(0, 4);
  writeFileSync(join(folder, 'timelines.jsonl'), lines.join('\n'));
  const first = await importing('timelines.jsonl', '--owner', 'platform team');
  expect(first).toMatchObject({ code: 0 });
  expect(first.stdout).toContain('4 imported');
  expect((await importing('timelines.jsonl', '--owner', 'platform team')).stdout).toContain('4 already there');
  const closed = (await api.get('/incidents?status=closed&limit=200')) as unknown as { items: unknown[] };
  // INC-1, the unowned one and the two of the mixed file are closed, too.
  expect(closed.items).toHaveLength(8);
});
