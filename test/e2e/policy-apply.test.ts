import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PolicyApplication } from '../../src/api/client.ts';
import { apiOf } from '../support/api-client.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { attribute, eventually, logsRequest, postJson, tracesRequest } from '../support/otlp-json.ts';
import { filesBelow } from '../support/table-search.ts';

// A policy gets stricter while the service runs, and the operator has it applied to what is stored.

const main = join(import.meta.dirname, '..', '..', 'dist', 'main.js');
const BADGE = 'acmebadge-blue-2231';
const OPEN = 'version: 1\nid: open\npreset: open\n';
const STRICTER =
  'version: 1\nid: stricter\npreset: balanced\npacks: [builtin/secrets@3, builtin/pii-core@2, ./acme.rules.yaml]\n';
const RULES = `- id: acme-badge
  version: 1
  class: internal
  keywords: [acmebadge-]
  window: {before: 0, after: 32}
  pattern: '(acmebadge-[a-z]{4}-[0-9]{4})'
  group: 1
  tests: {hit: ['badge acmebadge-blue-2231'], miss: ['acmebadge-']}
`;

let folder: string;
let policyFile: string;
let docket: DocketProcess;
let api: ReturnType<typeof apiOf>;

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function apply(...args: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const all = [main, 'policy', '--url', `http://${docket.api}`, ...args];
    execFile(process.execPath, all, { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'docket-apply-'));
  policyFile = join(folder, 'policy.yaml');
  writeFileSync(policyFile, OPEN);
  writeFileSync(join(folder, 'acme.rules.yaml'), RULES);
  docket = await startDocket({ environment: { DOCKET_POLICY: policyFile } });
  api = apiOf(docket.api);
  await api.post('/incidents', { title: 'Checkout fails', ref: 'INC-1' });
});

afterAll(async () => {
  await docket?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const entry = (type: string, body: unknown): Promise<unknown> => api.post('/incidents/INC-1/entries', { type, body });

test(
  'a stricter policy is applied to what is stored, and says what it could not change',
  { timeout: 180_000 },
  async () => {
    await postJson(
      docket.otlpHttp,
      'traces',
      tracesRequest('sre-agent', [1], {
        name: 'execute_tool lookup',
        attributes: [
          attribute('gen_ai.operation.name', 'execute_tool'),
          attribute('gen_ai.tool.name', 'lookup'),
          attribute('gen_ai.tool.call.id', 'call_1'),
          attribute('incident.id', 'INC-1'),
          attribute('gen_ai.tool.call.arguments', JSON.stringify({ user: BADGE })),
          attribute('gen_ai.input.messages', 'refund the blue shoes'),
        ],
      }),
    );
    await postJson(docket.otlpHttp, 'logs', logsRequest('shop', [`${BADGE} signed in`]));
    await entry('hypothesis.propose', { statement: `${BADGE} did it` });
    await entry('evidence.add', { kind: 'note', summary: `saw ${BADGE}`, text: `it was ${BADGE}` });
    await eventually(
      () => api.evidence('INC-1', ''),
      (items) => items.length >= 2,
    );
    expect((await apply('status')).code).toBe(1);

    writeFileSync(policyFile, STRICTER);
    process.kill(docket.pid, 'SIGHUP');
    await eventually(
      async () => docket.output(),
      (output) => output.includes('redaction policy in force'),
    );
    const answer = await apply('apply', '--since', '1h', '--json');
    expect(answer.stderr).not.toBe('');
    const status = JSON.parse(answer.stdout) as PolicyApplication;
    expect(status).toMatchObject({ state: 'done', remaining: 0, problem: null });
    expect(answer.code).toBe(0);
    expect(status.policyVersion).toMatch(/^stricter@/);
    expect(status.tables).toContainEqual({ table: 'otel_traces', rows: 1, changed: 1 });
    expect(status.tables).toContainEqual({ table: 'otel_logs', rows: 1, changed: 1 });
    expect(status.redactions.map((each) => each.rule)).toContain('acme-badge');
    // The chain is over what entries say: they stay, and are named.
    expect(status.entries).toMatchObject({
      kept: 1,
      named: [expect.stringMatching(/^INC-1 #\d+ hypothesis\.propose$/)],
    });

    const evidence = JSON.stringify(await api.evidence('INC-1', ''));
    expect(evidence).not.toContain(BADGE);
    expect(evidence).not.toContain('blue shoes');
    expect(evidence).toContain('[redacted:acme-badge');
    const trace = await (await fetch(`http://${docket.api}/api/v1/traces/${'2'.padStart(32, '0')}`)).text();
    expect(trace).toContain('execute_tool lookup');
    expect(trace).not.toContain(BADGE);
    const spooled = filesBelow(join(docket.dataDirectory, 'spool'));
    expect(spooled.filter(({ bytes }) => bytes.includes(BADGE))).toEqual([]);
    // Receipts of both policies explain the record.
    const explained = await apply('explain', '2'.padStart(32, '0'));
    expect(explained.stdout).toMatch(/acme-badge v1 +mask/);
    expect(explained.stdout).toMatch(/stricter@[0-9a-f]{12}/);

    const again = await apply('apply', '--since', '1h');
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^stricter@[0-9a-f]{12} applied to what was received from .*: done$/m);
    expect(again.stdout).not.toContain('otel_traces');
  },
);

test('agents may not, and a time that is none is wrong usage', async () => {
  const response = await fetch(`http://${docket.api}/api/v1/policy/applications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-docket-actor-kind': 'agent', 'x-docket-actor': 'sre-agent' },
    body: JSON.stringify({ since: '2026-01-01T00:00:00Z' }),
  });
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([403, 'policy.not_allowed']);
  const wrong = await apply('apply', '--since', 'yesterday');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--since takes a date')]);
  expect((await apply('apply')).code).toBe(2);
});
