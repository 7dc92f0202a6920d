import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { requestSchema, messageSchema, type MessageName } from '../../src/otlp/protobuf/schema.ts';
import { WireWriter } from '../../src/otlp/protobuf/writer.ts';
import type { Signal } from '../../src/otlp/signal.ts';
import { defaultPolicy } from '../../src/redaction/policy-file.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

// Telemetry recorded from real SDKs and agents lies beside the repository where the project is developed.
const data = join(import.meta.dirname, '..', '..', '..', 'shared', 'data');
const present = existsSync(data);
if (!present) console.log(`skipped: no recorded telemetry at ${data}`);

type Json = Record<string, unknown>;

/** Writes an OTLP/JSON object by the schema; what it does not know it leaves out. */
function write(writer: WireWriter, name: MessageName, object: Json): void {
  for (const field of messageSchema(name).fields) {
    const value = object[field.name];
    if (value === undefined || value === null) continue;
    // Some recordings write 64-bit numbers as {low, high}: times do not matter here.
    if (field.kind !== 'message' && !field.repeated && typeof value === 'object') continue;
    for (const each of field.repeated ? (value as unknown[]) : [value]) {
      if (field.kind === 'message' && field.message !== undefined) {
        const mark = writer.begin(field.number);
        write(writer, field.message, each as Json);
        writer.end(mark);
      } else if (field.kind === 'string') {
        writer.stringField(field.number, String(each));
      } else if (field.kind === 'traceId' || field.kind === 'spanId') {
        writer.bytesField(field.number, Buffer.from(String(each), 'hex'));
      } else if (field.kind === 'base64') {
        writer.bytesField(field.number, Buffer.from(String(each), 'base64'));
      } else if (field.kind === 'fixed64') {
        writer.fixed64Field(field.number, BigInt(each as string));
      } else if (field.kind === 'int64') {
        writer.varintField(field.number, BigInt(each as string));
      }
    }
  }
}

function requests(folder: string): { readonly file: string; readonly signal: Signal; readonly bytes: Buffer }[] {
  const found = [];
  for (const entry of readdirSync(join(data, folder), { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.json')) continue;
    const text = readFileSync(join(data, folder, entry), 'utf8');
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      continue;
    }
    for (const each of Array.isArray(parsed) ? (parsed as Json[]) : [parsed as Json]) {
      const signal: Signal | undefined =
        'resourceSpans' in each ? 'traces' : 'resourceLogs' in each ? 'logs' : undefined;
      if (signal === undefined) continue;
      const writer = new WireWriter(1 << 16);
      write(writer, requestSchema(signal).name, each);
      found.push({ file: `${folder}/${entry}`, signal, bytes: writer.finish() });
    }
  }
  return found;
}

const redactor = createRedactor({
  policy: defaultPolicy(),
  fingerprintKey: Buffer.alloc(32, 3),
  fingerprintKeyId: 'k1',
  meter: createMetrics().meter,
  logger: createLogger('silent'),
});

const redacted = (signal: Signal, bytes: Buffer) =>
  redactor.redact({ tenant: 'default', signal, bytes, items: 1, receivedAtUnixNano: 1n });

test.skipIf(!present)('no planted secret and no prompt survives in telemetry recorded from SDKs', () => {
  const leaks: string[] = [];
  for (const folder of ['emitted', 'genai']) {
    for (const { file, signal, bytes } of requests(folder)) {
      const frame = redacted(signal, bytes);
      const out = Buffer.from(frame.bytes).toString();
      const receipts = JSON.stringify([frame.receipts, frame.facts]);
      for (const secret of ['sk-SECRET', 'why is checkout slow', 'You are an SRE agent', 'a@b.com']) {
        if (out.includes(secret)) leaks.push(`${file}: ${secret}`);
        if (receipts.includes(secret)) leaks.push(`${file}: ${secret} in receipts`);
      }
    }
  }
  expect(leaks).toEqual([]);
});

test.skipIf(!present)('a second pass over recorded telemetry changes nothing', () => {
  const changed: string[] = [];
  for (const { file, signal, bytes } of [...requests('emitted'), ...requests('genai')]) {
    const once = Buffer.from(redacted(signal, bytes).bytes);
    const again = Buffer.from(redacted(signal, once).bytes);
    if (!again.equals(once)) changed.push(file);
  }
  expect(changed).toEqual([]);
});

test.skipIf(!present)('strings known to be sensitive do not survive in recorded incidents', () => {
  const leaks: string[] = [];
  for (const incident of readdirSync(join(data, 'incidents'))) {
    const sensitive = join(data, 'incidents', incident, 'sensitive.json');
    if (!existsSync(sensitive)) continue;
    const known = JSON.parse(readFileSync(sensitive, 'utf8')) as Record<string, { readonly value: string }[]>;
    const values = Object.entries(known).flatMap(([kind, list]) => list.map(({ value }) => ({ kind, value })));
    for (const { file, signal, bytes } of requests(`incidents/${incident}`)) {
      const out = Buffer.from(redacted(signal, bytes).bytes).toString();
      for (const { kind, value } of values) if (out.includes(value)) leaks.push(`${file}: ${kind}`);
    }
  }
  expect(leaks).toEqual([]);
});
