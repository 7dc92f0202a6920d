import { expect, test } from 'vitest';
import { SpanTree } from './span-tree.ts';
import { kindKey } from './window-key.ts';

const context = {
  tenant: 'default',
  agentName: 'sre',
  agentId: '',
  conversationId: '',
  sessionId: '',
  refs: [],
  resourceRefs: [],
};

test('walks up from a span as far as its parents are known', () => {
  const tree = new SpanTree();
  tree.add(1, undefined, context);
  tree.addParent(2, 1);
  tree.addParent(3, 2);
  expect(tree.upwards(3)).toEqual([3, 2, 1]);
  expect(tree.upwards(9)).toEqual([9]);
  expect(tree.upwards(undefined)).toEqual([]);
  expect(tree.context(1)).toBe(context);
  tree.addParent(3, 9);
  expect(tree.upwards(3)).toEqual([3, 2, 1]);
});

test('a cycle ends', () => {
  const tree = new SpanTree();
  tree.addParent(1, 2);
  tree.addParent(2, 1);
  expect(tree.upwards(1, 2)).toEqual([1]);
  expect(tree.upwards(1).length).toBeLessThanOrEqual(64);
});

test('forgets the spans heard of longest ago, not those heard of again', () => {
  const tree = new SpanTree();
  tree.add(1, undefined, context);
  tree.add(2, undefined, context);
  for (let span = 0; span < 300_000; span += 1) tree.addParent(kindKey(1, span), 1);
  expect(tree.context(2)).toBe(context);
  tree.add(2, 1, context);
  for (let span = 300_000; span < 500_000; span += 1) tree.addParent(kindKey(1, span), 1);
  expect(tree.knows(1)).toBe(false);
  expect(tree.context(2)).toBe(context);
});

test('spans that say the same share it, others keep their own', () => {
  const tree = new SpanTree();
  const other = { ...context, conversationId: 'c2', refs: ['INC-1'] };
  tree.add(1, undefined, context);
  tree.add(2, undefined, other);
  tree.add(3, undefined, { ...context });
  tree.add(4, undefined, { ...other, refs: ['INC-1'] });
  tree.add(5, undefined, { ...other, refs: ['INC-2'] });
  tree.add(6, undefined, { ...context, tenant: 'other' });
  expect(tree.context(3)).toBe(context);
  expect(tree.context(4)).toBe(other);
  expect(tree.context(5)?.refs).toEqual(['INC-2']);
  expect(tree.context(6)?.tenant).toBe('other');
  tree.add(1, undefined, other);
  expect(tree.context(1)).toBe(other);
  expect(tree.context(3)).toBe(context);
});

test("a tenant's contexts are changed, those of others are not", () => {
  const tree = new SpanTree();
  tree.add(1, undefined, context);
  tree.add(2, undefined, { ...context, tenant: 'other' });
  tree.add(3, undefined, context);
  tree.changeContexts('default', (each) => ({ ...each, agentName: '' }));
  expect([1, 2, 3].map((span) => tree.context(span)?.agentName)).toEqual(['', 'sre', '']);
});
