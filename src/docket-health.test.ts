import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { healthOf, type HealthSources } from './docket-health.ts';
import { createPolicyReload } from './policy-reload.ts';
import { loadPolicy } from './redaction/policy-file.ts';
import { createSpool } from './spool/spool.ts';
import { createLogger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';

let folder: string;
let sources: HealthSources;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-health-'));
  const { meter } = createMetrics();
  const logger = createLogger('silent');
  sources = {
    dataDir: folder,
    storeHealth: async () => ({ name: 'store', ok: true, detail: 'answers' }),
    spool: createSpool({ directory: join(folder, 'spool'), meter, logger }),
    policy: createPolicyReload({ path: undefined, current: loadPolicy(undefined), apply() {}, logger, meter }),
    forwarder: undefined,
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the disk under the data directory says how much of it is free', async () => {
  const { components } = await healthOf(sources);
  const disk = components.find(({ name }) => name === 'disk');
  expect(disk?.detail).toMatch(/^\d+ MiB free under the data directory$/);
  expect(disk?.measures?.['freeBytes']).toBeGreaterThan(0);
});

test('a disk that does not say how much is free is unknown, and the answer still comes', async () => {
  rmSync(folder, { recursive: true });
  const { ready, components } = await healthOf(sources);
  expect(components.find(({ name }) => name === 'disk')).toEqual({
    name: 'disk',
    ok: true,
    note: true,
    detail: 'how much is free under the data directory is unknown (ENOENT)',
  });
  expect(ready).toBe(true);
});
