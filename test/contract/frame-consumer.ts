import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FrameBatch, FrameConsumer } from '../../src/pipeline/consumer.ts';
import type { Frame, SpooledFrame } from '../../src/pipeline/frame.ts';

/** One consumer under test and what it did so far. Made anew for every test. */
export interface FrameConsumerHarness {
  readonly consumer: FrameConsumer;
  /** A frame that the consumer can take whole; another `ordinal`, another content. */
  frame(ordinal: number): Frame;
  /** How often the effect of `frame(ordinal)` is visible downstream. */
  effects(ordinal: number): Promise<number>;
  /** Makes everything downstream fail in a way that passes, and heals it. Left out when the consumer has no downstream. */
  readonly downstream?: { fail(): Promise<void>; heal(): Promise<void> };
  /** A frame that can never be taken, if there is such a thing. */
  poison?(): Frame;
  close(): Promise<void>;
}

export interface FrameConsumerContract {
  readonly name: string;
  /** True when a batch that is delivered again has no second effect. */
  readonly idempotent: boolean;
  open(): Promise<FrameConsumerHarness>;
}

/**
 * What the spool relies on in every consumer: run it with a harness of the real thing. Nothing is lost or doubled by the
 * answers, a passing failure is retryable and has no lasting effect on a later attempt, and `consume` never throws for
 * an operating error.
 */
export function describeFrameConsumer(contract: FrameConsumerContract): void {
  describe(`${contract.name} keeps the contract of a frame consumer`, () => {
    let harness: FrameConsumerHarness;

    beforeEach(async () => {
      harness = await contract.open();
    });

    afterEach(async () => {
      await harness.close();
    });

    test('its name can name a cursor and its limits let something through', () => {
      expect(harness.consumer.name).toMatch(/^[a-z][a-z0-9-]{0,63}$/);
      expect(harness.consumer.batch.framesMax).toBeGreaterThanOrEqual(1);
      expect(harness.consumer.batch.bytesMax).toBeGreaterThanOrEqual(1);
      expect(harness.consumer.batch.lingerMs).toBeGreaterThanOrEqual(0);
    });

    test('every frame of an accepted batch has its effect once', async () => {
      const frames = [0, 1, 2].map((ordinal) => harness.frame(ordinal));
      expect(await harness.consumer.consume(batchOf(frames))).toMatchObject({ kind: 'accepted', setAside: 0 });
      for (const ordinal of [0, 1, 2]) expect(await harness.effects(ordinal)).toBe(1);
    });

    test('batches one after another all have their effect', async () => {
      for (const ordinal of [0, 1, 2]) {
        const outcome = await harness.consumer.consume(batchOf([harness.frame(ordinal)]));
        expect(outcome.kind).toBe('accepted');
      }
      for (const ordinal of [0, 1, 2]) expect(await harness.effects(ordinal)).toBe(1);
    });

    test('a batch delivered again is accepted again', async () => {
      const batch = batchOf([harness.frame(0), harness.frame(1)]);
      expect((await harness.consumer.consume(batch)).kind).toBe('accepted');
      expect((await harness.consumer.consume({ ...batch, redelivered: true })).kind).toBe('accepted');
      for (const ordinal of [0, 1]) {
        const effects = await harness.effects(ordinal);
        if (contract.idempotent) expect(effects).toBe(1);
        else expect(effects).toBeGreaterThanOrEqual(1);
      }
    });

    test('a passing failure downstream is retryable, and the same batch succeeds when it is over', async (context) => {
      const { downstream } = harness;
      if (downstream === undefined) {
        context.skip('the consumer has no downstream');
        return;
      }
      const batch = batchOf([harness.frame(0), harness.frame(1)]);
      await downstream.fail();
      expect((await harness.consumer.consume(batch)).kind).toBe('retryable');
      await downstream.heal();
      expect((await harness.consumer.consume({ ...batch, redelivered: true })).kind).toBe('accepted');
      for (const ordinal of [0, 1]) expect(await harness.effects(ordinal)).toBe(1);
    });

    test('a frame that can never be taken keeps no neighbour back', async (context) => {
      const poison = harness.poison?.();
      if (poison === undefined) {
        context.skip('the consumer takes every frame');
        return;
      }
      const outcome = await harness.consumer.consume(batchOf([harness.frame(0), poison, harness.frame(1)]));
      expect(outcome.kind).toBe('accepted');
      if (outcome.kind === 'accepted') expect(outcome.setAside).toBeGreaterThan(0);
      for (const ordinal of [0, 1]) expect(await harness.effects(ordinal)).toBe(1);
    });
  });
}

/** A batch as the spool makes it. */
export function batchOf(frames: readonly Frame[]): FrameBatch {
  const spooled: SpooledFrame[] = frames.map((frame) => ({
    ...frame,
    contentHash: createHash('sha256').update(`${frame.tenant}:${frame.signal}:`).update(frame.bytes).digest('hex'),
  }));
  const id = createHash('sha256');
  for (const { contentHash } of spooled) id.update(contentHash, 'hex');
  return { id: id.digest('hex'), frames: spooled, redelivered: false };
}
