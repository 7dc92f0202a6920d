import { expect, test } from 'vitest';
import { operationOf } from './evidence-queries.ts';

test.each([
  ['kubectl', 'patch', 'kubectl patch'],
  ['kubectl.rollout', 'rollout undo', 'kubectl rollout undo'],
  ['shell.curl', 'post', 'curl post'],
  ['sql', 'update', 'sql update'],
  ['name.verb', 'scale', ''],
  ['kubectl', undefined, ''],
  ['shell.mutator', '', ''],
] as const)('a change found by %s with the verb %s is told as “%s”', (tierRule, verb, words) => {
  expect(operationOf(tierRule, verb)).toBe(words);
});
