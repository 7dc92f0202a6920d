import { join } from 'node:path';
import { expect, type RunnerTestCase, type RunnerTestSuite, test } from 'vitest';
import './transport-requirements.ts';
import './outcome-requirements.ts';
import './http-requirements.ts';
import './json-requirements.ts';
import './data-requirements.ts';
import './connection-requirements.ts';
import { type Outcome, renderDocument, requirements } from './requirement.ts';

const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'spec', 'otlp-conformance.md');

function casesOf(suite: RunnerTestSuite): RunnerTestCase[] {
  return suite.tasks.flatMap((task) => (task.type === 'suite' ? casesOf(task) : [task]));
}

test('every requirement from R1 to R52 is held by tests', () => {
  const numbers = requirements()
    .map((each) => each.number)
    .sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 52 }, (_, index) => index + 1));
});

// Runs last: tests of a file run in order.
test('docs/spec/otlp-conformance.md says what this run found', async (context) => {
  const outcomes = new Map<string, Outcome>();
  let skipped = 0;
  for (const task of context.task.file.tasks) {
    if (task.type !== 'suite') continue;
    const states = casesOf(task).map((each) => each.result?.state);
    const failed = states.filter((state) => state === 'fail').length;
    const passed = states.filter((state) => state === 'pass').length;
    skipped += states.length - failed - passed;
    outcomes.set(task.name, { passed, failed });
  }
  if (skipped > 0) context.skip('only part of the requirements ran');
  await expect(renderDocument(outcomes)).toMatchFileSnapshot(DOCUMENT);
});
