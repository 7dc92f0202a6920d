import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createChdbConnection } from 'chdb/connection';
import { openStore, type Store } from '../../src/store/connect.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

export interface TemporaryStore {
  readonly store: Store;
  readonly directory: string;
  /** Runs a statement on a connection of its own, as an administrator would. */
  command(sql: string): Promise<void>;
  /** Closes the engine and opens it again on the same directory. */
  reopen(): Promise<TemporaryStore>;
  dispose(): Promise<void>;
}

/** A migrated embedded store on a directory of its own. One at a time in a process: chdb holds one data directory. */
export async function openTemporaryStore(
  directory: string = mkdtempSync(join(tmpdir(), 'docket-store-')),
): Promise<TemporaryStore> {
  const store = openStore({
    location: { kind: 'embedded', directory },
    retentionSeconds: 30 * 86_400,
    logger: createLogger('silent'),
    meter: createMetrics().meter,
  });
  await store.migrate();
  return {
    store,
    directory,
    async command(sql) {
      const connection = createChdbConnection({ path: join(directory, 'engine') });
      try {
        await connection.command({ query: sql });
      } finally {
        await connection.close();
      }
    },
    async reopen() {
      await store.close();
      return openTemporaryStore(directory);
    },
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
