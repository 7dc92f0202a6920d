// `npm start` from a fresh clone: installs what is missing, builds, and becomes `docket serve` (or the command given).
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt } from './ensure-built.mjs';
import { ensureInstalled, root } from './ensure-installed.mjs';

ensureInstalled();
ensureBuilt();
const [first, ...rest] = process.argv.slice(2);
const command = first === undefined || first.startsWith('-') ? ['serve', ...process.argv.slice(2)] : [first, ...rest];
const child = spawn(process.execPath, [join(root, 'dist', 'main.js'), ...command], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
