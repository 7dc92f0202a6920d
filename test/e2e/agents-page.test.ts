import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiOf, type EvidenceJson } from '../support/api-client.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { eventually } from '../support/otlp-json.ts';

/** The examples of docs/agents.md, as they stand there, against a running Docket. */
const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'agents.md'), 'utf8');
/** Inside the project, so that `docket` and the OpenTelemetry packages are found as in a program that depends on them. */
const folder = join(root, '.cache', `agents-page-${process.pid}`);
/** The page's Python packages are not npm's to install. */
const python = spawnSync('python3', [
  '-c',
  'import opentelemetry.sdk.trace, opentelemetry.processor.baggage, opentelemetry.exporter.otlp.proto.http',
]);

let docket: DocketProcess;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  docket = await startDocket();
});

afterAll(async () => {
  await docket?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function example(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1];
  if (found === undefined) throw new Error(`docs/agents.md has no ${language} example`);
  return found;
}

async function evidenceOf(program: string, file: string, text: string, more: Record<string, string> = {}) {
  const at = join(folder, file);
  writeFileSync(at, text);
  const { PATH } = process.env;
  await run(program, [at], {
    timeout: 60_000,
    env: { PATH, OTEL_EXPORTER_OTLP_ENDPOINT: `http://${docket.otlpHttp}`, ...more },
  });
}

/** The one row that the examples make. */
async function rowOf(ref: string): Promise<EvidenceJson | undefined> {
  const api = apiOf(docket.api);
  await api.post('/incidents', { title: 'Checkout fails', ref });
  const rows = await eventually(
    () => api.evidence(ref),
    (found) => found.length > 0,
  );
  expect(rows).toHaveLength(1);
  return rows[0];
}

const CALL = {
  kind: 'tool_call',
  actor: { kind: 'agent', name: 'sre-agent' },
  service: 'sre-agent',
  tool: { name: 'kubectl_get', callId: 'call_1' },
  link: { mode: 'explicit' },
};

test('the JavaScript example keys its tool call to the incident', async () => {
  await evidenceOf(process.execPath, 'agent.mjs', example('js'));
  expect(await rowOf('INC-42')).toMatchObject(CALL);
});

test('an incident named in the environment keys it too', async () => {
  // The example itself, without its own naming.
  const plain = example('js').replace("withIncident(context.active(), 'INC-42')", 'context.active()');
  expect(plain).not.toContain("'INC-42'");
  const named = /OTEL_RESOURCE_ATTRIBUTES=\S+/.exec(example('sh'))?.[0] ?? '';
  await evidenceOf(process.execPath, 'named.mjs', plain, {
    OTEL_RESOURCE_ATTRIBUTES: named.replace('OTEL_RESOURCE_ATTRIBUTES=', '').replace('INC-42', 'INC-43'),
  });
  expect(await rowOf('INC-43')).toMatchObject(CALL);
});

test.skipIf(python.status !== 0)('the Python example keys its tool call to the incident', async () => {
  const text = example('python').replace('127.0.0.1:4318', docket.otlpHttp).replaceAll('INC-42', 'INC-44');
  await evidenceOf('python3', 'agent.py', text);
  expect(await rowOf('INC-44')).toMatchObject(CALL);
});
