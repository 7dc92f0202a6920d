import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Proof } from '../../src/cli/policy/tools.ts';
import { CARRIERS } from '../../src/proof/canary.ts';

// `docket policy test` on a policy that lets things through: it must find them, and nothing else.

const main = join(import.meta.dirname, '..', '..', 'dist', 'main.js');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-policy-proof-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function proveWith(policy: string): Promise<{ readonly code: number; readonly proof: Proof }> {
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, policy);
  const args = [main, 'policy', 'test', file, '--json', '--data-dir', folder];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      try {
        resolve({ code, proof: JSON.parse(stdout) as Proof });
      } catch {
        reject(new Error(`policy test ended with ${code} and no JSON:\n${stderr}`));
      }
    });
  });
}

test(
  'a policy that keeps content and allows addresses is told where both leak, and fails',
  { timeout: 600_000 },
  async () => {
    const { code, proof } = await proveWith(`version: 1
id: leaky
preset: open
content:
  - {class: [tool.arguments], action: keep}
allow:
  - {value: '@shop-mail\\.io$', rules: [email]}
`);
    expect(code).toBe(1);
    const emails = new Set(CARRIERS.filter((each) => each.kind === 'email').map((each) => each.name));
    expect(emails.size).toBeGreaterThan(0);
    // Kept content leaks in every carrier, and into the evidence that is made of it.
    const kept = proof.leaks.filter((leak) => leak.position === 'content tool.arguments');
    expect(new Set(kept.map((leak) => leak.carrier))).toEqual(new Set(CARRIERS.map((each) => each.name)));
    const sinks = new Set(kept.map((leak) => leak.sink));
    for (const sink of ['spool', 'data directory', 'table otel_traces.SpanAttributes', 'forwarded OTLP'])
      expect(sinks).toContain(sink);
    const row = proof.rows.find((each) => each.position === 'content tool.arguments');
    expect(row?.verdicts.slice(0, CARRIERS.length).every((verdict) => verdict === 'leak')).toBe(true);
    // An allowed address leaks wherever it stands; no token does outside what is kept.
    // In compressed files a canary may stand beside another's number.
    const others = proof.leaks.filter(
      (leak) => leak.position !== 'content tool.arguments' && leak.sink !== 'data directory',
    );
    expect(others.length).toBeGreaterThan(0);
    expect(others.filter((leak) => !emails.has(leak.carrier))).toEqual([]);
    for (const position of ['traces Span.name', 'typed hypothesis'])
      expect(
        others.some((leak) => leak.position === position),
        position,
      ).toBe(true);
    // Every place that must show text that stays did: the rest of the matrix is not clean by blindness.
    expect(proof.sinks.filter((sink) => sink.expectsControl && !sink.seen)).toEqual([]);
  },
);
