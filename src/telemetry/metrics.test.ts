import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

test('a counter shows in the Prometheus text with its labels', async () => {
  const metrics = createMetrics();
  const counter = metrics.meter.createCounter('docket.receiver.requests', { description: 'Requests' });
  counter.add(2, { signal: 'traces', outcome: 'accepted' });
  const text = await metrics.prometheusText();
  expect(text).toContain('docket_receiver_requests_total{signal="traces",outcome="accepted"');
  await metrics.close();
});
