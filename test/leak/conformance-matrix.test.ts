import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { messageSchema, requestSchema, type MessageName } from '../../src/otlp/protobuf/schema.ts';
import { WireWriter } from '../../src/otlp/protobuf/writer.ts';
import type { Signal } from '../../src/otlp/signal.ts';
import { defaultPolicy } from '../../src/redaction/policy-file.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const SECRET = 'ghp_Zx81LqPw0aTnR5vYc2Kd7mJbUe3HsG9fQ4oI';

const SPAN = 'resourceSpans.scopeSpans.spans';
const LOG = 'resourceLogs.scopeLogs.logRecords';
const METRIC = 'resourceMetrics.scopeMetrics.metrics';
/** A path of field names from the request to a text; the last one holds it. */
const POSITIONS: readonly (readonly [string, Signal, string])[] = [
  ['resource attribute', 'traces', 'resourceSpans.resource.attributes.value.stringValue'],
  ['scope name', 'traces', 'resourceSpans.scopeSpans.scope.name'],
  ['scope attribute', 'traces', 'resourceSpans.scopeSpans.scope.attributes.value.stringValue'],
  ['schema URL', 'traces', 'resourceSpans.schemaUrl'],
  ['span name', 'traces', `${SPAN}.name`],
  ['trace state', 'traces', `${SPAN}.traceState`],
  ['span status', 'traces', `${SPAN}.status.message`],
  ['attribute value', 'traces', `${SPAN}.attributes.value.stringValue`],
  ['attribute key', 'traces', `${SPAN}.attributes.key`],
  ['item of an array', 'traces', `${SPAN}.attributes.value.arrayValue.values.stringValue`],
  ['member of a map', 'traces', `${SPAN}.attributes.value.kvlistValue.values.value.stringValue`],
  ['bytes', 'traces', `${SPAN}.attributes.value.bytesValue`],
  ['event name', 'traces', `${SPAN}.events.name`],
  ['event attribute', 'traces', `${SPAN}.events.attributes.value.stringValue`],
  ['link attribute', 'traces', `${SPAN}.links.attributes.value.stringValue`],
  ['log body', 'logs', `${LOG}.body.stringValue`],
  ['log body, map', 'logs', `${LOG}.body.kvlistValue.values.value.stringValue`],
  ['log body, bytes', 'logs', `${LOG}.body.bytesValue`],
  ['severity text', 'logs', `${LOG}.severityText`],
  ['log event name', 'logs', `${LOG}.eventName`],
  ['log attribute', 'logs', `${LOG}.attributes.value.stringValue`],
  ['metric name', 'metrics', `${METRIC}.name`],
  ['metric description', 'metrics', `${METRIC}.description`],
  ['metric unit', 'metrics', `${METRIC}.unit`],
  ['metric metadata', 'metrics', `${METRIC}.metadata.value.stringValue`],
  ['data point attribute', 'metrics', `${METRIC}.gauge.dataPoints.attributes.value.stringValue`],
  ['exemplar attribute', 'metrics', `${METRIC}.sum.dataPoints.exemplars.filteredAttributes.value.stringValue`],
];

const escapeAll = (text: string, write: (code: number) => string): string =>
  Array.from(text, (character) => write(character.charCodeAt(0))).join('');
const ENCODINGS: readonly (readonly [string, (text: string) => string])[] = [
  ['plain', (text) => `use ${text} now`],
  ['JSON', (text) => JSON.stringify({ note: `use ${text} now` })],
  ['JSON in JSON in JSON', (text) => JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ c: text }) }) })],
  ['cut JSON', (text) => `{"note":"use ${text}", "rest":"cut o`],
  ['base64', (text) => Buffer.from(`use ${text} now`).toString('base64')],
  ['base64 URL', (text) => Buffer.from(`now use ${text}`).toString('base64url')],
  ['hex', (text) => Buffer.from(`use ${text} now`).toString('hex')],
  ['percent', (text) => escapeAll(text, (code) => `%${code.toString(16).padStart(2, '0')}`)],
  ['\\u', (text) => escapeAll(text, (code) => `\\u${code.toString(16).padStart(4, '0')}`)],
  ['HTML', (text) => escapeAll(text, (code) => `&#${code};`)],
  ['zero width', (text) => `${text.slice(0, 9)}\u200b${text.slice(9)}`],
  ['ANSI', (text) => `${text.slice(0, 9)}\u001b[31m${text.slice(9)}`],
  ['full width', (text) => escapeAll(text, (code) => String.fromCharCode(code + 0xfee0))],
];

function write(writer: WireWriter, name: MessageName, path: readonly string[], text: string): void {
  const [first, ...rest] = path;
  const field = messageSchema(name).fields.find((each) => each.name === first);
  if (field === undefined) throw new Error(`${name} has no field ${first}`);
  if (field.kind !== 'message' || field.message === undefined) {
    writer.bytesField(field.number, Buffer.from(text));
    return;
  }
  const mark = writer.begin(field.number);
  write(writer, field.message, rest, text);
  writer.end(mark);
}

test('the matrix of positions and encodings in the specification is what the redactor does', async () => {
  const redactor = createRedactor({
    policy: defaultPolicy('open'),
    fingerprintKey: Buffer.alloc(32, 3),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  const rows = POSITIONS.map(([position, signal, path]) => {
    const cells = ENCODINGS.map(([, encode]) => {
      const text = encode(SECRET);
      const writer = new WireWriter();
      write(writer, requestSchema(signal).name, path.split('.'), text);
      const frame = redactor.redact({
        tenant: 'default',
        signal,
        bytes: writer.finish(),
        items: 1,
        receivedAtUnixNano: 1n,
      });
      const out = Buffer.from(frame.bytes);
      const kept = out.includes(SECRET) || out.includes(text) || frame.receipts.length === 0;
      return kept ? '**leaks**' : 'found';
    });
    return `| ${position} | ${cells.join(' | ')} |`;
  });
  const table = [
    `| position | ${ENCODINGS.map(([name]) => name).join(' | ')} |`,
    `|---${'|---'.repeat(ENCODINGS.length)}|`,
    ...rows,
  ].join('\n');
  const file = join(import.meta.dirname, '..', '..', 'docs', 'spec', 'redaction.md');
  const document = readFileSync(file, 'utf8');
  expect(document).toContain('<!-- matrix:start -->');
  // `vitest run <this file> --update=all` writes the document anew.
  await expect(
    document.replace(
      /<!-- matrix:start -->[^]*<!-- matrix:end -->/,
      () => `<!-- matrix:start -->\n${table}\n<!-- matrix:end -->`,
    ),
  ).toMatchFileSnapshot(file);
  expect(table).not.toContain('leaks');
});
