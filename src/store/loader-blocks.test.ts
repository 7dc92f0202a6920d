import { expect, test } from 'vitest';
import { batchOf, frameOfJson } from '../../test/support/spooled-frame.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { Database } from './database.ts';
import { createStoreInstruments } from './instruments.ts';
import { createLoader } from './loader.ts';
import { blockBytes } from './native/column.ts';

const MiB = 1024 * 1024;

interface Inserted {
  readonly table: string;
  readonly token: string;
  readonly rows: number;
  readonly bytes: number;
}

/** What the loader inserts, block by block. */
function recording(inserted: Inserted[]): Database {
  const refuse = () => Promise.reject(new Error('the loader only inserts blocks'));
  return {
    kind: 'server',
    select: refuse,
    selectRows: refuse,
    command: refuse,
    insertRows: refuse,
    close: () => Promise.resolve(),
    async insert(_purpose, table, block, token) {
      inserted.push({ table, token, rows: block.rows, bytes: blockBytes(block) });
    },
  };
}

/** Forty kilobytes of a request that are forty megabytes of rows. */
const spread = (name: string) =>
  frameOfJson(
    'logs',
    {
      resourceLogs: [
        {
          resource: { attributes: [{ key: name, value: { stringValue: 'x'.repeat(40_000) } }] },
          scopeLogs: [{ logRecords: Array.from({ length: 1_000 }, () => ({})) }],
        },
      ],
    },
    { items: 1_000 },
  );

test('small frames that are large as rows are inserted in blocks of bounded size, the same ones when they come again', async () => {
  const inserted: Inserted[] = [];
  const loader = createLoader({
    database: recording(inserted),
    instruments: createStoreInstruments(createMetrics().meter),
    logger: createLogger('silent'),
  });
  const batch = batchOf(spread('a'), spread('b'), spread('c'), spread('d'), spread('e'));
  expect(await loader.consume(batch)).toEqual({ kind: 'accepted', setAside: 0 });
  expect(inserted.map(({ table, rows }) => [table, rows])).toEqual([
    ['otel_logs', 2_000],
    ['otel_logs', 2_000],
    ['otel_logs', 1_000],
  ]);
  // The frame that makes a block large is its last one.
  expect(Math.max(...inserted.map(({ bytes }) => bytes))).toBeLessThan((64 + 40) * MiB);
  expect(new Set(inserted.map(({ token }) => token)).size).toBe(3);

  const again: Inserted[] = [];
  const restarted = createLoader({
    database: recording(again),
    instruments: createStoreInstruments(createMetrics().meter),
    logger: createLogger('silent'),
  });
  await restarted.consume({ ...batch, redelivered: true });
  expect(again).toEqual(inserted);
});
