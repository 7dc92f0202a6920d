/**
 * How much leaks through the redactor, measured on a corpus of secrets, personal data, harmless look-alikes and the carriers they
 * travel in: `node --import tsx bench/redaction-corpus.bench.ts [--json FILE]`. The corpus lies beside the repository where the project
 * is developed; without it there is nothing to measure and the bench says so. Prints recall by tier, false positives, and for each
 * preset the carriers that leak or lose what should stay.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transcodeJson } from '../src/otlp/json/transcode.ts';
import { messageSchema, requestSchema, type MessageName } from '../src/otlp/protobuf/schema.ts';
import { WireReader } from '../src/otlp/protobuf/reader.ts';
import { WireWriter } from '../src/otlp/protobuf/writer.ts';
import type { Signal } from '../src/otlp/signal.ts';
import { createScanner } from '../src/redaction/detectors/scanner.ts';
import { defaultPolicy } from '../src/redaction/policy-file.ts';
import type { PresetName } from '../src/redaction/policy.ts';
import { createRedactor } from '../src/redaction/redactor.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';

const folder = join(import.meta.dirname, '..', '..', 'shared', 'data', 'redaction');
if (!existsSync(folder)) {
  console.log(`skipped: no corpus at ${folder}`);
  process.exit(0);
}

interface Row {
  readonly category: string;
  readonly kind: string;
  readonly label: string;
  readonly tier: string | null;
  readonly severity?: string;
  readonly text: string;
  readonly spans: readonly (readonly [number, number])[];
}

interface Carrier {
  readonly id: string;
  readonly carrier: string;
  readonly format: string;
  readonly difficulty: number;
  readonly category: string;
  readonly tier: string | null;
  readonly payload: unknown;
  readonly must_not_survive: readonly string[];
  readonly encoded_forms: readonly string[];
  readonly must_survive: readonly string[];
}

function lines<T>(file: string): T[] {
  return readFileSync(join(folder, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

const share = (part: number, whole: number): string => (whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`);

// ---- single texts: does every marked span get covered?

const scanner = createScanner();
const counts = new Map<string, { n: number; hit: number }>();
function add(name: string, hit: boolean): void {
  const count = counts.get(name) ?? { n: 0, hit: 0 };
  counts.set(name, count);
  count.n += 1;
  if (hit) count.hit += 1;
}
for (const row of lines<Row>('dev.jsonl')) {
  const { findings } = scanner.scan(row.text, { key: '' });
  if (row.label === 'negative') {
    add(`false positives, ${row.severity ?? ''}`, findings.length > 0);
    continue;
  }
  const covered = new Uint8Array(row.text.length);
  for (const { start, end } of findings) covered.fill(1, start, end);
  const found = row.spans.every(([start, end]) => {
    let sum = 0;
    for (let at = start; at < end; at += 1) sum += covered[at] ?? 0;
    return sum >= (end - start) * 0.9;
  });
  add(`${row.category}, ${row.tier ?? 'any'}`, found);
  if (row.category === 'pii' && row.kind.startsWith('natid')) add('pii, national ids', found);
}

// ---- carriers: what can be read back from the redacted request?

type Json = { [key: string]: unknown };

/** A message as the object OTLP/JSON would show, so that a reader of stored telemetry is imitated. */
function toObject(name: MessageName, bytes: Buffer): Json {
  const schema = messageSchema(name);
  const object: Json = {};
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const field = schema.byNumber.get(tag >>> 3);
    if (field === undefined || (tag & 7) !== 2) {
      reader.skip(tag);
      continue;
    }
    const view = reader.view();
    let value: unknown;
    if (field.kind === 'message' && field.message !== undefined) value = toObject(field.message, view);
    else if (field.kind === 'string') value = view.toString('utf8');
    else if (field.kind === 'base64') value = view.toString('base64');
    else if (field.kind === 'traceId' || field.kind === 'spanId') value = view.toString('hex');
    else continue;
    if (field.repeated) ((object[field.name] ??= []) as unknown[]).push(value);
    else object[field.name] = value;
  }
  return object;
}

const INVISIBLE = /\u00ad|[\u200b-\u200f\u202a-\u202e]|\u2060|\ufeff/g;

/** Every text that a reader could make of a value by undoing encodings, looking at keys and joining neighbours. */
function views(value: unknown, depth = 0, found = new Set<string>()): Set<string> {
  if (depth > 6 || found.size > 5000) return found;
  if (typeof value === 'string') {
    if (found.has(value)) return found;
    found.add(value);
    const visible = value.normalize('NFKC').replaceAll(INVISIBLE, '');
    if (visible !== value) views(visible, depth + 1, found);
    if (/%[0-9a-f]{2}/i.test(value)) {
      try {
        views(decodeURIComponent(value.replaceAll('+', ' ')), depth + 1, found);
      } catch {
        // Cut in the middle of an escape.
      }
      views(
        value.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => fromHex(hex)),
        depth + 1,
        found,
      );
    }
    if (/\\u[0-9a-f]{4}/i.test(value)) {
      views(
        value.replaceAll(/\\u([0-9a-f]{4})/gi, (_, hex: string) => fromHex(hex)),
        depth + 1,
        found,
      );
    }
    if (/^\s*[[{"]/.test(value)) {
      try {
        views(JSON.parse(value), depth + 1, found);
      } catch {
        // Not JSON after all.
      }
    }
    for (const [run] of value.matchAll(/[A-Za-z0-9+/_-]{12,}={0,2}/g)) {
      const text = Buffer.from(run, 'base64').toString('utf8');
      if (/^[\t\n\r\u0020-\u007e\u00a0-\ufffc]+$/.test(text)) views(text, depth + 1, found);
    }
    for (const [run] of value.matchAll(/\b(?:[0-9a-f]{2}){8,}\b/gi)) {
      const text = Buffer.from(run, 'hex').toString('utf8');
      if (/^[\u0020-\u007e]+$/.test(text)) views(text, depth + 1, found);
    }
  } else if (Array.isArray(value)) {
    const joined = value.map(joinedText).join('');
    for (const item of value as unknown[]) views(item, depth, found);
    if (joined !== '') found.add(joined);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      views(key, depth, found);
      views(member, depth, found);
    }
  }
  return found;
}

function fromHex(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function joinedText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .filter(([key, member]) => key === 'stringValue' || /content|delta|text/.test(key) || typeof member === 'object')
    .map(([, member]) => joinedText(member))
    .join('');
}

/** A carrier that is a text travels as a tool's result. */
function textRequest(text: string): Buffer {
  const writer = new WireWriter();
  const resource = writer.begin(1);
  const scope = writer.begin(2);
  const span = writer.begin(2);
  const pair = writer.begin(9);
  writer.stringField(1, 'gen_ai.tool.call.result');
  const value = writer.begin(2);
  writer.stringField(1, text);
  for (const mark of [value, pair, span, scope, resource]) writer.end(mark);
  return writer.finish();
}

const carriers = lines<Carrier>('carriers-dev.jsonl');
const presets: readonly PresetName[] = ['open', 'balanced', 'strict'];
const results: Record<string, unknown> = {};
const table: string[] = [];
const verbose = process.argv.includes('--list');
for (const preset of presets) {
  const redactor = createRedactor({
    policy: defaultPolicy(preset),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'bench',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  const easy = { n: 0, leaks: 0 };
  const hard = { n: 0, leaks: 0 };
  const over = { n: 0, lost: 0 };
  const byCarrier = new Map<string, { n: number; leaks: number; lost: number }>();
  for (const carrier of carriers) {
    const signal: Signal =
      carrier.format === 'otlp-logs' ? 'logs' : carrier.format === 'otlp-metrics' ? 'metrics' : 'traces';
    const isText = carrier.format === 'text';
    const bytes = isText
      ? textRequest(carrier.payload as string)
      : Buffer.from(transcodeJson(signal, Buffer.from(JSON.stringify(carrier.payload))).bytes);
    const frame = redactor.redact({ tenant: 'default', signal, bytes, items: 1, receivedAtUnixNano: 1n });
    const seen = [...views(toObject(requestSchema(signal).name, Buffer.from(frame.bytes)))];
    const has = (text: string): boolean => seen.some((view) => view.includes(text));
    const count = byCarrier.get(carrier.carrier) ?? { n: 0, leaks: 0, lost: 0 };
    byCarrier.set(carrier.carrier, count);
    count.n += 1;
    if (carrier.must_not_survive.length > 0 && carrier.tier !== 'ner') {
      const group = carrier.difficulty >= 3 ? hard : easy;
      group.n += 1;
      const leaked =
        carrier.must_not_survive.some(has) || carrier.encoded_forms.some((form) => form !== '__concat__' && has(form));
      if (leaked) {
        group.leaks += 1;
        count.leaks += 1;
        if (verbose && preset !== 'balanced') console.log(preset, 'LEAK', carrier.id, carrier.carrier, carrier.tier);
      }
    }
    over.n += 1;
    if (!carrier.must_survive.every(has)) {
      over.lost += 1;
      count.lost += 1;
      if (verbose && preset === 'open') console.log(preset, 'LOST', carrier.id, carrier.carrier);
    }
  }
  results[preset] = { easy, hard, over };
  table.push(
    `| ${preset} | ${easy.leaks} of ${easy.n} (${share(easy.leaks, easy.n)}) | ${hard.leaks} of ${hard.n} (${share(hard.leaks, hard.n)}) | ${over.lost} of ${over.n} (${share(over.lost, over.n)}) |`,
  );
  if (preset === 'open') {
    for (const [name, { n, leaks, lost }] of [...byCarrier].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (leaks + lost > 0) console.log(`  ${name.padEnd(28)} ${n} carriers, ${leaks} leaks, ${lost} over-redacted`);
    }
  }
}
console.log('\n| single texts | rows | found |\n|---|---|---|');
for (const [name, { n, hit }] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(`| ${name} | ${n} | ${share(hit, n)} |`);
  results[name] = { n, hit };
}
console.log('\n| preset | leaks at difficulty 1-2 | leaks at 3 | lost what should stay |\n|---|---|---|---|');
for (const row of table) console.log(row);
const file = process.argv[process.argv.indexOf('--json') + 1];
if (process.argv.includes('--json') && file !== undefined) {
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}
