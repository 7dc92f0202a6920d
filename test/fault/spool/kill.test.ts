import { expect, test } from 'vitest';
import { chosenSeed, randomFrom, runKillCycles } from './kill-cycles.ts';

const CYCLES = 120;

test(`${CYCLES} kills of a process that appends and consumes lose nothing it acknowledged and change no batch`, async () => {
  const seed = chosenSeed();
  const report = await runKillCycles(CYCLES, randomFrom(seed));
  console.log(
    `seed ${seed}: ${report.cycles} cycles, ${report.sent} sent, ${report.acknowledged} acknowledged, ` +
      `${report.redelivered} batches delivered again, lost ${report.lost.length}, duplicates ${report.doubled.length}`,
  );
  expect(report).toMatchObject({ lost: [], neverSent: [], doubled: [], changed: [], corruptFrames: 0 });
  expect(report.acknowledged).toBeGreaterThan(CYCLES);
  expect(report.redelivered).toBeGreaterThan(0);
});
