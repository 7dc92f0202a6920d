// How fast does the spool acknowledge? Appends of random bytes, a number of them at once, each one waiting for its
// acknowledgement before the next; one consumer that takes everything keeps up behind it. Real files, real fdatasync.
// Run: npx tsx bench/spool.bench.ts [directory]
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markRedacted } from '../src/pipeline/redacted.ts';
import { crc32c } from '../src/pipeline/crc32c.ts';
import { createSpool } from '../src/spool/spool.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';

const SECONDS = 2;
const parent = process.argv[2] ?? tmpdir();

interface Measured {
  readonly acksPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSecondsPerGigabyte: number;
}

async function measure(frameBytes: number, concurrency: number): Promise<Measured> {
  const directory = await mkdtemp(join(parent, 'docket-bench-spool-'));
  const metrics = createMetrics();
  const spool = createSpool({ directory, meter: metrics.meter, logger: createLogger('silent') });
  spool.attach({
    name: 'sink',
    batch: { framesMax: 1_000, bytesMax: 16 * 1024 * 1024, lingerMs: 50 },
    consume: async () => ({ kind: 'accepted', setAside: 0 }),
  });
  await spool.start();
  const content = randomBytes(frameBytes);
  const times: number[] = [];
  const started = performance.now();
  const cpu = process.cpuUsage();
  let count = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() - started < SECONDS * 1000) {
        const bytes = Buffer.from(content);
        bytes.writeUInt32LE((count += 1), 0);
        const asked = performance.now();
        const outcome = await spool.append({
          tenant: 'default',
          signal: 'traces',
          receivedAtUnixNano: BigInt(Date.now()) * 1_000_000n,
          policyVersion: 'default@0123456789ab',
          items: 512,
          receipts: [],
          facts: [],
          bytes: markRedacted<Uint8Array>(bytes),
        });
        if (outcome.kind !== 'accepted') throw new Error('an append was refused');
        times.push(performance.now() - asked);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await spool.drain(30_000);
  await spool.close();
  await metrics.close();
  await rm(directory, { recursive: true });
  times.sort((left, right) => left - right);
  const megabytes = (times.length * frameBytes) / 1e6;
  return {
    acksPerSecond: times.length / seconds,
    megabytesPerSecond: megabytes / seconds,
    p50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    cpuSecondsPerGigabyte: (user + system) / 1e6 / (megabytes / 1e3),
  };
}

const sample = randomBytes(300_000);
for (let round = 0; round < 500; round += 1) crc32c(sample);
const crcStarted = performance.now();
for (let round = 0; round < 3_000; round += 1) crc32c(sample);
console.log(`crc32c ${(0.9 / ((performance.now() - crcStarted) / 1000)).toFixed(2)} GB/s`);
console.log('frame      at once   acks/s     MB/s   p50 ms   p99 ms   CPU-s/GB');
for (const frameBytes of [300_000, 10_000]) {
  for (const concurrency of [1, 16, 64]) {
    const measured = await measure(frameBytes, concurrency);
    console.log(
      [
        `${frameBytes / 1000} KB`.padEnd(10),
        String(concurrency).padStart(7),
        measured.acksPerSecond.toFixed(0).padStart(9),
        measured.megabytesPerSecond.toFixed(1).padStart(9),
        measured.p50Ms.toFixed(2).padStart(9),
        measured.p99Ms.toFixed(2).padStart(9),
        measured.cpuSecondsPerGigabyte.toFixed(2).padStart(10),
      ].join(''),
    );
  }
}
