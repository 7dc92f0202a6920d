import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/connect.ts';
import type { OlderRows } from '../../src/store/rewrite/stored-telemetry.ts';
import { TELEMETRY_TABLES } from '../../src/store/rewrite/telemetry-table.ts';
import { batchOf, frameOfJson } from '../support/spooled-frame.ts';

const NOW = BigInt(Date.now()) * 1_000_000n;
const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const times = { timeUnixNano: String(NOW + 123n), startTimeUnixNano: '1', endTimeUnixNano: String(NOW + 5n) };
/** Text that looks like a query's parameter, and all that JSON has to escape. */
const TEXT = '{a:String} \'quoted\' "twice" \\ back\n\t\u0000\u2028 ünï 🦊';

const SPANS = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: TEXT } }] },
      scopeSpans: [
        {
          spans: [
            {
              ...ids,
              ...times,
              name: TEXT,
              attributes: [{ key: TEXT, value: { stringValue: TEXT } }],
              events: [{ timeUnixNano: String(NOW), name: 'e', attributes: [] }],
              links: [{ ...ids, flags: 4294967295 }],
            },
          ],
        },
      ],
    },
  ],
};
const point = { ...times, attributes: [] };
const METRICS = {
  resourceMetrics: [
    {
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'g',
              gauge: { dataPoints: ['NaN', '-Infinity', -0, 0.1].map((asDouble) => ({ ...point, asDouble })) },
            },
            {
              name: 's',
              sum: { aggregationTemporality: 2, dataPoints: [{ ...point, asInt: '-9223372036854775808' }] },
            },
            {
              name: 'h',
              exponentialHistogram: {
                aggregationTemporality: 1,
                dataPoints: [
                  {
                    ...point,
                    count: '18446744073709551615',
                    scale: -2,
                    positive: { offset: -7, bucketCounts: ['18446744073709551615'] },
                    negative: {},
                  },
                ],
              },
            },
          ],
        },
      ],
    },
  ],
};

/** What a store must hold to when rows are taken out, redacted elsewhere and put back. */
export function storedTelemetryContract(name: string, store: () => Store): void {
  describe(name, () => {
    const older: OlderRows = { tenant: 'rewritten', policyVersion: 'new@1', from: 0n, to: NOW + 60_000_000_000n };
    const hashes = () =>
      Promise.all(
        TELEMETRY_TABLES.map(({ name: table }) =>
          store().query(
            `SELECT '${table}' AS table, count() AS rows, toString(sum(cityHash64(toString(tuple(* EXCEPT PolicyVersion))))) AS hash
FROM ${table} WHERE Tenant = 'rewritten'`,
          ),
        ),
      );

    test('rows go out and come back with nothing lost, once, however often each step is repeated', async () => {
      const parts = { tenant: 'rewritten', policyVersion: 'old@1', receivedAtUnixNano: NOW };
      const batch = batchOf(
        frameOfJson('traces', SPANS, { ...parts, items: 1 }),
        frameOfJson('metrics', METRICS, { ...parts, items: 6 }),
      );
      expect(await store().loader.consume(batch)).toEqual({ kind: 'accepted', setAside: 0 });
      const before = await hashes();
      const { telemetry } = store().rewrite;
      let moved = 0;
      for (const table of TELEMETRY_TABLES) {
        for (const partition of await telemetry.partitions(table, older)) {
          const chunk = await telemetry.chunk(table, partition, older, 0n);
          const rows = (chunk?.rows ?? []).map((row) => ({ ...row, PolicyVersion: 'new@1' }));
          expect(rows.length).toBe(await telemetry.count(table, older, partition));
          expect(await telemetry.chunk(table, partition, older, chunk?.end ?? 0n)).toBeUndefined();
          await telemetry.discard(table);
          for (let time = 0; time < 2; time += 1) await telemetry.stage(table, rows, `token ${table.name}`);
          for (let time = 0; time < 2; time += 1) await telemetry.replace(table, partition, older);
          moved += rows.length;
        }
        await telemetry.discard(table);
        expect(await telemetry.count(table, older)).toBe(0);
      }
      expect(moved).toBe(7);
      expect(await hashes()).toEqual(before);
    });
  });
}
