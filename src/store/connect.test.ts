import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { openStore } from './connect.ts';
import { readMigrations } from './migrate.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

function open(directory: string, retentionSeconds = 86_400): ReturnType<typeof openStore> {
  return openStore({
    location: { kind: 'embedded', directory },
    retentionSeconds,
    logger: createLogger('silent'),
    meter: createMetrics().meter,
  });
}

test('a second data directory in one process is refused in words', () => {
  expect(() => open(`${temporary.directory}-other`)).toThrow('already has another data directory open');
});

test('a second process is told who has the data directory', () => {
  const script = `
    import { openStore } from '${join(import.meta.dirname, 'connect.ts')}';
    import { createMetrics } from '${join(import.meta.dirname, '..', 'telemetry', 'metrics.ts')}';
    try {
      openStore({ location: { kind: 'embedded', directory: '${temporary.directory}' }, retentionSeconds: 1,
        logger: undefined, meter: createMetrics().meter });
      console.log('opened');
    } catch (error) { console.log(error.message); }`;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: join(import.meta.dirname, '..', '..'),
  });
  expect(child.stdout).toContain(`another Docket (process ${process.pid}) has this data directory open`);
});

test('migrations run once, and the database answers afterwards', async () => {
  expect(await temporary.store.migrate()).toBe(0);
  expect(await temporary.store.query('SELECT toString(count()) AS rows FROM docket_migrations')).toEqual([
    { rows: String(readMigrations().length) },
  ]);
});

test('a migration that was changed after it ran, or that is not known, refuses to start', async () => {
  await temporary.command(`INSERT INTO docket_migrations (number, name, checksum) VALUES (999, 'later', 'x')`);
  await expect(temporary.store.migrate()).rejects.toThrow('migration 999, which this version does not know');
  await temporary.command(`ALTER TABLE docket_migrations DELETE WHERE number = 999 SETTINGS mutations_sync = 2`);
  await temporary.command(
    `ALTER TABLE docket_migrations UPDATE checksum = 'edited' WHERE number = 1 SETTINGS mutations_sync = 2`,
  );
  await expect(temporary.store.migrate()).rejects.toThrow('migration 1 otel_traces was changed after it ran');
  await temporary.command(
    `ALTER TABLE docket_migrations UPDATE checksum = '${readMigrations()[0]?.checksum}' WHERE number = 1 SETTINGS mutations_sync = 2`,
  );
  expect(await temporary.store.migrate()).toBe(0);
});

test('stale staging files are gone and the retention follows the configuration after opening again', async () => {
  const { directory } = temporary;
  writeFileSync(join(directory, 'staging', 'left-over.native'), 'x');
  await temporary.store.close();
  const store = open(directory, 7_200);
  expect(existsSync(join(directory, 'staging'))).toBe(true);
  expect(readdirSync(join(directory, 'staging'))).toEqual([]);
  await store.migrate();
  expect(
    await store.query(`SELECT name FROM system.tables
WHERE database = currentDatabase() AND create_table_query LIKE '%toIntervalSecond(7200)%' ORDER BY name`),
  ).toEqual(
    [
      'otel_logs',
      'otel_metrics_exp_histogram',
      'otel_metrics_gauge',
      'otel_metrics_histogram',
      'otel_metrics_sum',
      'otel_metrics_summary',
      'otel_traces',
      'otel_traces_trace_id_ts',
      'redaction_receipts',
      'unloadable_items',
    ].map((name) => ({ name })),
  );
  await store.close();
  temporary = await openTemporaryStore(directory);
});

test('sizes tell rows and bytes of every table that has some', async () => {
  const sizes = await temporary.store.sizes();
  const migrations = sizes.find((size) => size.table === 'docket_migrations');
  expect(migrations?.rows).toBeGreaterThan(0);
  expect(migrations?.bytesOnDisk).toBeGreaterThan(0);
});
