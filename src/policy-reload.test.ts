import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPolicyReload, type PolicyReload } from './policy-reload.ts';
import { loadPolicy } from './redaction/policy-file.ts';
import { createLogger } from './telemetry/logger.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';

let folder: string;
let path: string;
let metrics: Metrics;
let reload: PolicyReload;
let applied: string[];

const write = (text: string): void => writeFileSync(path, text);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-policy-'));
  path = join(folder, 'policy.yaml');
  write('version: 1\nid: first\n');
  metrics = createMetrics();
  applied = [];
  reload = createPolicyReload({
    path,
    current: loadPolicy(path),
    apply: (policy) => applied.push(policy.id),
    logger: createLogger('silent'),
    meter: metrics.meter,
    lookEveryMs: 20,
  });
});

afterEach(async () => {
  reload.close();
  await metrics.close();
  rmSync(folder, { recursive: true, force: true });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('a file that cannot be used changes nothing, and says so until it can', async () => {
  write('version: 1\nid: second\nno_such_field: 1\n');
  expect(reload.reload()).toBe(false);
  expect(applied).toEqual([]);
  expect(reload.health()).toMatchObject({ ok: false, measures: { refused: 1 } });
  expect(reload.health().detail).toMatch(/a problem; first@[0-9a-f]{12} stays in force/);
  expect(await metrics.prometheusText()).toMatch(
    /docket_redaction_policy_reloads_total\{[^}]*result="refused"[^}]*\} 1/,
  );
  expect(await metrics.prometheusText()).toMatch(/docket_redaction_policy_refused(\{[^}]*\})? 1/);
  write('version: 1\nid: third\n');
  expect(reload.reload()).toBe(true);
  expect(applied).toEqual(['third']);
  expect(reload.health()).toMatchObject({ ok: true, measures: { refused: 0 } });
});

test.each(['- ', '[', '{a: ', '? '])(
  'a file of fifty thousand "%s" within one another is refused with its line, and the old policy stays in force',
  (open) => {
    const text = `version: 1\nid: second\nkeys:\n  redact:\n    ${open.repeat(50_000)}\n`;
    write(text);
    expect(reload.reload()).toBe(false);
    expect(applied).toEqual([]);
    expect(reload.health().detail).toMatch(/a problem; first@[0-9a-f]{12} stays in force/);
    expect(() => loadPolicy(path)).toThrow(`${path}:5: nests deeper than 64 levels`);
    write('version: 1\nid: third\n');
    expect(reload.reload()).toBe(true);
  },
);

test('a file that goes away leaves the old policy in force', () => {
  rmSync(path);
  expect(reload.reload()).toBe(false);
  expect(applied).toEqual([]);
});

test('a file saved in place is loaded without being asked', async () => {
  write('version: 1\nid: saved\n');
  await until(() => applied.length > 0);
  expect(applied).toEqual(['saved']);
});

test('a file renamed over it is loaded without being asked', async () => {
  const other = join(folder, 'new.yaml');
  writeFileSync(other, 'version: 1\nid: renamed\nmode: observe\n');
  renameSync(other, path);
  await until(() => applied.length > 0);
  expect(applied).toEqual(['renamed']);
  expect(reload.health().detail).toContain('observes only');
});

test('the built-in policy has nothing to reload', () => {
  const builtIn = createPolicyReload({
    path: undefined,
    current: loadPolicy(undefined),
    apply: () => applied.push('never'),
    logger: createLogger('silent'),
    meter: metrics.meter,
  });
  expect(builtIn.reload()).toBe(true);
  expect(applied).toEqual([]);
  expect(builtIn.health().ok).toBe(true);
});
