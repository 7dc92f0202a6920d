import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const main = join(import.meta.dirname, '..', '..', 'dist', 'main.js');

test('the demo tells its story and the brief, with no line of the log among them', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'demo', '--exit'], {
    encoding: 'utf8',
    timeout: 110_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Three services are up/);
  expect(stdout).toContain('# INC-DEMO: Checkout fails for part of the shoppers');
  expect(stdout).not.toContain('"level":');
}, 120_000);
