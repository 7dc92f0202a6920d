import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSignedFixture, type SignedFixture } from '../../test/support/checkpoint-fixture.ts';
import { ALICE, TENANT } from '../../test/support/record-fixture.ts';
import { createProgram } from './program.ts';

let fixture: SignedFixture;
let file: string;

beforeEach(async () => {
  fixture = await createSignedFixture();
  await fixture.did(ALICE, 'gap.open', { what: 'Nobody knows' });
  const bundle = await fixture.bundles.export(TENANT, 'INC-1', ALICE);
  file = join(fixture.directory, bundle?.name ?? '');
  writeFileSync(file, bundle?.text ?? '');
  writeFileSync(join(fixture.directory, 'key.pem'), fixture.key.publicKey);
});

afterEach(async () => fixture.dispose());

async function run(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let out = '';
  let err = '';
  const program = createProgram({
    version: '0.0.0',
    env: {},
    cwd: fixture.directory,
    nodeVersion: process.version,
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    interactive: false,
    serve: () => Promise.resolve(0),
  });
  return { code: await program.run(['verify', ...args]), out, err };
}

test('a bundle that is intact and complete ends with 0, needs no service and says by which key', async () => {
  const { code, out } = await run(file, '--public-key', 'key.pem', '--anchors', 'anchors.jsonl');
  expect(code).toBe(0);
  expect(out).toContain('INC-1: 2 entries to 2, 0 rows of evidence');
  expect(out).toMatch(/^integrity {5}ok/m);
  expect(out).toMatch(/^completeness {2}ok/m);
  expect(out).toContain(fixture.key.keyId);
});

test('a changed word ends with 1 and fails integrity alone', async () => {
  writeFileSync(file, readFileSync(file, 'utf8').replace('Nobody knows', 'Nobody cares'));
  const { code, out } = await run(file, '--json');
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ integrity: { ok: false }, completeness: { ok: true } });
});

test('a file that is not there and a key that is none are wrong usage, said in words', async () => {
  expect(await run('missing.json')).toMatchObject({ code: 2, err: expect.stringContaining('cannot be read (ENOENT)') });
  writeFileSync(join(fixture.directory, 'bad.pem'), 'nonsense');
  expect(await run(file, '--public-key', 'bad.pem')).toMatchObject({
    code: 2,
    err: expect.stringContaining('does not hold an Ed25519 public key'),
  });
});
