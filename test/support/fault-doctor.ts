import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DocketProcess } from './docket-process.ts';

/** What `docket doctor` prints about a running Docket, and its exit code. */
export async function doctor(
  docket: DocketProcess,
): Promise<{ readonly code: number | null; readonly printed: string }> {
  const main = join(import.meta.dirname, '..', '..', 'dist', 'main.js');
  const child = spawn(process.execPath, [main, 'doctor'], {
    env: { PATH: process.env['PATH'], DOCKET_URL: `http://${docket.api}`, DOCKET_DATA_DIR: docket.dataDirectory },
    cwd: docket.dataDirectory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const printed = await text(child.stdout);
  await ended;
  return { code: child.exitCode, printed };
}
