import { rmSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import { openStore, type Store } from '../../src/store/connect.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { startClickHouseFront, type ClickHouseFront } from '../support/clickhouse-http-front.ts';
import { evidenceLogContract } from './evidence-log.contract.ts';
import { recordLogContract } from './record-log.contract.ts';
import { storedTelemetryContract } from './stored-telemetry.contract.ts';

let front: ClickHouseFront;
let store: Store;

async function openOnServer(): Promise<Store> {
  const opened = openStore({
    location: { kind: 'server', url: front.url },
    retentionSeconds: 30 * 86_400,
    logger: createLogger('silent'),
    meter: createMetrics().meter,
  });
  await opened.migrate();
  return opened;
}

beforeAll(async () => {
  front = await startClickHouseFront();
  store = await openOnServer();
});

afterAll(async () => {
  await store?.close();
  await front?.close();
  if (front !== undefined) rmSync(front.directory, { recursive: true, force: true });
});

recordLogContract('record log on a ClickHouse server', () => ({
  log: () => store.recordLog,
  async reopen() {
    await store.close();
    store = await openOnServer();
  },
}));

evidenceLogContract('evidence log on a ClickHouse server', () => store.evidenceLog);

storedTelemetryContract('stored telemetry on a ClickHouse server', () => store);
