import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { transcodeJson } from '../../src/otlp/json/transcode.ts';
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts';
import { defaultPolicy } from '../../src/redaction/policy-file.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { openStore } from '../../src/store/connect.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { attribute } from '../support/otlp-json.ts';
import { sharedData } from '../support/shared-data.ts';
import { createNeedleSearch, filesBelow, searchTables } from '../support/table-search.ts';

// A whole corpus of secrets goes through a real Docket; then everything it wrote and says is searched for them.

interface Sample {
  readonly signal: Signal;
  readonly body: { readonly [name: string]: unknown };
  readonly secrets: readonly string[];
}

interface CorpusRow {
  readonly text: string;
  readonly secrets: readonly string[];
}

interface CarrierRow {
  readonly format: string;
  readonly payload: string | { readonly [name: string]: unknown };
  readonly must_not_survive: readonly string[];
}

const STAYS = 'ordinary words that stay';
const SAMPLES_PER_REQUEST = 50;
/** Shorter ones turn up by chance. */
const SECRET_LENGTH_MIN = 12;

function jsonLines<Row>(path: string): Row[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

let made = 0;

function record(text: string, secrets: readonly string[]): Sample {
  made += 1;
  const ids = { traceId: made.toString(16).padStart(32, 'a'), spanId: made.toString(16).padStart(16, 'b') };
  if (made % 2 === 0) {
    const logRecords = [{ ...ids, timeUnixNano: '1782468000000000000', body: { stringValue: text } }];
    return { signal: 'logs', body: { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }, secrets };
  }
  const span = {
    ...ids,
    name: 'work',
    startTimeUnixNano: '1782468000000000000',
    endTimeUnixNano: '1782468001000000000',
    attributes: [attribute('note', text), attribute('incident.id', 'INC-1'), attribute('stays', STAYS)],
  };
  return { signal: 'traces', body: { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }, secrets };
}

/** Secrets of our own, for where the corpus is not. */
function ownSamples(): Sample[] {
  const token = `ghp_${'Zx9Yw8Vu7T'.repeat(3)}s6R5q4`;
  return [
    record(`deploy with ${token}`, [token]),
    record(JSON.stringify({ headers: { authorization: 'Bearer q8Rt2Lw9Zk4Xc7Vb1Nm5' } }), ['q8Rt2Lw9Zk4Xc7Vb1Nm5']),
    record('mail to jane.doe-canary@shop-mail.io today', ['jane.doe-canary@shop-mail.io']),
    record(`blob ${Buffer.from(`is ${token} it`).toString('base64')}`, [
      Buffer.from(token).toString('base64').slice(4, -6),
    ]),
  ];
}

function corpus(): Sample[] {
  if (!sharedData.present) return ownSamples();
  const samples = ownSamples();
  for (const row of jsonLines<CorpusRow>(sharedData.path('redaction', 'dev.jsonl')))
    samples.push(record(row.text, row.secrets));
  for (const row of jsonLines<CarrierRow>(sharedData.path('redaction', 'carriers-dev.jsonl'))) {
    const signal = SIGNALS.find((each) => row.format === `otlp-${each}`);
    if (typeof row.payload === 'string') samples.push(record(row.payload, row.must_not_survive));
    else if (signal !== undefined) samples.push({ signal, body: row.payload, secrets: row.must_not_survive });
  }
  return samples;
}

function requestsOf(samples: readonly Sample[]): { readonly signal: Signal; readonly json: string }[] {
  return SIGNALS.flatMap((signal) => {
    const name = { traces: 'resourceSpans', logs: 'resourceLogs', metrics: 'resourceMetrics' }[signal];
    const own = samples.filter((each) => each.signal === signal);
    const requests = [];
    for (let at = 0; at < own.length; at += SAMPLES_PER_REQUEST) {
      const resources = own.slice(at, at + SAMPLES_PER_REQUEST).flatMap((each) => each.body[name] as unknown[]);
      requests.push({ signal, json: JSON.stringify({ [name]: resources }) });
    }
    return requests;
  });
}

/** The secrets the policy covers: those that are nowhere in what redaction lets through. */
function coveredSecrets(samples: readonly Sample[], requests: readonly { signal: Signal; json: string }[]): string[] {
  const metrics = createMetrics();
  const redactor = createRedactor({
    policy: defaultPolicy(),
    fingerprintKey: Buffer.alloc(32, 5),
    fingerprintKeyId: 'k0',
    meter: metrics.meter,
    logger: createLogger('silent'),
  });
  const through = Buffer.concat(
    requests.map(({ signal, json }) => {
      const { bytes } = transcodeJson(signal, Buffer.from(json));
      return Buffer.from(redactor.redact({ tenant: 'default', signal, bytes, items: 1, receivedAtUnixNano: 0n }).bytes);
    }),
  );
  const all = [...new Set(samples.flatMap((each) => each.secrets))].filter((each) => each.length >= SECRET_LENGTH_MIN);
  const kept = new Set(createNeedleSearch(all)(through));
  return all.filter((each) => !kept.has(each));
}

let docket: DocketProcess;
let covered: string[];
let sent: number;
let said: Buffer;

beforeAll(async () => {
  const samples = corpus();
  const requests = requestsOf(samples);
  covered = coveredSecrets(samples, requests);
  docket = await startDocket({ environment: { DOCKET_LOG_LEVEL: 'trace' } });
  const post = (url: string, body: string): Promise<Response> =>
    fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  await post(`http://${docket.api}/api/v1/incidents`, JSON.stringify({ title: 'Everything', ref: 'INC-1' }));
  const answers: string[] = [];
  sent = 0;
  for (const { signal, json } of requests) {
    const response = await post(`http://${docket.otlpHttp}/v1/${signal}`, json);
    answers.push(await response.text());
    if (response.status === 200) sent += 1;
    // The same once more, broken: what it says about it must not quote it.
    answers.push(await (await post(`http://${docket.otlpHttp}/v1/${signal}`, json.slice(0, -7))).text());
  }
  expect(sent).toBe(requests.length);
  for (let quiet = 0; quiet < 3; quiet += 1) {
    await wait(200);
    const { components } = (await (await fetch(`http://${docket.api}/readyz`)).json()) as {
      components: { name: string; measures?: { lagBytes?: number } }[];
    };
    if (components.find((each) => each.name === 'spool')?.measures?.lagBytes !== 0) quiet = -1;
  }
  for (const path of [
    '/metrics',
    '/',
    '/incidents/INC-1',
    '/unfiled',
    '/api/v1/incidents/INC-1',
    '/api/v1/incidents/INC-1/brief',
  ]) {
    answers.push(await (await fetch(`http://${docket.api}${path}`)).text());
  }
  for (const path of ['/api/v1/incidents/INC-1/evidence?limit=200', '/api/v1/evidence/unfiled?limit=200']) {
    answers.push(await (await fetch(`http://${docket.api}${path}`)).text());
  }
  await docket.stop();
  said = Buffer.from(answers.join('\n') + docket.output());
}, 120_000);

afterAll(async () => {
  await docket?.dispose();
});

test('the policy covers most of the corpus', () => {
  process.stdout.write(`${covered.length} secrets are looked for after ${sent} requests\n`);
  expect(covered.length).toBeGreaterThan(sharedData.present ? 2_000 : 2);
});

test('no secret is in a file of the data directory', () => {
  const search = createNeedleSearch([...covered, STAYS]);
  const hits = filesBelow(docket.dataDirectory).flatMap(({ path, bytes }) =>
    search(bytes).map((needle) => ({ path: path.slice(docket.dataDirectory.length), needle })),
  );
  // The search does see: what stays is in the spool.
  expect(hits.some((each) => each.needle === STAYS && each.path.startsWith(join('/', 'spool')))).toBe(true);
  expect(hits.filter((each) => each.needle !== STAYS)).toEqual([]);
});

test('no secret is in an answer, a page, a metric, the log or on standard error', () => {
  expect(createNeedleSearch(covered)(said)).toEqual([]);
});

test('no secret is in a column of any table', { timeout: 120_000 }, async () => {
  const metrics = createMetrics();
  const store = openStore({
    location: { kind: 'embedded', directory: join(docket.dataDirectory, 'clickhouse') },
    retentionSeconds: 86_400 * 30,
    logger: createLogger('silent'),
    meter: metrics.meter,
  });
  try {
    expect(await searchTables((sql, parameters) => store.query(sql, parameters), [STAYS])).not.toEqual([]);
    expect(await searchTables((sql, parameters) => store.query(sql, parameters), covered)).toEqual([]);
  } finally {
    await store.close();
  }
});
