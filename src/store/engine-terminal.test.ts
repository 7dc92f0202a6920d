import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** util-linux's: its flags differ elsewhere. */
const hasTerminal = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

test.skipIf(!hasTerminal)('the engine writes nothing of its own to a terminal', () => {
  const directory = mkdtempSync(join(tmpdir(), 'docket-terminal-'));
  const program = `
    import { openEmbedded } from '${join(import.meta.dirname, 'embedded.ts')}';
    const database = openEmbedded({ directory: '${directory}', memoryMax: 1_500_000_000 });
    const [row] = await database.select('SELECT 40 + 2 AS answer');
    console.log('the answer is ' + row.answer);
    process.exit(0);`;
  const command = `'${process.execPath}' --import tsx --input-type=module -e "$PROGRAM"`;
  const child = spawnSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    cwd: join(import.meta.dirname, '..', '..'),
    env: { ...process.env, PROGRAM: program },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  rmSync(directory, { recursive: true, force: true });
  expect(child.stdout.trim()).toBe('the answer is 42');
});
