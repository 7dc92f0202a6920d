import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

let folder: string;
let child: ChildProcess | undefined;
let printed: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-signals-'));
  writeFileSync(join(folder, 'policy.yaml'), 'version: 1\nid: first\n');
  printed = '';
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function run(script: string): ChildProcess {
  const started = spawn(process.execPath, [join(root, script), 'serve', '--port-base', '0'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DOCKET_DATA_DIR: join(folder, 'data'),
      DOCKET_POLICY: join(folder, 'policy.yaml'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  started.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  started.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
  return started;
}

const isReady = (): boolean => printed.includes('"msg":"ready"');

test('SIGHUP while Docket starts does not end it, and the policy is what the file says by then', async () => {
  const started = run('dist/main.js');
  const exited = once(started, 'exit');
  await expect.poll(() => existsSync(join(folder, 'data', 'keys')), { timeout: 50_000, interval: 5 }).toBe(true);
  expect(isReady()).toBe(false);
  writeFileSync(join(folder, 'policy.yaml'), 'version: 1\nid: second\n');
  started.kill('SIGHUP');
  while (!isReady() && started.exitCode === null && started.signalCode === null) await pause(20);
  const line = printed.split('\n').find((each) => each.includes('"msg":"ready"')) ?? printed;
  const { api } = JSON.parse(line) as { readonly api: string };
  const health = (await (await fetch(`http://${api}/readyz`)).json()) as { components: { detail: string }[] };
  expect(health.components.map(({ detail }) => detail).join('\n')).toContain('second');
  started.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});

test.skipIf(!existsSync('/proc/self/task'))(
  'a start script whose Docket dies of a signal exits as a shell would: 128 and the signal',
  async () => {
    const started = run('scripts/start.mjs');
    const exited = once(started, 'exit');
    await expect.poll(isReady, { timeout: 50_000 }).toBe(true);
    const docket = Number(readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8').trim());
    process.kill(docket, 'SIGKILL');
    expect(await exited).toEqual([128 + 9, null]);
  },
);
