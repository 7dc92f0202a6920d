import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { filesBelow } from '../src/demo/living-folder.ts';
import { startDocket, type DocketProcess } from '../test/support/docket-process.ts';
import { attribute, postJson, tracesRequest } from '../test/support/otlp-json.ts';
import { COLUMNS, drained, measure, rowOf, WARM_UP_SECONDS, type Payload, type Row } from './ingest-row.ts';
import { printHeader, printRow } from './result-table.ts';

// One Docket with the embedded engine, as it is started by default.

const EMBEDDED_COLUMNS = [
  COLUMNS.sent('Docket, embedded engine'),
  COLUMNS.perSecond,
  COLUMNS.queryableAfter,
  { ...COLUMNS.cpu, title: 'Docket CPU s/M' },
  COLUMNS.engineCpu,
  COLUMNS.ackP50,
  COLUMNS.ackP99,
  COLUMNS.ackP99Sent,
  COLUMNS.rssMax,
  COLUMNS.refused,
];

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const path of filesBelow(folder)) bytes += statSync(path).size;
  return bytes;
}

/** Milliseconds from sending one tool call until its evidence row is answered by the API; sorted. */
async function toolCallToEvidence(docket: DocketProcess, rounds: number): Promise<number[]> {
  const opened = await fetch(`http://${docket.api}/api/v1/incidents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'Bench', ref: 'INC-BENCH' }),
  });
  if (!opened.ok) throw new Error(`opening an incident answered ${opened.status}`);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const callId = `call_evidence_${round}`;
    const begun = performance.now();
    const sent = await postJson(
      docket.otlpHttp,
      'traces',
      tracesRequest('sre-agent', [9_000_000 + round], {
        name: 'execute_tool kubectl',
        attributes: [
          attribute('incident.id', 'INC-BENCH'),
          attribute('gen_ai.operation.name', 'execute_tool'),
          attribute('gen_ai.tool.name', 'kubectl'),
          attribute('gen_ai.tool.call.id', callId),
        ],
      }),
    );
    if (sent.status !== 200) throw new Error(`posting a tool call answered ${sent.status}`);
    for (;;) {
      const response = await fetch(`http://${docket.api}/api/v1/incidents/INC-BENCH/evidence?kind=tool_call&limit=5`);
      if ((await response.text()).includes(callId)) break;
      if (performance.now() - begun > 20_000) throw new Error('a tool call did not become evidence within 20 s');
      await delay(10);
    }
    times.push(performance.now() - begun);
  }
  return times.sort((a, b) => a - b);
}

export interface EmbeddedFigures {
  readonly rows: Row[];
  readonly firstReadyMs: number;
  readonly restartMs: number;
  readonly evidence: number[];
  readonly bytesOnDiskPerItem: number;
}

/**
 * Each payload as fast as it is answered, after a warm-up.
 * @param paced those that are also sent at half of that, and at so many items a second
 */
export async function measureEmbedded(
  payloads: readonly Payload[],
  paced: ReadonlyMap<Payload, readonly number[]>,
): Promise<EmbeddedFigures> {
  printHeader(EMBEDDED_COLUMNS);
  const startedAt = performance.now();
  let docket = await startDocket({ environment: { DOCKET_LOG_LEVEL: 'warn' } });
  const firstReadyMs = performance.now() - startedAt;
  const rows: Row[] = [];
  let stored = 0;
  const settled = (): Promise<number> => drained(docket);
  const run = async (name: string, payload: Payload, requestsPerSecond = 0): Promise<Row> => {
    const measured = await measure({ payload, target: docket, pid: docket.pid, requestsPerSecond, settled });
    stored += measured.load.acknowledged;
    const row = rowOf(name, 'Docket', measured, true);
    rows.push(row);
    printRow(EMBEDDED_COLUMNS, row);
    return row;
  };
  const [first] = payloads;
  if (first !== undefined) {
    const warmUp = { payload: first, target: docket, pid: docket.pid, secondsOfLoad: WARM_UP_SECONDS, settled };
    stored += (await measure(warmUp)).load.acknowledged;
  }
  for (const payload of payloads) {
    const row = await run(payload.name, payload);
    const rates = paced.get(payload);
    if (rates === undefined) continue;
    const { itemsPerRequest } = payload.load;
    await run(`${payload.name}, half of that`, payload, row.perSecond / itemsPerRequest / 2);
    for (const rate of rates) await run(`${payload.name}, ${rate}/s`, payload, rate / itemsPerRequest);
  }
  const evidence = await toolCallToEvidence(docket, 20);
  await docket.stop();
  const stoppedAt = performance.now();
  docket = await docket.restart();
  const restartMs = performance.now() - stoppedAt;
  const bytes = folderBytes(join(docket.dataDirectory, 'clickhouse', 'engine', 'store'));
  await docket.dispose();
  return { rows, firstReadyMs, restartMs, evidence, bytesOnDiskPerItem: bytes / stored };
}
