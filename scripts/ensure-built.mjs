// Compiles src/ to dist/ when dist is missing or older than its sources.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newest, root, run } from './ensure-installed.mjs';

const stamp = join(root, 'dist', '.built');

export function ensureBuilt() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((file) => join(root, 'src', file))
    .concat(join(root, 'tsconfig.json'), join(root, 'tsconfig.build.json'), join(root, 'package-lock.json'));
  if (existsSync(stamp) && newest([stamp]) >= newest(sources)) return;
  process.stderr.write('Building…\n');
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run('npm', ['run', '--silent', 'build']);
  writeFileSync(stamp, '');
}
