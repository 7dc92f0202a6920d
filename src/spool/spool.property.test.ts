import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameLabelled, labelOf } from '../../test/fault/spool/frames.ts';
import { randomFrom } from '../../test/fault/spool/kill-cycles.ts';
import { createVolatileDisk } from '../../test/fault/spool/volatile-files.ts';
import type { ConsumeOutcome, FrameBatch, FrameConsumer } from '../pipeline/consumer.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createSpool, type Spool } from './spool.ts';

/*
 * append: new frames at once; those not acknowledged before the next crash may or may not be kept.
 * retry: everything that was not acknowledged is sent again, as a client would, and some that was.
 * crash: the power goes after some turns of the event loop; of what was not synced a random part survives.
 */
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        frames: fc.integer({ min: 1, max: 6 }),
        bytes: fc.integer({ min: 10, max: 900 }),
        await: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('retry' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('crash' as const), turns: fc.nat(40), seed: fc.nat() }) },
  ),
  { maxLength: 25 },
);

test('over any appends, crashes and restarts: acknowledged frames are delivered, delivered ones were sent, and a frame is only ever in one batch', async () => {
  const logger = createLogger('silent');
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (script, seed) => {
      const directory = await mkdtemp(join(tmpdir(), 'docket-spool-'));
      const disk = createVolatileDisk();
      const random = randomFrom(seed);
      const metrics = createMetrics();
      const sent = new Map<string, number>();
      const acknowledged = new Set<string>();
      const effects = new Set<string>();
      const batchOf = new Map<string, string>();
      const violations: string[] = [];
      let underWay: FrameBatch | undefined;
      let crashed = false;
      let reliable = false;

      async function consume(batch: FrameBatch): Promise<ConsumeOutcome> {
        if (underWay !== undefined) {
          if (batch.id !== underWay.id) violations.push('the batch under way did not come again');
          if (!batch.redelivered) violations.push('a batch that may have had an effect was not marked');
        }
        underWay = batch;
        for (const frame of batch.frames) {
          const label = labelOf(frame);
          if ((batchOf.get(label) ?? batch.id) !== batch.id) violations.push(`${label} came in two batches`);
          batchOf.set(label, batch.id);
        }
        const turns = reliable ? 0 : Math.floor(random() * 10);
        for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        if (crashed) return { kind: 'retryable', reason: 'crashed' };
        if (!reliable && random() < 0.3) return { kind: 'retryable', reason: 'down', delayMs: 1 };
        for (const frame of batch.frames) effects.add(labelOf(frame));
        underWay = undefined;
        return { kind: 'accepted', setAside: 0 };
      }

      async function open(): Promise<Spool> {
        crashed = false;
        const consumer: FrameConsumer = { name: 'one', batch: { framesMax: 4, bytesMax: 2_000, lingerMs: 0 }, consume };
        const opening = createSpool({
          directory,
          segmentBytes: 2_500,
          meter: metrics.meter,
          logger,
          files: disk.mount(),
          backoff: { initialMs: 1, maxMs: 2, factor: 2 },
        });
        opening.attach(consumer);
        await opening.start();
        return opening;
      }

      let spool = await open();

      async function send(label: string): Promise<void> {
        const outcome = await spool.append(frameLabelled(label, sent.get(label)));
        if (outcome.kind === 'accepted') acknowledged.add(label);
      }

      for (const step of script) {
        if (step.kind === 'append') {
          const labels = Array.from({ length: step.frames }, () => {
            const label = `f${sent.size}`;
            sent.set(label, step.bytes);
            return label;
          });
          const sending = Promise.all(labels.map(send));
          if (step.await) await sending;
        } else if (step.kind === 'retry') {
          const labels = [...sent.keys()].filter((label) => !acknowledged.has(label) || random() < 0.2);
          await Promise.all(labels.map(send));
        } else if (step.kind === 'drain') {
          await spool.drain(20);
        } else {
          if (step.kind === 'crash') {
            for (let turn = 0; turn < step.turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
            crashed = true;
            disk.losePower(randomFrom(step.seed));
          }
          await spool.close();
          spool = await open();
        }
      }
      reliable = true;
      await Promise.all([...sent.keys()].filter((label) => !acknowledged.has(label)).map(send));
      expect(await spool.drain(5_000)).toBe(true);
      await spool.close();
      await metrics.close();
      await rm(directory, { recursive: true });
      expect([...acknowledged].filter((label) => !effects.has(label))).toEqual([]);
      expect([...effects].filter((label) => !sent.has(label))).toEqual([]);
      expect(acknowledged.size).toBe(sent.size);
      expect(violations).toEqual([]);
    }),
    { numRuns: 150 },
  );
});
