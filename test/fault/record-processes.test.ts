import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entry } from '../../src/record/entry.ts';
import { verifyChain } from '../../src/record/chain.ts';
import { startClickHouseWithKeeper, type ClickHouseWithKeeper } from '../support/clickhouse-with-keeper.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { zooKeeperMissing } from '../support/zookeeper.ts';

// Two Docket processes, each with its own data directory, on one ClickHouse server that has a Keeper.
const missing = zooKeeperMissing();
if (missing !== undefined) console.log(`two processes: skipped, ${missing}`);

let server: ClickHouseWithKeeper;
/** Stands between the first process and the server: what it holds back, the first process never did. */
let proxy: FaultProxy;
let first: DocketProcess;
let second: DocketProcess;

interface Answer {
  readonly status: number;
  readonly body: { readonly [key: string]: unknown };
}

async function send(docket: DocketProcess, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`http://${docket.api}/api/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-docket-actor': 'alice', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

function gap(what: string, more: object = {}): object {
  return { type: 'gap.open', body: { what }, ...more };
}

function statusesOf(answers: readonly Answer[]): readonly number[] {
  return answers.map(({ status }) => status).sort((one, other) => one - other);
}

async function opened(docket: DocketProcess, title: string): Promise<string> {
  const answer = await send(docket, '/incidents', { title, severity: 'sev3' });
  expect(answer.status).toBe(201);
  return String(answer.body['ref']);
}

async function logOf(docket: DocketProcess, ref: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after: unknown = 0; typeof after === 'number';) {
    const { status, body } = await send(docket, `/incidents/${ref}/entries?limit=500&after=${after}`);
    expect(status).toBe(200);
    entries.push(...(body['items'] as Entry[]));
    after = body['next'];
  }
  return entries;
}

/** The fold at one entry. Which of the two signed it last is not part of it. */
async function foldOf(docket: DocketProcess, ref: string, at: number): Promise<object> {
  const { status, body } = await send(docket, `/incidents/${ref}?at=${at}`);
  expect(status).toBe(200);
  const { integrity: _integrity, ...rest } = body;
  return rest;
}

describe.skipIf(missing !== undefined)('two Docket processes on one ClickHouse server', () => {
  beforeAll(async () => {
    server = await startClickHouseWithKeeper();
    proxy = await startFaultProxy(server.url);
    const start = (url: string) => startDocket({ environment: { DOCKET_CLICKHOUSE_URL: url }, readyWithinMs: 60_000 });
    first = await start(proxy.url);
    second = await start(server.url);
  });

  afterAll(async () => {
    await proxy?.heal();
    await first?.dispose();
    await second?.dispose();
    await proxy?.close();
    await server?.close();
  });

  test('what both append at once has every entry once, without gaps, in the same order and with the same fold', async () => {
    const ref = await opened(first, 'Both write');
    const sent: string[] = [];
    await Promise.all(
      [first, second, first, second].map(async (docket, writer) => {
        for (let step = 0; step < 15; step += 1) {
          const what = `gap ${step} of writer ${writer}`;
          for (let answer: Answer | undefined; answer?.status !== 201;) {
            answer = await send(docket, `/incidents/${ref}/entries`, gap(what));
            // Eight places in a row lost to the others: said so, and sent again.
            if (answer.status !== 201) expect(answer.body['code']).toBe('record.busy');
          }
          sent.push(what);
        }
      }),
    );
    const log = await logOf(first, ref);
    expect(verifyChain(log)).toMatchObject({ ok: true, head: { seq: 61 } });
    expect(log.flatMap(({ body }) => (typeof body['what'] === 'string' ? [body['what']] : [])).sort()).toEqual(
      sent.sort(),
    );
    expect(await logOf(second, ref)).toEqual(log);
    for (const at of [1, 30, 61]) expect(await foldOf(second, ref, at)).toEqual(await foldOf(first, ref, at));
  });

  test('of two that decide on the same head one wins, and the other is told what changed', async () => {
    const ref = await opened(second, 'Both decide');
    for (let round = 0; round < 10; round += 1) {
      const expectedSeq = round + 1;
      const answers = await Promise.all(
        [first, second].map((docket, index) =>
          send(docket, `/incidents/${ref}/entries`, gap(`round ${round} by ${index}`, { expectedSeq })),
        ),
      );
      expect(statusesOf(answers)).toEqual([201, 409]);
      const lost = answers.find(({ status }) => status === 409)?.body;
      expect(lost).toMatchObject({ code: 'record.stale_expected_seq', head: { seq: expectedSeq + 1 } });
      expect(lost?.['changed']).toHaveLength(1);
    }
  });

  test('one command sent to both is one entry', async () => {
    const ref = await opened(first, 'Sent twice');
    for (let round = 0; round < 50; round += 1) {
      const command = gap(`round ${round}`, { entryId: randomUUID() });
      const answers = await Promise.all(
        [first, second].map((docket) => send(docket, `/incidents/${ref}/entries`, command)),
      );
      // Taken in the same millisecond, it is the same entry to the last byte, and each is told that it was written.
      expect([
        [200, 201],
        [201, 201],
      ]).toContainEqual(statusesOf(answers));
      expect(answers[0]?.body).toEqual(answers[1]?.body);
    }
    expect(await logOf(second, ref)).toHaveLength(51);
  });

  test('an append whose process was killed between claim and write is finished by the other, and repeated by the next', async () => {
    const ref = await opened(first, 'Killed in between');
    const command = gap('Written by nobody yet', { entryId: randomUUID() });
    // The claim is made; the rows never leave the process.
    proxy.set({ kind: 'hang' }, { only: /INSERT INTO record_entries/ });
    const unanswered = send(first, `/incidents/${ref}/entries`, command).catch(() => 'no answer');
    while (proxy.hits() === 0) await delay(20);
    await first.kill();
    expect(await unanswered).toBe('no answer');
    await proxy.heal();
    expect(await logOf(second, ref)).toHaveLength(1);

    const next = await send(second, `/incidents/${ref}/entries`, gap('The next one'));
    expect(next).toMatchObject({ status: 201, body: { seq: 3 } });
    const log = await logOf(second, ref);
    expect(verifyChain(log)).toMatchObject({ ok: true });
    expect(log.map(({ body }) => body['what'] ?? null)).toEqual([null, 'Written by nobody yet', 'The next one']);

    first = await first.restart();
    expect(await logOf(first, ref)).toEqual(log);
    expect(await foldOf(first, ref, 3)).toEqual(await foldOf(second, ref, 3));
    expect(await send(first, `/incidents/${ref}/entries`, command)).toMatchObject({ status: 200, body: { seq: 2 } });
    expect(await logOf(second, ref)).toHaveLength(3);
  });
});
