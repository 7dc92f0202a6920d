import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiOf } from '../support/api-client.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { attribute, eventually, postJson, spanId, traceId, tracesRequest } from '../support/otlp-json.ts';

const main = join(import.meta.dirname, '..', '..', 'dist', 'main.js');
const token = `ghp_${'Zx9Yw8Vu7T'.repeat(3)}s6R5q4`;

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function docketCommand(...args: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'policy', ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

let folder: string;
let policyFile: string;
let docket: DocketProcess;
let api: ReturnType<typeof apiOf>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'docket-policy-'));
  policyFile = join(folder, 'policy.yaml');
  writeFileSync(policyFile, 'version: 1\nid: first\nbudgets: {value_bytes: 4096}\n');
  docket = await startDocket({ environment: { DOCKET_POLICY: policyFile } });
  api = apiOf(docket.api);
  await api.post('/incidents', { title: 'Checkout fails', ref: 'INC-1' });
});

afterAll(async () => {
  await docket?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function toolCall(number: number, text: string): unknown {
  return tracesRequest('sre-agent', [number], {
    name: 'execute_tool lookup',
    attributes: [
      attribute('gen_ai.operation.name', 'execute_tool'),
      attribute('gen_ai.tool.name', 'lookup'),
      attribute('gen_ai.tool.call.id', `call_${number}`),
      attribute('incident.id', 'INC-1'),
      attribute('gen_ai.tool.call.arguments', text),
    ],
  });
}

describe('policy check', { timeout: 120_000 }, () => {
  test('lists every problem with file and line, and says no', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'version: 1\nid: wrong\nprest: open\nmode: observed\n');
    const answer = await docketCommand('check', file);
    expect(answer.code).toBe(1);
    expect(answer.stderr).toContain(`${file}:3: prest: there is no such field`);
    expect(answer.stderr).toContain(`${file}:4: mode:`);
  });

  test('names a rule that no pack has', async () => {
    const file = join(folder, 'slip.yaml');
    writeFileSync(file, "version: 1\nid: slip\nallow:\n  - {value: '^a$', rules: [e-mail]}\n");
    const answer = await docketCommand('check', file);
    expect([answer.code, answer.stderr.trim()]).toEqual([1, `${file}:4: e-mail: no rule has this id`]);
  });

  test('a file that is not there is wrong usage', async () => {
    expect((await docketCommand('check', join(folder, 'absent.yaml'))).code).toBe(2);
  });

  test('says what each class of content gets', async () => {
    const answer = await docketCommand('check', policyFile);
    expect(answer.code).toBe(0);
    expect(answer.stdout).toMatch(/^first@[0-9a-f]{12}, preset balanced, mode enforce\nsha256 [0-9a-f]{64}/);
    expect(answer.stdout).toMatch(/messages\.input +gen_ai\.input\.messages +withhold/);
    expect(answer.stdout).toMatch(/tool\.result +gen_ai\.tool\.call\.result +scrub, cut at 2048 bytes/);
  });

  test('shows what becomes of a sample, before and after', async () => {
    const sample = join(folder, 'sample.json');
    writeFileSync(sample, JSON.stringify(toolCall(1, JSON.stringify({ namespace: 'shop', note: `uses ${token}` }))));
    const answer = await docketCommand('check', policyFile, '--sample', sample);
    expect(answer.code).toBe(0);
    expect(answer.stdout).toContain('spans[0].attributes[gen_ai.tool.call.arguments]\n');
    expect(answer.stdout).toMatch(new RegExp(`^- .*uses ${token}`, 'm'));
    expect(answer.stdout).toMatch(/^\+ .*"namespace":"shop","note":"uses \[redacted:/m);
    expect(answer.stdout).toContain('1 place changed in 1 request');
  });

  test('a sample that is no OTLP is wrong usage, and is not quoted', async () => {
    const sample = join(folder, 'other.json');
    writeFileSync(sample, JSON.stringify({ resourceSpans: [{ scopeSpans: token }] }));
    const answer = await docketCommand('check', policyFile, '--sample', sample);
    expect(answer.code).toBe(2);
    expect(answer.stderr + answer.stdout).not.toContain(token);
  });
});

describe('policy explain', { timeout: 120_000 }, () => {
  test('reproduces the receipts of a span and of its evidence, without a value', async () => {
    await postJson(docket.otlpHttp, 'traces', toolCall(2, JSON.stringify({ note: `uses ${token}` })));
    const [row] = await eventually(
      () => api.evidence('INC-1', '&kind=tool_call'),
      (items) => items.length > 0,
    );
    const url = `http://${docket.api}`;
    const answer = await eventually(
      () => docketCommand('--url', url, 'explain', traceId(2), spanId(2)),
      ({ code }) => code === 0,
    );
    expect(answer.stdout).toMatch(
      /attributes\[gen_ai\.tool\.call\.arguments\]\.note +secret\.\w+ +github-pat v\d+ +mask +\w+.* 40 B +hmac:k/,
    );
    expect(answer.stdout).toMatch(/redactions? under first@[0-9a-f]{12}/);
    const evidence = await docketCommand('--url', url, 'explain', row?.id ?? '');
    expect(evidence.code).toBe(0);
    expect(evidence.stdout).toContain('github-pat');
    expect(answer.stdout + evidence.stdout).not.toContain(token);
  });

  test('says no for a record without receipts', async () => {
    const answer = await docketCommand('--url', `http://${docket.api}`, 'explain', traceId(999));
    expect([answer.code, answer.stdout]).toEqual([1, expect.stringContaining('no receipts')]);
    expect((await docketCommand('--url', `http://${docket.api}`, 'explain', 'no-such-evidence')).code).toBe(1);
  });
});

test('what redaction could not finish opens one gap in the incident', async () => {
  // Longer than the policy's budget for one value, and not plain.
  await postJson(docket.otlpHttp, 'traces', toolCall(3, `password=hunter2hunter2 ${'many words '.repeat(2_000)}`));
  await postJson(docket.otlpHttp, 'traces', toolCall(4, `password=hunter3hunter3 ${'more words '.repeat(2_000)}`));
  const record = await eventually(
    async () => (await api.get('/incidents/INC-1')) as unknown as { gaps: { kind: string; what: string }[] },
    ({ gaps }) => gaps.some((gap) => gap.kind === 'withheld'),
  );
  expect(record.gaps.filter((gap) => gap.kind === 'withheld')).toHaveLength(1);
  expect(record.gaps.find((gap) => gap.kind === 'withheld')?.what).toContain('time or size budget');
});

describe('a changed policy file', () => {
  interface Readiness {
    readonly ready: boolean;
    readonly components: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
  }
  const policyHealth = async () => {
    const readiness = (await (await fetch(`http://${docket.api}/readyz`)).json()) as Readiness;
    return { ready: readiness.ready, ...readiness.components.find((each) => each.name === 'policy') };
  };

  test('that cannot be used leaves the old one in force, and says so', async () => {
    writeFileSync(policyFile, 'version: 1\nid: second\nmode: observe\nno_such_field: 1\n');
    process.kill(docket.pid, 'SIGHUP');
    const health = await eventually(policyHealth, (each) => each.ok === false);
    expect(health).toMatchObject({ ready: true, ok: false });
    expect(health.detail).toMatch(/a problem; first@[0-9a-f]{12} stays in force/);
    expect(docket.output()).toContain('no_such_field: there is no such field');
  });

  test('that observes shows on every brief and page', async () => {
    writeFileSync(policyFile, 'version: 1\nid: third\nmode: observe\n');
    const health = await eventually(policyHealth, (each) => each.detail?.includes('third@') === true);
    expect(health).toMatchObject({ ready: true, ok: true });
    const notice = 'REDACTION OBSERVES ONLY';
    const brief = await fetch(`http://${docket.api}/api/v1/incidents/INC-1/brief`, {
      headers: { accept: 'text/markdown' },
    });
    expect(await brief.text()).toContain(notice);
    expect(JSON.stringify(await api.get('/incidents/INC-1/brief'))).toContain(notice);
    for (const path of ['/', '/incidents/INC-1', '/unfiled']) {
      expect(await (await fetch(`http://${docket.api}${path}`)).text(), path).toContain(notice);
    }
  });
});

test('content of a tenant that the policy does not list is withheld, with a gap in the incident', async () => {
  writeFileSync(policyFile, 'version: 1\nid: fourth\npreset: open\ntenants: {acme: {}}\n');
  process.kill(docket.pid, 'SIGHUP');
  await eventually(
    async () => docket.output(),
    (output) => output.includes('the policy has no rules for these tenants'),
  );
  await postJson(docket.otlpHttp, 'traces', toolCall(5, JSON.stringify({ note: 'violet shoes' })));
  const record = await eventually(
    async () => (await api.get('/incidents/INC-1')) as unknown as { gaps: { kind: string; what: string }[] },
    ({ gaps }) => gaps.some((gap) => gap.what.includes('no rules for this tenant')),
  );
  expect(record.gaps.filter((gap) => gap.what.includes('no rules for this tenant'))).toHaveLength(1);
  const rows = JSON.stringify(await api.evidence('INC-1', '&kind=tool_call'));
  expect(rows).toContain('call_5');
  expect(rows).not.toContain('violet shoes');
});

test('redactions are counted by rules Docket knows, never by what a sender wrote', async () => {
  const text = await (await fetch(`http://${docket.api}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('docket_redaction_redactions_total{'));
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    const labels = new Map([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
    const own = [...labels].filter(([name]) => !name.startsWith('otel_'));
    expect(new Set(own.map(([name]) => name))).toEqual(new Set(['action', 'class', 'rule']));
    for (const [, value] of own) expect(value).toMatch(/^[a-z][a-z0-9._-]{0,63}$/);
  }
});
