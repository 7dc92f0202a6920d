// `npm test` from a fresh clone: installs what is missing, builds (whole-system tests run the built program), then runs
// vitest. The closing line is the reporter's.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt } from './ensure-built.mjs';
import { ensureInstalled, root } from './ensure-installed.mjs';

ensureInstalled();
// The agent SDKs whose telemetry is tested are apart from Docket's own packages.
ensureInstalled(join(root, 'test', 'sdk'));
ensureBuilt();
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const result = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
if (result.error) throw result.error;
process.exit(result.status ?? 1);
