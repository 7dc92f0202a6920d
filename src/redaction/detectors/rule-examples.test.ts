import { expect, test } from 'vitest';
import { brokenRules } from './rule-examples.ts';
import type { DetectorRule } from './rule.ts';
import { createScanner } from './scanner.ts';

const rule: DetectorRule = {
  id: 'mine',
  version: 1,
  class: 'secret.mine',
  keywords: ['mine-'],
  window: { before: 4, after: 16 },
  pattern: '\\bmine-[0-9]{6}\\b',
  examples: { hit: ['mine-123456'], miss: ['mine-12345'] },
};

test('every rule that is shipped keeps its examples in the scanner that is used', () => {
  expect(brokenRules(createScanner())).toEqual([]);
});

test('a rule that does not find its own example is broken', () => {
  const blind = createScanner({ disabledRules: new Set(['mine']), extraRules: [rule] });
  expect(brokenRules(blind, [rule])).toEqual(['mine']);
});

test('a rule that finds what it should leave is broken', () => {
  const eager = { ...rule, pattern: '\\bmine-[0-9]{5,6}\\b' };
  expect(brokenRules(createScanner({ extraRules: [eager] }), [eager])).toEqual(['mine']);
});

test('a scanner that cannot finish is broken: nothing is known of it', () => {
  const hurried = { ...createScanner(), scan: () => ({ findings: [], status: 'budget' as const }) };
  expect(brokenRules(hurried, [rule])).toEqual(['mine']);
});
