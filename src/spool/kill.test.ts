import { expect, test } from 'vitest';
import { randomFrom, runKillCycles } from '../../test/fault/spool/kill-cycles.ts';

test('kills of a process that appends and consumes lose nothing it acknowledged and change no batch', async () => {
  const report = await runKillCycles(4, randomFrom(20_261_122));
  expect(report).toMatchObject({ lost: [], neverSent: [], doubled: [], changed: [], corruptFrames: 0 });
  expect(report.acknowledged).toBeGreaterThan(0);
}, 120_000);
