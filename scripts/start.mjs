// `npm start` from a fresh clone: installs what is missing, builds, and becomes `docket serve` (or the command given).
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from './ensure-built.mjs';
import { ensureInstalled, root } from './ensure-installed.mjs';

ensureInstalled();
ensureBuilt();
const [first, ...rest] = process.argv.slice(2);
const command = first === undefined || first.startsWith('-') ? ['serve', ...process.argv.slice(2)] : [first, ...rest];
// The embedded engine's statements and the spool's fdatasync share libuv's threads; with the four of the default, syncs wait.
// Only the environment a process starts with sets their number: the module loader has used them before the program runs.
const child = spawn(process.execPath, [join(root, 'dist', 'main.js'), ...command], {
  stdio: 'inherit',
  env: { UV_THREADPOOL_SIZE: '12', ...process.env },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// As a shell says that a signal ended its command.
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
