import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

// The import rules of docs/ARCHITECTURE.md, as a test. A folder may import itself and the folders listed.
const mayImport: Readonly<Record<string, readonly string[]>> = {
  otlp: [],
  telemetry: [],
  yaml: [],
  config: ['telemetry', 'yaml'],
  pipeline: ['otlp', 'telemetry'],
  record: ['telemetry'],
  receiver: ['otlp', 'pipeline', 'telemetry'],
  redaction: ['otlp', 'pipeline', 'telemetry', 'yaml'],
  spool: ['otlp', 'pipeline', 'telemetry'],
  forward: ['otlp', 'pipeline', 'telemetry'],
  evidence: ['otlp', 'pipeline', 'record', 'telemetry', 'yaml'],
  store: ['otlp', 'pipeline', 'record', 'telemetry'],
  api: ['record', 'telemetry'],
  ui: ['api', 'record'],
  // `docket verify` checks bundles without a service.
  cli: ['config', 'api', 'record'],
  demo: ['api'],
  proof: ['cli', 'otlp'],
};

// Vendor packages stay behind the folders that own them.
const vendorHome: Readonly<Record<string, readonly string[]>> = {
  '@grpc/grpc-js': ['receiver', 'forward'],
  '@clickhouse/client': ['store'],
  chdb: ['store'],
  hono: ['receiver', 'api', 'ui'],
};

const src = join(import.meta.dirname, '..', 'src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && file.includes('/'))
  .sort();

interface Import {
  readonly specifier: string;
  readonly names: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(
    /(?:import|export)\s+([^'"]*?)\s*from\s*['"]([^'"]+)['"]|import\s*\(?\s*['"]([^'"]+)['"]/g,
  )) {
    found.push({ specifier: match[2] ?? match[3] ?? '', names: match[1] ?? '' });
  }
  return found;
}

test.each(files)('%s imports only what its folder may import', (file) => {
  const folder = file.split('/')[0] ?? '';
  const allowed = mayImport[folder];
  expect(allowed, `src/${folder} is not in the import table`).toBeDefined();
  for (const { specifier } of importsOf(file)) {
    if (specifier.startsWith('.')) {
      const target = relative(src, resolve(src, dirname(file), specifier)).split('/')[0] ?? '';
      // Tests may reach for another stage's real parts; production code may not.
      if (!/\.test\.tsx?$/.test(file)) {
        expect([folder, ...(allowed ?? [])], `${file} imports ${specifier}`).toContain(target);
      }
      continue;
    }
    for (const [vendor, homes] of Object.entries(vendorHome)) {
      if (specifier === vendor || specifier.startsWith(`${vendor}/`)) {
        expect([...homes, ...(/\.test\.tsx?$/.test(file) ? [folder] : [])], `${file} imports ${specifier}`).toContain(
          folder,
        );
      }
    }
  }
});

test.each(files)('%s marks nothing as redacted unless it is redaction or spool', (file) => {
  const folder = file.split('/')[0] ?? '';
  const marks = importsOf(file).some(
    (each) => each.specifier.endsWith('pipeline/redacted.ts') && each.names.includes('markRedacted'),
  );
  if (marks && !/\.test\.tsx?$/.test(file)) expect(['redaction', 'spool']).toContain(folder);
});

test('no file is a barrel or a drawer', () => {
  const drawers = files.filter((file) => /(^|\/)(utils?|helpers?|common|shared|types|index)\.tsx?$/.test(file));
  expect(drawers).toEqual([]);
  const stars = files.filter((file) => /export \* from/.test(readFileSync(join(src, file), 'utf8')));
  expect(stars).toEqual([]);
});

test('only main.ts ends the process', () => {
  const exits = files.filter(
    (file) => !/\.test\.tsx?$/.test(file) && /process\.exit\(/.test(readFileSync(join(src, file), 'utf8')),
  );
  expect(exits).toEqual([]);
});
