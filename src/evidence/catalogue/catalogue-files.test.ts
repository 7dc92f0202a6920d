import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { openCatalogueFiles } from './catalogue-files.ts';

test('a file that is too large is left out, and the log says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'docket-catalogue-'));
  const lines: string[] = [];
  try {
    writeFileSync(join(folder, 'services.yaml'), 'services: {cart: {owner: shop}}');
    writeFileSync(join(folder, 'more.yaml'), `services: {till: {owner: shop}} #${'x'.repeat(1024 * 1024)}`);
    const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
    const files = await openCatalogueFiles({ path: folder, logger, pollMilliseconds: 0 });
    expect([...files.current().keys()]).toEqual(['cart']);
    expect(lines.join('')).toContain('"leftOut":1');
    files.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a pipe in place of the catalogue is named in the log and not waited for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'docket-catalogue-'));
  const path = join(folder, 'pipe');
  const lines: string[] = [];
  execFileSync('mkfifo', [path]);
  // What writes to it and ends lets a read that waits go on, so that a failure ends too.
  const writer = spawn('sh', ['-c', 'sleep 2; echo "services: {}" > "$0"', path], { stdio: 'ignore' });
  try {
    const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
    const files = await openCatalogueFiles({ path, logger, pollMilliseconds: 0 });
    expect(lines.join('')).toContain('is neither a file nor a folder');
    files.close();
  } finally {
    writer.kill();
    rmSync(folder, { recursive: true });
  }
});
