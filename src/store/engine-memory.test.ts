import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

test('the engine gives freed memory back within half a second', () => {
  // A process of its own: here the library was loaded before Docket's modules.
  const directory = mkdtempSync(join(tmpdir(), 'docket-allocator-'));
  const script = `
    import { openEmbedded } from '${join(import.meta.dirname, 'embedded.ts')}';
    const database = openEmbedded({ directory: '${directory}', memoryMax: 1_500_000_000 });
    const [row] = await database.select('SELECT * FROM system.jemalloc_stats');
    console.log(Object.values(row)[0]);
    process.exit(0);`;
  const { JE_MALLOC_CONF: _, ...environment } = process.env;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: join(import.meta.dirname, '..', '..'),
    env: environment,
  });
  rmSync(directory, { recursive: true, force: true });
  expect(child.stdout).toContain('opt.dirty_decay_ms: 500');
});

test('granules of long spans hold two megabytes, and large parts are merged column by column', async () => {
  const spans = (): Promise<void> =>
    temporary.command(`INSERT INTO otel_traces (Timestamp, TraceId, SpanName, ServiceName, ReceivedAt, SpanAttributes)
      SELECT now64(9), toString(number), 'chat', 'agent', now64(9), map('text', repeat('x', 3000))
      FROM numbers(6000) SETTINGS max_block_size = 20000`);
  await temporary.command('SYSTEM STOP MERGES otel_traces');
  for (let batch = 0; batch < 4; batch += 1) await spans();
  const parts = (): Promise<{ kind: string; granule: number }[]> =>
    // A part has one mark more than granules.
    temporary.store.query(
      `SELECT part_type AS kind, data_uncompressed_bytes / (marks - 1) AS granule FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'otel_traces'`,
    );
  const inserted = await parts();
  expect(inserted.map(({ kind }) => kind)).toEqual(Array(4).fill('Compact'));
  expect(Math.max(...inserted.map(({ granule }) => granule))).toBeLessThan(2.2 * 1024 * 1024);
  await temporary.command('SYSTEM START MERGES otel_traces');
  await temporary.command('OPTIMIZE TABLE otel_traces FINAL');
  const merged = await parts();
  // The engine merges into wide parts column by column, into compact ones row by row.
  expect(merged.map(({ kind }) => kind)).toEqual(['Wide']);
  expect(merged[0]?.granule).toBeLessThan(4 * 1024 * 1024);
});

test('merges count no distinct values of columns for statistics', async () => {
  const counted = await temporary.store.query<{ column: string }>(
    "SELECT concat(table, '.', name) AS column FROM system.columns WHERE database = currentDatabase() AND statistics != '' LIMIT 10",
  );
  expect(counted).toEqual([]);
});
