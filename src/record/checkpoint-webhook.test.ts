import { metrics } from '@opentelemetry/api';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createLogger } from '../telemetry/logger.ts';
import type { SignedCheckpoint } from './checkpoint.ts';
import { createCheckpointWebhook } from './checkpoint-webhook.ts';

const checkpoint = (incident: string, seq: number): SignedCheckpoint => ({
  tenant: 'default',
  incident,
  seq,
  hash: 'a'.repeat(64),
  at: '2026-11-22T14:00:00.000Z',
  keyId: 'ed25519:0',
  signature: 'b'.repeat(128),
});

test('a checkpoint is posted until it is taken, a newer one of the same incident instead of it, a refused one once', async () => {
  const answers = [500, 503, 200, 400, 200];
  const received: unknown[] = [];
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      received.push(body);
      response.statusCode = answers.shift() ?? 200;
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  const webhook = createCheckpointWebhook({
    url: `http://127.0.0.1:${address.port}/anchors`,
    logger: createLogger('silent'),
    meter: metrics.getMeter('test'),
    retryMilliseconds: 5,
  });
  webhook.offer(checkpoint('one', 1));
  webhook.offer(checkpoint('one', 2));
  webhook.offer(checkpoint('two', 1));
  webhook.offer(checkpoint('three', 1));
  await expect.poll(() => received.length).toBe(5);
  await webhook.close();
  const last = received
    .slice(2)
    .map((each) => `${(each as SignedCheckpoint).incident} ${(each as SignedCheckpoint).seq}`);
  expect(last).toEqual(['one 2', 'two 1', 'three 1']);
  expect(received[4]).toEqual(checkpoint('three', 1));
  server.close();
});

test('a webhook that nobody answers holds nothing up', async () => {
  const webhook = createCheckpointWebhook({
    url: 'http://127.0.0.1:9/',
    logger: createLogger('silent'),
    meter: metrics.getMeter('test'),
    retryMilliseconds: 5,
  });
  webhook.offer(checkpoint('one', 1));
  await webhook.close();
});
