import { expect, test } from 'vitest';
import { LinkerHarness } from '../../test/support/linker-harness.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { CONTRIBUTIONS_MAX } from './act.ts';
import { REQUESTED_CALLS_MAX } from '../otlp/semconv/requested-calls.ts';

/** What the linker counts, and how often a bound was met. */
function counting() {
  const metrics = createMetrics();
  return {
    harness: new LinkerHarness({}, metrics.meter),
    async bounded(bound: string): Promise<number> {
      const text = await metrics.prometheusText();
      const line = text.split('\n').find((each) => each.includes(`docket_evidence_bounded_total{bound="${bound}"`));
      return Number(line?.split(' ')[1] ?? Number.NaN);
    },
  };
}

test('records left out of an act that keeps as many as it may are counted', async () => {
  const { harness, bounded } = counting();
  const events = Array.from({ length: CONTRIBUTIONS_MAX + 7 }, () => ({
    scope: 'com.anthropic.claude_code.events',
    eventName: 'tool_result',
    attributes: { tool_name: 'get_pods', tool_use_id: 'call_1', 'session.id': 's1' },
  }));
  await harness.logs(...events);
  expect(harness.evidence.of('').filter(({ kind }) => kind === 'tool_call')).toHaveLength(1);
  expect(await bounded('records_of_act')).toBe(7);
});

test.each([
  [REQUESTED_CALLS_MAX, 0],
  [REQUESTED_CALLS_MAX + 1, 1],
  [500, 1],
])(
  'a model that asks for %i calls at once is counted %i times as one that asks for more than are kept',
  async (asked, times) => {
    const { harness, bounded } = counting();
    const parts = Array.from({ length: asked }, (_, call) => ({
      type: 'tool_call',
      id: `call_${call}`,
      name: 'get_pods',
      arguments: {},
    }));
    await harness.spans({
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.request.model': 'm',
        'gen_ai.output.messages': JSON.stringify([{ role: 'assistant', parts }]),
      },
    });
    const calls = harness.evidence.of('').filter(({ kind }) => kind === 'tool_call');
    expect(calls).toHaveLength(Math.min(asked, REQUESTED_CALLS_MAX));
    expect(await bounded('requested_calls')).toBe(times);
  },
);
