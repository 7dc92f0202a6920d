import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../src/record/entry.ts';
import { canonicalEntry } from '../../src/store/canonical-entry.ts';
import { openStore, type Store } from '../../src/store/connect.ts';
import type { Database } from '../../src/store/database.ts';
import { createRecordClaims, type RecordClaims } from '../../src/store/record-claims.ts';
import { openServer } from '../../src/store/server.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { recordLogContract } from '../contract/record-log.contract.ts';
import { startClickHouseWithKeeper, type ClickHouseWithKeeper } from '../support/clickhouse-with-keeper.ts';
import { zooKeeperMissing } from '../support/zookeeper.ts';

// Several stores on one ClickHouse server that has a Keeper; record-processes.test.ts has several Dockets.
const missing = zooKeeperMissing();
if (missing !== undefined) console.log(`several writers: skipped, ${missing}`);

let server: ClickHouseWithKeeper;
let database: Database;
let claims: RecordClaims;
let writers: Store[] = [];

async function openWriter(): Promise<Store> {
  const store = openStore({
    location: { kind: 'server', url: server.url },
    retentionSeconds: 86_400,
    logger: createLogger('silent'),
    meter: createMetrics().meter,
  });
  await store.migrate();
  return store;
}

function entry(incident: string, seq: number, entryId: string): Entry {
  return {
    tenant: 'default',
    incident,
    seq,
    entryId,
    type: 'hypothesis.propose',
    actor: { kind: 'human', name: 'Zoë', id: null },
    occurredAt: '2026-11-22T12:00:00Z',
    recordedAt: '2026-11-22T12:00:01Z',
    body: { statement: entryId },
    basis: [],
    prevHash: '0'.repeat(64),
    hash: String(seq).padStart(64, '0'),
  };
}

let incidents = 0;

function freshIncident(): string {
  incidents += 1;
  return `writers-${incidents}`;
}

describe.skipIf(missing !== undefined)('several writers on one ClickHouse server', () => {
  beforeAll(async () => {
    server = await startClickHouseWithKeeper();
    writers = [await openWriter(), await openWriter(), await openWriter()];
    database = openServer(server.url);
    claims = createRecordClaims(database);
    expect(await claims.prepare()).toBe(true);
  });

  afterAll(async () => {
    for (const writer of writers) await writer.close();
    await database?.close();
    await server?.close();
  });

  recordLogContract('record log on a ClickHouse server with a Keeper', () => ({
    log: () => log(0),
    async reopen() {
      await writers[0]?.close();
      writers[0] = await openWriter();
    },
  }));

  function log(writer: number): Store['recordLog'] {
    const store = writers[writer % writers.length];
    if (store === undefined) throw new Error('no writer is open');
    return store.recordLog;
  }

  test('of several processes that append the same seq exactly one wins', async () => {
    for (let round = 0; round < 10; round += 1) {
      const incident = freshIncident();
      const results = await Promise.all(
        writers.map((_, writer) => log(writer).append([entry(incident, 1, `w${writer}`)])),
      );
      expect(results.filter((result) => result.kind === 'appended')).toHaveLength(1);
      expect(await log(0).read('default', incident)).toHaveLength(1);
    }
  });

  test('whatever several writers append, every log has each entry once, without gaps, in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), {
          minLength: 2,
          maxLength: 3,
        }),
        async (plans) => {
          const incident = freshIncident();
          await Promise.all(
            plans.map(async (sizes, writer) => {
              for (const [step, size] of sizes.entries()) {
                for (let appended = false; !appended;) {
                  const head = (await log(writer).read('default', incident)).length;
                  const entries = Array.from({ length: size }, (_, index) =>
                    entry(incident, head + 1 + index, `${writer}/${step}/${index}`),
                  );
                  appended = (await log(writer).append(entries)).kind === 'appended';
                }
              }
            }),
          );
          const stored = await log(0).read('default', incident);
          expect(stored.map((each) => each.seq)).toEqual(stored.map((_, index) => index + 1));
          const sent = plans.flatMap((sizes, writer) =>
            sizes.flatMap((size, step) => Array.from({ length: size }, (_, index) => `${writer}/${step}/${index}`)),
          );
          expect(stored.map((each) => each.entryId).sort()).toEqual(sent.sort());
          expect(await log(1).read('default', incident)).toEqual(stored);
        },
      ),
      { numRuns: 8 },
    );
  });

  test('an append whose writer died between claim and insert is finished by the next writer', async () => {
    const incident = freshIncident();
    const left = [entry(incident, 1, 'left-1'), entry(incident, 2, 'left-2')];
    await claims.claim('default', incident, 1, `left-${incident}`, left.map(canonicalEntry));
    expect(await log(0).read('default', incident)).toEqual([]);
    const late = entry(incident, 1, 'late');
    const results = await Promise.all([log(0).append([late]), log(1).append([{ ...late, entryId: 'later' }])]);
    expect(results).toEqual([{ kind: 'conflict' }, { kind: 'conflict' }]);
    expect(await log(2).read('default', incident)).toEqual(left);
    expect(await log(1).append([entry(incident, 3, 'next')])).toEqual({ kind: 'appended' });
    expect(await log(0).read('default', incident)).toHaveLength(3);
  });

  test('entries larger than a node of the Keeper are appended', async () => {
    const incident = freshIncident();
    const large = { ...entry(incident, 1, 'large'), body: { statement: 'x'.repeat(3 * 1024 * 1024) } };
    expect(await log(0).append([large])).toEqual({ kind: 'appended' });
    expect(await log(1).read('default', incident)).toEqual([large]);
  });
});
