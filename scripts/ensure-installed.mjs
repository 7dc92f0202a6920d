// Makes `npm start` and `npm test` work from a fresh clone: installs the locked packages when they are missing or when
// the lock file changed since they were installed. Uses nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** Installs what the lock file in `folder` names: the project's own, or that of a suite with packages of its own. */
export function ensureInstalled(folder = root) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    process.stderr.write(`Docket needs Node 20.19 or newer; this is ${process.versions.node}.\n`);
    process.exit(2);
  }
  const stamp = join(folder, 'node_modules', '.docket-lock-sha256');
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('Installing packages (once; about a minute)…\n');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
  writeFileSync(stamp, lock);
}

/** Runs a command in the project's root, its output on ours; ends this process with its code when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Newest modification time under the given files, in milliseconds. */
export function newest(paths) {
  return Math.max(0, ...paths.filter((path) => existsSync(path)).map((path) => statSync(path).mtimeMs));
}

if (process.argv[1] === import.meta.filename) ensureInstalled();
