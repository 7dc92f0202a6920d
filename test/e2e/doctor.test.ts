import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { encodeExportResponse } from '../../src/otlp/protobuf/export-response.ts';
import { createSpool } from '../../src/spool/spool.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { openHttpSink } from '../contract/frame-consumer-sink.ts';
import { frameLabelled } from '../fault/spool/frames.ts';
import { startDocket } from '../support/docket-process.ts';
import { doctor } from '../support/fault-doctor.ts';
import { eventually, postJson, tracesRequest } from '../support/otlp-json.ts';

const dataDirectory = mkdtempSync(join(tmpdir(), 'docket-doctor-'));
afterAll(() => {
  rmSync(dataDirectory, { recursive: true, force: true });
});

/** A spool of which one acknowledged request can no longer be read. */
async function spoolWithDamage(): Promise<string> {
  const metrics = createMetrics();
  const directory = join(dataDirectory, 'spool');
  const spool = createSpool({ directory, meter: metrics.meter, logger: createLogger('silent') });
  await spool.start();
  await spool.append(frameLabelled('lost', 500));
  await spool.close();
  await metrics.close();
  const [name = ''] = readdirSync(join(directory, 'segments'));
  const path = join(directory, 'segments', name);
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(path, bytes);
  return name;
}

test('doctor says which requests were lost, where and since when, until somebody has dealt with them', async () => {
  const segment = await spoolWithDamage();
  let docket = await startDocket({ dataDirectory });
  const first = await doctor(docket);
  expect(first.printed).toMatch(new RegExp(`bad +spool damage +.*\\d+ bytes at 0 of ${segment}, found 20\\d\\d-.*Z`));
  expect(first.printed).toMatch(/damagedParts=1 damagedBytes=\d{3}/);
  expect(first.printed).toContain(`${dataDirectory}, of the running Docket`);
  expect(first.code).toBe(1);
  expect((await fetch(`http://${docket.api}/readyz`)).status).toBe(200);
  expect(await docket.stop()).toBe(0);

  docket = await docket.restart();
  expect(await doctor(docket)).toMatchObject({ code: 1, printed: expect.stringContaining(`of ${segment}, found`) });
  await docket.stop();

  rmSync(join(dataDirectory, 'spool', 'damaged.jsonl'));
  docket = await docket.restart();
  const dealtWith = await doctor(docket);
  expect(dealtWith.printed).not.toContain('damage');
  expect(dealtWith.code).toBe(0);
  await docket.stop();
});

test('doctor shows what the forward endpoint took, rejected in part and refused', async () => {
  const sink = await openHttpSink();
  sink.answer = ({ signal }) =>
    signal === 'traces' ? { response: encodeExportResponse({ rejected: 2, message: 'too old' }) } : { httpStatus: 401 };
  const docket = await startDocket({ environment: { DOCKET_FORWARD_URL: sink.url } });
  try {
    expect((await postJson(docket.otlpHttp, 'traces', tracesRequest('shop', [1, 2, 3, 4, 5]))).status).toBe(200);
    const examined = await eventually(
      () => doctor(docket),
      ({ printed }) => printed.includes('rejectedItems=2'),
    );
    expect(examined.printed).toMatch(
      /note +forward +3 items taken by the endpoint since the start; 2 items rejected by it \(partial success\); last .*Z: partial success/,
    );
    expect(examined.code).toBe(0);
    const log = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: 'a' } }] }] }] };
    expect((await postJson(docket.otlpHttp, 'logs', log)).status).toBe(200);
    const refused = await eventually(
      () => doctor(docket),
      ({ printed }) => printed.includes('dead letters'),
    );
    expect(refused.printed).toMatch(/note +forward +.*1 requests refused by it with 1 items; last .*Z: HTTP 401/);
    expect(refused.printed).toMatch(/bad +dead letters +1 batches were refused for good and are in spool\/dead-letter/);
    expect(refused.code).toBe(1);
  } finally {
    await docket.dispose();
    await sink.close();
  }
});
