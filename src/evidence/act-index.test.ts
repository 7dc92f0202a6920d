import { expect, test } from 'vitest';
import { createAct, type Act } from './act.ts';
import { ActIndex } from './act-index.ts';
import type { Contribution } from './contribution.ts';
import { textKey } from './window-key.ts';

function act(id: string, tenant = 'default'): Act {
  return createAct(id, { tenant, kind: 'tool_call', content: {} } as Contribution);
}

test('gives the acts under a key in the order they came, each once', () => {
  const index = new ActIndex();
  const [first, second] = [act('a'), act('b')];
  for (const each of [first, second, first]) index.add(textKey(0, 'trace'), each);
  index.add(textKey(0, 'span'), second);
  expect(index.of('default', textKey(0, 'trace'))).toEqual([first, second]);
  expect(index.of('default', textKey(0, 'span'))).toEqual([second]);
  expect(index.of('default', textKey(0, 'other'))).toEqual([]);
});

test('a removed act is gone from all its keys, before and after the index is swept', () => {
  const index = new ActIndex();
  const acts = Array.from({ length: 10_000 }, (_, number) => act(String(number)));
  for (const [number, each] of acts.entries()) {
    index.add(textKey(1, String(number)), each);
    index.add(textKey(2, String(number % 100)), each);
  }
  for (const [number, each] of acts.entries()) if (number % 3 !== 0) index.remove(each);
  for (const [number, each] of acts.entries()) {
    expect(index.of('default', textKey(1, String(number)))).toEqual(number % 3 === 0 ? [each] : []);
  }
  const left = index.of('default', textKey(2, '7')).map((each) => each.id);
  expect(left).toEqual(acts.filter((_, at) => at % 100 === 7 && at % 3 === 0).map((each) => each.id));
  for (const each of acts) index.remove(each);
  const again = act('again');
  index.add(textKey(2, '7'), again);
  expect(index.of('default', textKey(2, '7'))).toEqual([again]);
});

test('two tenants whose keys are the same by chance share nothing', () => {
  const index = new ActIndex();
  const [own, other] = [act('a'), act('b', 'other')];
  index.add(5, own);
  expect(index.of('other', 5)).toEqual([]);
  index.add(5, other);
  expect(index.of('default', 5)).toEqual([own]);
  expect(index.of('other', 5)).toEqual([other]);
});
