import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { transcodeJson } from '../../src/otlp/json/transcode.ts';
import type { SpooledFrame } from '../../src/pipeline/frame.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import { defaultPolicy } from '../../src/redaction/policy-file.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { LinkerHarness, logsOf, tracesOf, type SpanSketch } from '../support/linker-harness.ts';

// What a model asks for stands in content that the default policy withholds: the real redactor before the real linker.

const redactor = createRedactor({
  policy: defaultPolicy(),
  fingerprintKey: Buffer.alloc(32, 7),
  fingerprintKeyId: 'k1',
  meter: createMetrics().meter,
  logger: createLogger('silent'),
});

function frame(...spans: readonly SpanSketch[]): SpooledFrame {
  return redactedFrame('traces', tracesOf(...spans), spans.length);
}

function redactedFrame(signal: 'traces' | 'logs', request: object, items: number): SpooledFrame {
  const { bytes } = transcodeJson(signal, Buffer.from(JSON.stringify(request)));
  const redacted = redactor.redact({ tenant: 'default', signal, bytes, items, receivedAtUnixNano: 1n });
  return { ...redacted, contentHash: createHash('sha256').update(redacted.bytes).digest('hex') };
}

const DELETE = { command: 'kubectl delete pod checkout-7' };
const GET = { command: 'kubectl get pods' };
const part = (id: string, callArguments: object): object => ({
  type: 'tool_call',
  id,
  name: 'bash',
  arguments: callArguments,
});
const chat: SpanSketch = {
  name: 'chat m',
  span: 9,
  parent: 2,
  start: 0,
  end: 90,
  attributes: {
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'm',
    'gen_ai.output.messages': JSON.stringify([
      { role: 'assistant', parts: [part('call_1', DELETE), part('call_2', GET)] },
    ]),
  },
};
const run = (span: number, callId: string, callArguments: object): SpanSketch => ({
  name: 'execute_tool bash',
  span,
  parent: 2,
  start: 100,
  end: 200,
  attributes: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'bash',
    'gen_ai.tool.call.id': callId,
    'gen_ai.tool.call.arguments': JSON.stringify(callArguments),
  },
});

function calls(harness: LinkerHarness): readonly EvidenceRow[] {
  const rows = harness.evidence.of('').filter((row) => row.kind === 'tool_call');
  return rows.toSorted((a, b) => ((a.tool?.callId ?? '') < (b.tool?.callId ?? '') ? -1 : 1));
}

test('a request within withheld messages is in alsoSeenAs of the call that was run, in every order and over requests', async () => {
  const spans = [chat, run(10, 'call_1', DELETE), run(11, 'call_2', GET)];
  const orders = [spans, spans.toReversed(), [spans[1], spans[0], spans[2]]] as SpanSketch[][];
  for (const order of [...orders, ...orders]) {
    const harness = new LinkerHarness();
    for (const span of order) await harness.consume([frame(span)]);
    const found = calls(harness).map((row) => [row.tool?.callId, row.tool?.tier, row.source]);
    expect(found).toMatchObject([
      ['call_1', 'mutate', { spanId: '000000000000000a', alsoSeenAs: ['0000000000000009'] }],
      ['call_2', 'read', { spanId: '000000000000000b', alsoSeenAs: ['0000000000000009'] }],
    ]);
  }
});

test('a request within the log event of a choice is one of its call and not of the model’s', async () => {
  const chosen = {
    message: { tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'bash', arguments: '{}' } }] },
  };
  const span: SpanSketch = { ...chat, attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm' } };
  const event = redactedFrame(
    'logs',
    logsOf({ trace: 1, span: 9, at: 90, eventName: 'gen_ai.choice', body: chosen }),
    1,
  );
  for (const isLast of [true, false]) {
    const harness = new LinkerHarness();
    if (!isLast) await harness.consume([event]);
    await harness.consume([frame(span, run(10, 'call_1', DELETE))]);
    if (isLast) await harness.consume([event]);
    expect(calls(harness).map((row) => row.source)).toMatchObject([
      { spanId: '000000000000000a', alsoSeenAs: ['0000000000000009'] },
    ]);
    expect(harness.evidence.of('').filter((row) => row.kind === 'model_call')).toHaveLength(1);
  }
});

test('a request within withheld messages meets its run after a restart', async () => {
  const harness = new LinkerHarness();
  await harness.consume([frame(chat)]);
  harness.restart();
  await harness.consume([frame(run(10, 'call_1', DELETE))]);
  const rows = calls(harness);
  expect(rows).toHaveLength(2);
  expect(rows.find((row) => row.tool?.callId === 'call_1')?.source.alsoSeenAs).toEqual(['0000000000000009']);
});

test('a call that was only asked for has its tier, its rule and the digest of its arguments', async () => {
  const harness = new LinkerHarness();
  await harness.consume([frame(chat)]);
  const [mutation, read] = calls(harness);
  expect(mutation?.tool).toMatchObject({ callId: 'call_1', name: 'bash', tier: 'mutate', tierRule: 'kubectl' });
  expect(mutation).toMatchObject({ outcome: 'unknown', facts: { verb: 'delete', argumentsShape: 'command' } });
  expect(mutation?.content['arguments']).toMatchObject({
    captured: true,
    value: null,
    bytes: JSON.stringify(DELETE).length,
  });
  expect(mutation?.content['arguments']?.digest).toMatch(/^hmac:k1:/);
  expect(read?.tool).toMatchObject({ callId: 'call_2', tier: 'read' });

  await harness.consume([frame(run(10, 'call_1', DELETE))]);
  const ran = calls(harness).find((row) => row.tool?.callId === 'call_1');
  expect(ran?.content['arguments']?.digest).toBe(mutation?.content['arguments']?.digest);
  expect(ran?.id).toBe(mutation?.id);
});

test('what a model was asked is told again by every call and makes no request', async () => {
  const harness = new LinkerHarness();
  const later: SpanSketch = {
    ...chat,
    span: 12,
    start: 300,
    end: 310,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'm',
      'gen_ai.input.messages': String(chat.attributes?.['gen_ai.output.messages']),
      'gen_ai.output.messages': JSON.stringify([{ role: 'assistant', parts: [{ type: 'text', content: 'done' }] }]),
    },
  };
  await harness.consume([frame(later)]);
  expect(calls(harness)).toEqual([]);
});
