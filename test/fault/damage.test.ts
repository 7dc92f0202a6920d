import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SIGNALS } from '../../src/otlp/signal.ts';
import { scanSegment, segmentNamed } from '../../src/spool/segment.ts';
import { startClickHouseFront, type ClickHouseFront } from '../support/clickhouse-http-front.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { doctor } from '../support/fault-doctor.ts';
import { createLedger, NOTHING_WRONG, readStored, verdictOf } from '../support/fault-ledger.ts';
import { startLoad } from '../support/fault-load.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { report } from '../support/fault-report.ts';
import { numbersIn } from '../support/fault-requests.ts';
import { eventually } from '../support/otlp-json.ts';

let front: ClickHouseFront;
let proxy: FaultProxy;
let docket: DocketProcess;

beforeAll(async () => {
  front = await startClickHouseFront();
  proxy = await startFaultProxy(front.url);
  docket = await startDocket({ environment: { DOCKET_CLICKHOUSE_URL: proxy.url } });
});

afterAll(async () => {
  await docket?.dispose();
  await proxy?.close();
  await front?.close();
});

const ITEMS = 10;

/** Where a bit is flipped, as an offset into a frame of `size` bytes whose metadata is `metadata` bytes long. */
const OFFSETS: readonly (readonly [what: string, at: (size: number, metadata: number) => number])[] = [
  ['the magic', () => 1],
  ['the version', () => 4],
  ['the salt', () => 10],
  ['the length of the metadata', () => 17],
  ['the length of the bytes', () => 22],
  ['the checksum of the metadata', () => 25],
  ['the checksum of the header', () => 29],
  ['the metadata', (_, metadata) => 32 + Math.floor(metadata / 2)],
  ['the bytes', (size, metadata) => 32 + metadata + Math.floor((size - 32 - metadata) / 2)],
  ['the last byte', (size) => size - 1],
];

test('flipped bits cost the frames they are in, a torn end nothing, and the service starts and says so', async () => {
  const ledger = createLedger();
  // The backlog stays in the spool: the server takes no telemetry.
  proxy.set({ kind: 'error', code: 241, symbol: 'MEMORY_LIMIT_EXCEEDED' }, { only: /^INSERT INTO otel_/ });
  let first = 0;
  for (let incarnation = 0; incarnation < 3; incarnation += 1) {
    const load = startLoad({ ledger, listeners: docket, firstNumber: first, workers: 4, itemsPerRequest: ITEMS });
    await eventually(
      () => Promise.resolve(load.acknowledgedRequests()),
      (count) => count > 40,
    );
    await load.stop();
    first = load.nextNumber();
    await docket.kill();
    if (incarnation < 2) docket = await docket.restart();
  }

  const folder = join(docket.dataDirectory, 'spool', 'segments');
  let flipped = 0;
  // What the damaged frames held: these alone may be missing.
  const damaged = new Map(SIGNALS.map((signal) => [signal, new Set<number>()]));
  const names = readdirSync(folder).sort();
  expect(names.length).toBeGreaterThanOrEqual(3);
  for (const [index, name] of names.entries()) {
    const path = join(folder, name);
    const bytes = readFileSync(path);
    const segment = segmentNamed(folder, name);
    if (segment === undefined) throw new Error(`not a segment: ${name}`);
    const { frames, damage } = scanSegment(bytes, segment.salt);
    expect(damage).toEqual([]);
    for (const [place, [, at]] of OFFSETS.entries()) {
      // Every other frame, so that each damaged range is one frame; the newest keeps its last frame whole.
      const frame = frames[1 + place * 2];
      if (frame === undefined || frame === frames.at(-1)) continue;
      const { signal, bytes: held } = frame.frame;
      for (const number of numbersIn(signal, held)) damaged.get(signal)?.add(number);
      const metadata = bytes.readUInt32LE(frame.offset + 16);
      const offset = frame.offset + at(frame.size, metadata);
      bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
      flipped += 1;
    }
    const whole = frames[0];
    const torn = index === names.length - 1 && whole !== undefined;
    writeFileSync(path, torn ? Buffer.concat([bytes, bytes.subarray(whole.offset, whole.offset + 200)]) : bytes);
  }
  expect(flipped).toBeGreaterThanOrEqual(OFFSETS.length * 2);

  await proxy.heal();
  docket = await docket.restart();
  const verdict = await eventually(
    async () => verdictOf(ledger, await readStored(front), damaged),
    ({ stored, acknowledged }) => stored >= acknowledged - flipped * ITEMS,
    60_000,
  );
  const missing = verdict.acknowledged - verdict.stored;
  report({ sent: verdict.sent, acknowledged: verdict.acknowledged, stored: verdict.stored, setAside: missing });
  // Exactly the items of the damaged frames are gone, and each frame is counted.
  expect(verdict).toMatchObject(NOTHING_WRONG);
  expect(missing).toBe(flipped * ITEMS);
  const metrics = await (await fetch(`http://${docket.api}/metrics`)).text();
  expect(metrics).toMatch(new RegExp(`^docket_spool_corrupt_frames_total(\\{[^}]*\\})? ${flipped}$`, 'm'));
  expect(metrics).toMatch(/^docket_spool_torn_bytes_total(\{[^}]*\})? [1-9]/m);
  const { code, printed } = await doctor(docket);
  expect(printed).toContain(`corruptFrames=${flipped}`);
  expect(printed).toMatch(
    new RegExp(`bad +spool damage +requests were acknowledged and are lost, in ${flipped} damaged parts`),
  );
  expect(code).toBe(1);
  // Work is taken all the same.
  expect((await fetch(`http://${docket.api}/readyz`)).status).toBe(200);
});
