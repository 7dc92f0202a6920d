import { expect, test } from 'vitest';
import { CARRIERS, createCanaries, findCanaries, neighbourOf, needlesOf } from './canary.ts';
import { positionsOf } from './position.ts';

const canaries = createCanaries();
const needles = needlesOf(canaries);

test.each(CARRIERS.map((carrier) => [carrier.name, carrier] as const))(
  'a canary carried as %s is found, and it is known which',
  (_name, carrier) => {
    const secret = carrier.kind === 'token' ? canaries.token(4711) : canaries.email(4711);
    const text = `${'x'.repeat(3000)}${carrier.carry(secret, neighbourOf(4711))}${'y'.repeat(3000)}`;
    const finds = findCanaries(Buffer.from(text), canaries, needles);
    expect(finds.length).toBeGreaterThan(0);
    expect(new Set(finds.map((each) => each.cell))).toEqual(new Set([4711]));
  },
);

test('half a canary is found', () => {
  const token = canaries.token(12);
  for (const half of [token.slice(0, 20), token.slice(20)]) {
    expect(findCanaries(Buffer.from(`see ${half}`), canaries, needles).length).toBeGreaterThan(0);
  }
});

test('a neighbour and a canary of another run are not found', () => {
  const text = `${neighbourOf(3)} ${createCanaries().token(3)}`;
  expect(findCanaries(Buffer.from(text), canaries, needles)).toEqual([]);
});

test('every position holds the text it is given', () => {
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    const positions = positionsOf(signal);
    expect(positions.length).toBeGreaterThan(50);
    for (const position of positions) {
      const request = position.build('the text', { cell: 1, incident: 'INC-1', toolCall: true });
      expect(request.includes('the text'), position.name).toBe(true);
    }
  }
});
