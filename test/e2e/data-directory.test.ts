import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startDocket } from '../support/docket-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'docket-data-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What `docket serve` on this directory ends with; it is killed when it does not end by itself. */
async function serveOn(directory: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const main = join(import.meta.dirname, '..', '..', 'dist', 'main.js');
  const child = spawn(process.execPath, [main, 'serve', '--port-base', '0', '--data-dir', directory], {
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child, 'close');
  return { code: child.exitCode, said };
}

test.skipIf(!existsSync('/proc/self'))(
  'a directory that cannot be made ends the start with 2 and a sentence',
  async () => {
    const { code, said } = await serveOn('/proc/docket-data');
    expect(said).toContain('docket could not start: the data directory /proc/docket-data cannot be used: no directory');
    expect(code).toBe(2);
  },
);

test('a file in its place ends the start with 2 and a sentence', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, '');
  const { code, said } = await serveOn(path);
  expect(said).toContain(`cannot be used: ${path} is not a directory`);
  expect(code).toBe(2);
});

test('a directory that another Docket has ends the start with 3 and names that process', async () => {
  const first = await startDocket();
  try {
    const { code, said } = await serveOn(first.dataDirectory);
    expect(said).toContain(String(first.pid));
    expect(code).toBe(3);
  } finally {
    await first.dispose();
  }
});
