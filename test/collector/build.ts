import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds the Collector and dist/ when they are missing or stale. */
export function setup(): void {
  for (const [command, ...argv] of [
    ['bash', join(import.meta.dirname, 'build.sh')],
    ['node', '--input-type=module', '-e', "(await import('./scripts/ensure-built.mjs')).ensureBuilt()"],
  ]) {
    const result = spawnSync(command ?? '', argv, { stdio: 'inherit', cwd: join(import.meta.dirname, '..', '..') });
    if (result.status !== 0) throw new Error(`${argv.join(' ')} failed`);
  }
}
