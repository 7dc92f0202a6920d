import { afterAll, beforeAll } from 'vitest';
import { openTemporaryStore, type TemporaryStore } from '../support/temporary-store.ts';
import { evidenceLogContract } from './evidence-log.contract.ts';
import { recordLogContract } from './record-log.contract.ts';
import { storedTelemetryContract } from './stored-telemetry.contract.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

recordLogContract('record log on the embedded engine', () => ({
  log: () => temporary.store.recordLog,
  async reopen() {
    temporary = await temporary.reopen();
  },
}));

evidenceLogContract('evidence log on the embedded engine', () => temporary.store.evidenceLog);

storedTelemetryContract('stored telemetry in the embedded engine', () => temporary.store);
