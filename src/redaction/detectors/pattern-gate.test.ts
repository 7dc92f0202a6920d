import { expect, test } from 'vitest';

import { refusedPattern } from './pattern-gate.ts';

test.each([
  '(a+)+',
  'a*',
  'a{1,}',
  'a{1,513}',
  '(?<=x)y',
  '(?<!x)y',
  '(a)\\1',
  '(?:a{1,9}b){1,20}',
  '(unclosed',
  '(?<n>a)\\k<n>',
])('%s is refused', (pattern) => {
  expect(refusedPattern(pattern)).toBeTypeOf('string');
});

test.each([
  'ghp_[A-Za-z0-9]{36,80}',
  '(?:a|b){1,512}',
  'x(?=y)',
  '[*+]{1,3}',
  '\\d{2}-\\d{4}',
  '(?:\\.\\w{1,64}){1,5}',
])('%s is accepted', (pattern) => {
  expect(refusedPattern(pattern)).toBeUndefined();
});
