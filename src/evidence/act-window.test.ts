import { expect, test } from 'vitest';
import { FOLDED_MAX, NOTHING_INHERITED } from './act.ts';
import { CONTENT_LENGTH_TOTAL_MAX, createActWindow, IDENTICAL_CALLS_MAX } from './act-window.ts';
import type { Contribution } from './contribution.ts';
import { rowOf } from './evidence-row.ts';

// One text for all: the window counts what contents say, and the test should not need the memory itself.
const TEXT = 'x'.repeat(64 * 1024);

function call(number: number, part = 0): Contribution {
  const spanId = `${number}-${part}`;
  return {
    tenant: 'default',
    identity: `span t${number} ${spanId}`,
    kind: 'tool_call',
    dialect: 'otel-genai',
    operation: 'execute_tool',
    signal: 'traces',
    traceId: `t${number}`,
    spanId,
    parentSpanId: '',
    startUnixNano: 1n,
    endUnixNano: 2n,
    receivedAtUnixNano: 3n,
    outcome: 'ok',
    agentName: 'sre-agent',
    agentId: '',
    conversationId: '',
    sessionId: '',
    service: 'sre-agent',
    environment: '',
    refs: [],
    resourceRefs: [],
    tool: { role: 'execute', name: 'kubectl', callId: `call_${number}`, type: 'function', mcpServer: '' },
    model: null,
    tokens: null,
    content: { result: { captured: true, value: TEXT, bytes: TEXT.length, digest: null } },
    references: new Map(),
    detail: '',
    joinsSpan: false,
    alsoSeenAs: [],
    facts: undefined,
    redactions: [],
    policyVersion: 'p1',
  };
}

const FITTING = CONTENT_LENGTH_TOTAL_MAX / TEXT.length;

test('acts with large contents make room by what they hold, the oldest first', () => {
  const window = createActWindow();
  for (let number = 0; number < FITTING * 2; number += 1) window.add(call(number));
  expect(window.size).toBeLessThanOrEqual(FITTING);
  expect(window.size).toBeGreaterThan(FITTING * 0.9);
  expect(window.knowsTrace('default', 't0')).toBe(false);
  expect(window.knowsTrace('default', `t${FITTING * 2 - 1}`)).toBe(true);
});

test('a record that comes again, and acts that were forgotten, hold no room', () => {
  const window = createActWindow();
  for (let round = 0; round < FITTING * 2; round += 1) window.add(call(0));
  for (let number = 1; number < FITTING; number += 1) window.add(call(number));
  expect(window.size).toBe(FITTING);
});

test('what is added to an act that is known makes others go', () => {
  const window = createActWindow();
  for (let number = 0; number < FITTING; number += 1) window.add(call(number));
  const last = FITTING - 1;
  for (let part = 1; part < 50; part += 1) window.add(call(last, part));
  expect(window.size).toBeLessThan(FITTING);
  expect(window.knowsTrace('default', `t${last}`)).toBe(true);
});

test('a flood of identical calls that is larger than what is counted one by one says so, and is counted all the same', () => {
  const window = createActWindow();
  const more = 200;
  let act = window.add({ ...call(0), traceId: 't', content: {} });
  for (let number = 1; number < IDENTICAL_CALLS_MAX + FOLDED_MAX + more; number += 1) {
    act = window.add({ ...call(number), traceId: 't', content: {} });
  }
  expect(window.folded).toBe(FOLDED_MAX + more);
  expect(act).toBeDefined();
  if (act === undefined) return;
  const row = rowOf(act, NOTHING_INHERITED);
  expect(row.facts['identicalCalls']).toBe(String(FOLDED_MAX));
  expect(row.summary).toContain(`(and ${FOLDED_MAX} or more identical calls)`);
});
