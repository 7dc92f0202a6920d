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
// glibc raises the size from which on it asks the kernel for memory with the largest buffer it was given back, and then keeps buffers of
// megabytes in a heap full of holes: 120 to 170 MB of it, and 70 to 80 with the size fixed (docs/benchmarks.md). Read at the start, too.
const large = { MALLOC_MMAP_THRESHOLD_: '262144', MALLOC_TRIM_THRESHOLD_: '4194304' };
const child = spawn(process.execPath, [join(root, 'dist', 'main.js'), ...command], {
  stdio: 'inherit',
  env: { UV_THREADPOOL_SIZE: '12', ...large, ...process.env },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// As a shell says that a signal ended its command.
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
