import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { attribute, eventually, logsRequest, metricsRequest, postJson, tracesRequest } from '../support/otlp-json.ts';
import { freeAddress, startCollector, type CollectorProcess } from './collector-process.ts';

let docket: DocketProcess | undefined;
let collector: CollectorProcess | undefined;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-in-path-'));
});

afterEach(async () => {
  await collector?.stop();
  await docket?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const secret = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`;

test.each(['grpc', 'http'] as const)(
  'what reaches the Collector behind Docket over %s is the redacted request',
  async (protocol) => {
    const [grpc, http] = [await freeAddress(), await freeAddress()];
    const file = join(folder, 'out.jsonl');
    collector = await startCollector('deploy/collector/in-path.yaml', http, {
      COLLECTOR_OTLP_GRPC: grpc,
      COLLECTOR_OTLP_HTTP: http,
      COLLECTOR_FILE: file,
    });
    const forward = protocol === 'grpc' ? `grpc://${grpc}` : `http://${http}`;
    docket = await startDocket({ environment: { DOCKET_FORWARD_URL: forward } });
    const span = tracesRequest('shop', [1], {
      attributes: [attribute('note', `token ${secret} here`), attribute('gen_ai.input.messages', '[{"role":"user"}]')],
    });
    expect((await postJson(docket.otlpHttp, 'traces', span)).status).toBe(200);
    expect(
      (await postJson(docket.otlpHttp, 'logs', logsRequest('shop', [`Authorization: Bearer ${secret}`]))).status,
    ).toBe(200);
    expect((await postJson(docket.otlpHttp, 'metrics', metricsRequest('shop', 'queue.length', [7]))).status).toBe(200);
    const arrived = await eventually(
      () => Promise.resolve(read(file)),
      (text) => ['resourceSpans', 'resourceLogs', 'resourceMetrics'].every((word) => text.includes(word)),
    );
    expect(arrived).toContain('resourceSpans');
    expect(arrived).toContain('resourceLogs');
    expect(arrived).toContain('queue.length');
    expect(arrived).toContain('[redacted:');
    expect(arrived).toContain('[withheld:');
    expect(arrived).not.toContain(secret);
  },
);

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
