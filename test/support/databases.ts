import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../../src/store/database.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import { openServer } from '../../src/store/server.ts';
import { startClickHouseFront } from './clickhouse-http-front.ts';

export interface OpenedDatabase {
  readonly database: Database;
  close(): Promise<void>;
}

export async function openOnEmbedded(): Promise<OpenedDatabase> {
  const directory = mkdtempSync(join(tmpdir(), 'docket-database-'));
  const database = openEmbedded({ directory, memoryMax: 1_500_000_000 });
  return {
    database,
    async close() {
      await database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function openOnServer(): Promise<OpenedDatabase> {
  const front = await startClickHouseFront();
  const database = openServer(front.url);
  return {
    database,
    async close() {
      await database.close();
      await front.close();
    },
  };
}

/** Empty databases, not migrated, on both kinds of engine, for `describe.each`. */
export const DATABASES: readonly (readonly [kind: string, open: () => Promise<OpenedDatabase>])[] = [
  ['the embedded engine', openOnEmbedded],
  ['a ClickHouse server', openOnServer],
];
