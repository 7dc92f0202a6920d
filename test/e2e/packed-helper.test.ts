import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** Docket as a dependency of somebody else's project: packed by npm, with nothing of this repository around it. */
const root = join(import.meta.dirname, '..', '..');
let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'docket-outside-'));
  const packed = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
      cwd: root,
      encoding: 'utf8',
    }),
  ) as { filename: string }[];
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, 'docket'), { recursive: true });
  execFileSync('tar', [
    'xzf',
    join(project, packed[0]?.filename ?? ''),
    '--strip-components=1',
    '-C',
    join(modules, 'docket'),
  ]);
  // What npm would install beside it; the helper needs no more.
  symlinkSync(join(root, 'node_modules', '@opentelemetry'), join(modules, '@opentelemetry'));
  writeFileSync(join(project, 'package.json'), '{"type": "module"}');
}, 120_000);

afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

test('the helper that a packed Docket exports has types and runs', () => {
  const program = `import { context, propagation, type Attributes } from '@opentelemetry/api';
import { createIncidentSpanProcessor, incidentAttributes, withIncident, INCIDENT_ID } from 'docket';

const attributes: Attributes = incidentAttributes('INC-1');
const set: string[] = [];
const span = { setAttribute: (key: string, value: string) => set.push(key + '=' + value) };
createIncidentSpanProcessor('INC-2').onStart(span, context.active());
createIncidentSpanProcessor().onStart(span, withIncident(context.active(), 'INC-3'));
const baggage = propagation.getBaggage(withIncident(context.active(), 'INC-4'))?.getEntry(INCIDENT_ID)?.value;
console.log(JSON.stringify([attributes, set, baggage]));
`;
  writeFileSync(join(project, 'agent.ts'), program);
  const options = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--types', '', '--lib', 'es2023,dom'];
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), 'agent.ts', ...options], {
    cwd: project,
    stdio: 'inherit',
  });
  const printed = execFileSync(process.execPath, ['agent.js'], { cwd: project, encoding: 'utf8' });
  expect(JSON.parse(printed)).toEqual([
    { 'incident.id': 'INC-1' },
    ['incident.id=INC-2', 'incident.id=INC-3'],
    'INC-4',
  ]);
});

test('a packed Docket has what its command needs, and no sources, tests or data', () => {
  const folder = join(project, 'node_modules', 'docket');
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  for (const needed of [
    'bin/docket.cjs',
    'dist/main.js',
    'dist/index.d.ts',
    'dist/store/sql/001-otel_traces.sql',
    'LICENSE',
  ]) {
    expect(names).toContain(needed);
  }
  expect(names.filter((name) => !/^(?:bin|dist)\/|^(?:package\.json|README\.md|LICENSE)$/.test(name))).toEqual([]);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { bin: { docket: string } };
  expect(names).toContain(bin.docket.replace('./', ''));
});
