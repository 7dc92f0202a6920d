import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTemporaryStore, type TemporaryStore } from '../../../test/support/temporary-store.ts';
import { ArrayColumn, FlatColumn, type Column } from './column.ts';
import { valuesText } from './values-text.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

test('a column of a type without a text form is refused', () => {
  const column = new FlatColumn('n', 'UInt16');
  expect(() => valuesText({ columns: [column], rows: 1 })).toThrow(TypeError);
});

interface Row {
  readonly text: string;
  readonly list: readonly string[];
  readonly count: bigint;
  readonly at: bigint;
  readonly flag: number;
  readonly score: number;
}

const rowArbitrary: fc.Arbitrary<Row> = fc.record({
  text: fc.string({ unit: 'binary', maxLength: 300 }),
  list: fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }),
  count: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  at: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  flag: fc.integer({ min: 0, max: 255 }),
  score: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
});

test('whatever a block holds comes back from the engine as it was', { timeout: 60_000 }, async () => {
  await temporary.command(
    'CREATE TABLE texts (n UInt64, text String, list Array(String), count UInt64, at DateTime64(9), flag UInt8, score Float64) ENGINE = Memory',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(rowArbitrary, { minLength: 1, maxLength: 20 }), async (rows) => {
      const n = new FlatColumn('n', 'UInt64');
      const text = new FlatColumn('text', 'String');
      const list = new ArrayColumn('list', 'String');
      const count = new FlatColumn('count', 'UInt64');
      const at = new FlatColumn('at', 'DateTime64(9)');
      const flag = new FlatColumn('flag', 'UInt8');
      const score = new FlatColumn('score', 'Float64');
      rows.forEach((row, index) => {
        n.bigint64(BigInt(index));
        text.text(row.text);
        for (const value of row.list) list.values.text(value);
        list.offsets.total += row.list.length;
        list.closeRow();
        count.bigint64(row.count);
        at.bigint64(row.at);
        flag.uint8(row.flag);
        score.float64(row.score);
      });
      const columns: Column[] = [n, text, list, count, at, flag, score];
      await temporary.command('TRUNCATE TABLE texts');
      await temporary.command(`INSERT INTO texts VALUES ${valuesText({ columns, rows: rows.length })}`);
      const stored = await temporary.store.query<Record<keyof Row, unknown>>(
        `SELECT text, list, toString(count) AS count, toString(toUnixTimestamp64Nano(at)) AS at, flag, score
FROM texts ORDER BY n LIMIT 100`,
      );
      expect(stored).toEqual(rows.map((row) => ({ ...row, count: String(row.count), at: String(row.at) })));
    }),
    { numRuns: 60 },
  );
});
