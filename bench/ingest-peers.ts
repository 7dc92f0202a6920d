import { setTimeout as delay } from 'node:timers/promises';
import type { ClickHouseFront } from '../test/support/clickhouse-http-front.ts';
import type { Contender } from './contender.ts';
import { COLUMNS, measure, rowOf, WARM_UP_SECONDS, type Payload, type Row } from './ingest-row.ts';
import { printHeader, printRow } from './result-table.ts';

// Docket and its peers, each writing to an engine apart.

const PEER_COLUMNS = [
  COLUMNS.sent('engine apart'),
  COLUMNS.by,
  COLUMNS.perSecond,
  COLUMNS.cpu,
  COLUMNS.ackP50,
  COLUMNS.ackP99,
  COLUMNS.rssMax,
  COLUMNS.refused,
  COLUMNS.queryableAfter,
  COLUMNS.lost,
  COLUMNS.bytesOnDisk,
  COLUMNS.credentialsLeft,
];

/** Waits until the table holds `wanted` rows, or none came for ten seconds; how many are missing. */
async function missingRows(store: ClickHouseFront, table: string, wanted: number): Promise<number> {
  let last = -1;
  let cameAt = performance.now();
  for (;;) {
    const rows = Number(await store.query(`SELECT count() FROM ${table}`));
    if (rows >= wanted) return 0;
    if (rows !== last) {
      last = rows;
      cameAt = performance.now();
    } else if (performance.now() - cameAt > 10_000) return wanted - last;
    await delay(50);
  }
}

/** Bytes of the active parts, the trace index included, when the engine's own merges have come to rest. */
async function bytesOnDisk(store: ClickHouseFront, table: string): Promise<number> {
  for (let quiet = 0; quiet < 2;) {
    await delay(500);
    quiet = (await store.query('SELECT count() FROM system.merges')) === '0\n' ? quiet + 1 : 0;
  }
  return Number(
    await store.query(`SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND startsWith(table, '${table}')`),
  );
}

/** Spans in which a planted credential can still be read. */
async function credentialsLeft(store: ClickHouseFront): Promise<number> {
  return Number(
    await store.query(
      "SELECT countIf(arrayExists(value -> match(value, 'ghp_[A-Za-z0-9]{36}'), mapValues(SpanAttributes))) FROM otel_traces",
    ),
  );
}

async function measureContender(contender: Contender, payload: Payload, half: boolean): Promise<Row[]> {
  const table = payload.load.signal === 'traces' ? 'otel_traces' : 'otel_logs';
  const running = await contender.start();
  try {
    let sent = 0;
    const settled = (acknowledged: number): Promise<number> => {
      sent += acknowledged;
      return missingRows(running.store, table, sent);
    };
    const common = { payload, target: running, pid: running.pid, settled };
    await measure({ ...common, secondsOfLoad: WARM_UP_SECONDS });
    const full = rowOf(payload.name, contender.name, await measure(common), false);
    const bytes = await bytesOnDisk(running.store, table);
    const left = payload.load.agentShare > 0 ? await credentialsLeft(running.store) : undefined;
    const rows: Row[] = [{ ...full, bytesOnDiskPerItem: bytes / sent, credentialsLeft: left }];
    if (half) {
      const requestsPerSecond = full.perSecond / payload.load.itemsPerRequest / 2;
      const paced = await measure({ ...common, requestsPerSecond });
      rows.push(rowOf(`${payload.name}, half of that`, contender.name, paced, false));
    }
    return rows;
  } finally {
    await running.close();
  }
}

/**
 * @param plan what is sent to whom
 * @param halved what is sent at half the speed, too
 * @param chosen which rows are wanted
 */
export async function measurePeers(
  plan: readonly (readonly [Payload, readonly Contender[]])[],
  halved: Payload,
  chosen: RegExp,
): Promise<{ rows: Row[]; notRun: string[] }> {
  const rows: Row[] = [];
  const notRun = new Set<string>();
  printHeader(PEER_COLUMNS);
  for (const [payload, contenders] of plan) {
    for (const contender of contenders) {
      if (!chosen.test(`peers: ${payload.name}, ${contender.name}`)) continue;
      if (contender.missing === undefined) {
        for (const row of await measureContender(contender, payload, halved === payload)) {
          rows.push(row);
          printRow(PEER_COLUMNS, row);
        }
      } else notRun.add(`${contender.name}: ${contender.missing}`);
    }
  }
  return { rows, notRun: [...notRun] };
}
