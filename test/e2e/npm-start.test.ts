import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const dataDirectory = mkdtempSync(join(tmpdir(), 'docket-npm-start-'));

let npm: ChildProcess | undefined;

afterAll(() => {
  // Where the signal was not passed on, what npm started lives on, in npm's process group.
  try {
    if (npm?.pid !== undefined) process.kill(-npm.pid, 'SIGKILL');
  } catch {
    // Nobody is left: as it should be.
  }
  rmSync(dataDirectory, { recursive: true, force: true });
});

// A supervisor knows the process it started, which is npm. Without `exec` in the script a shell stands between npm and Docket:
// it dies of the signal, and Docket goes on with nobody to stop it.
test('SIGTERM to npm start drains the service, ends it and exits with 0', async () => {
  const started = spawn('npm', ['start', '--', '--port-base', '0'], {
    cwd: root,
    detached: true,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], DOCKET_DATA_DIR: dataDirectory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  npm = started;
  let printed = '';
  started.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  started.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const exited = once(started, 'exit');
  await expect.poll(() => printed, { timeout: 50_000 }).toContain('"msg":"ready"');
  const line = printed.split('\n').find((each) => each.includes('"msg":"ready"'));
  const { api } = JSON.parse(line ?? '') as { readonly api: string };
  expect((await fetch(`http://${api}/healthz`)).status).toBe(200);

  started.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  expect(printed).toContain('stopping');
  await expect(fetch(`http://${api}/healthz`)).rejects.toThrow();
});
