import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLogger } from '../telemetry/logger.ts';
import { createRepetition } from './repetition.ts';

test('what is stopped does not begin again, whoever asks for it late', async () => {
  const repetition = createRepetition(createLogger('silent'));
  let ran = 0;
  const work = (): Promise<void> => {
    ran += 1;
    return Promise.resolve();
  };
  repetition.every(1, work, 'counting');
  while (ran === 0) await setTimeout(1);
  await repetition.stop();
  ran = 0;
  // As a start that was still under way when the service was closed.
  repetition.every(1, work, 'counting');
  await setTimeout(30);
  expect(ran).toBe(0);
});
