import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { KeyTable } from './key-table.ts';

test('holds what a Map holds, also after sweeps', () => {
  const table = new KeyTable();
  const map = new Map<number, number>();
  for (let round = 0; round < 5; round += 1) {
    for (let each = 0; each < 600; each += 1) {
      // Few low bits, so that keys crowd at the ends of the table and round it.
      const key = 1 + randomInt(1_000) * 2 ** 33 + randomInt(8) + 1_020;
      const value = randomInt(1_000);
      table.set(key, value);
      map.set(key, value);
    }
    const least = randomInt(500);
    table.sweep((value) => value >= least);
    for (const [key, value] of map) if (value < least) map.delete(key);
    expect(table.size).toBe(map.size);
    for (const [key, value] of map) expect(table.get(key)).toBe(value);
    expect(table.get(5)).toBe(map.get(5) ?? -1);
  }
  table.sweep(() => false);
  expect(table.size).toBe(0);
});
