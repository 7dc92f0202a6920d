import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { transcodeJson } from '../../src/otlp/json/transcode.ts';
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts';
import { CARRIERS, createCanaries, findCanaries, needlesOf, neighbourOf } from '../../src/proof/canary.ts';
import { positionsOf, type Position } from '../../src/proof/position.ts';
import { defaultPolicy } from '../../src/redaction/policy-file.ts';
import { createRedactor, type Redactor } from '../../src/redaction/redactor.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

// Every place of the protobuf schema that can hold text, by every carrier of `docket policy test`, through the redactor.

const redactor: Redactor = createRedactor({
  policy: defaultPolicy('open'),
  fingerprintKey: Buffer.alloc(32, 3),
  fingerprintKeyId: 'k1',
  meter: createMetrics().meter,
  logger: createLogger('silent'),
});
const canaries = createCanaries();
const needles = needlesOf(canaries);
const document = join(import.meta.dirname, '..', '..', 'docs', 'spec', 'redaction.md');

type Cell = 'found' | '**leaks**';

/** What is left of the request after redaction holds no form of the canary, and a receipt says what was done. */
function cellOf(signal: Signal, bytes: Uint8Array): Cell {
  const frame = redactor.redact({ tenant: 'default', signal, bytes, items: 1, receivedAtUnixNano: 1n });
  const leaks = findCanaries(Buffer.from(frame.bytes), canaries, needles);
  return leaks.length === 0 && frame.receipts.length > 0 ? 'found' : '**leaks**';
}

let made = 0;

function cellsOf(position: Position): readonly Cell[] {
  return CARRIERS.map((carrier) => {
    made += 1;
    const secret = carrier.kind === 'token' ? canaries.token(made) : canaries.email(made);
    const text = carrier.carry(secret, neighbourOf(made));
    const bytes = position.build(text, { cell: made, incident: 'INC-1', toolCall: false });
    // The search sees this carrier in this place when nothing is taken out.
    expect(findCanaries(bytes, canaries, needles), `${position.name}, ${carrier.name}`).not.toEqual([]);
    return cellOf(position.signal, bytes);
  });
}

/** Positions by what the specification calls them: the same message is walked by the same code wherever it stands. */
function nameOf({ signal, name, unknownField }: Position): string {
  if (unknownField) return 'field the schema does not know';
  const shared = /^(?:\w+\.)?(Resource|InstrumentationScope)\b/.test(name);
  const place = name
    .replace(/^(?:Export\w+|ResourceSpans|ResourceLogs|ResourceMetrics)\./, '')
    .replace(/^Metric\.(?:gauge|sum|histogram|exponentialHistogram|summary)\./, 'data point.')
    .replace(/(attributes|metadata)\.key\b.*/i, '$1, key')
    .replace(/(attributes|metadata)\.value\b.*/i, '$1, value at any depth')
    .replace(/body\b.*/, 'body at any depth');
  return shared || place.startsWith('data point') ? place : `${signal}: ${place}`;
}

/** Texts that come in pieces, and pairs over several places: each is one request. */
const PIECES: readonly (readonly [string, Signal, (secret: string) => unknown])[] = [
  ['items of a list, parted', 'traces', (secret) => span([list('args', [secret.slice(0, 20), secret.slice(20)])])],
  ['flag and value in a list', 'traces', (secret) => span([list('args', ['run', '--password', secret])])],
  ['JSON list, parted', 'traces', (secret) => span([text('args', JSON.stringify(['--token', secret]))])],
  [
    'deltas over events',
    'traces',
    (secret) =>
      span(
        [],
        pieces(secret).map((piece) => ({ name: 'gen_ai.choice.delta', attributes: [text('content', piece)] })),
      ),
  ],
  [
    'deltas over log records',
    'logs',
    (secret) => ({
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: pieces(secret).map((piece) => ({
                eventName: 'gen_ai.choice.delta',
                body: { stringValue: piece },
              })),
            },
          ],
        },
      ],
    }),
  ],
  ['the same key twice', 'traces', (secret) => span([text('note', 'nothing'), text('note', `is ${secret}`)])],
  [
    'name and value in a map',
    'traces',
    (secret) =>
      span([{ key: 'env', value: { kvlistValue: { values: [text('name', 'DEPLOY_TOKEN'), text('value', secret)] } } }]),
  ],
];

const text = (key: string, value: string): object => ({ key, value: { stringValue: value } });
const list = (key: string, items: readonly string[]): object => ({
  key,
  value: { arrayValue: { values: items.map((stringValue) => ({ stringValue })) } },
});
const pieces = (secret: string): readonly string[] => ['use ', ...(secret.match(/.{1,7}/g) ?? []), ' now'];

function span(attributes: readonly object[], events: readonly object[] = []): unknown {
  return { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'work', attributes, events }] }] }] };
}

test('the matrix of positions and carriers in the specification is what the redactor does', async () => {
  const rows = new Map<string, Cell[]>();
  for (const position of SIGNALS.flatMap(positionsOf)) {
    const cells = cellsOf(position);
    const before = rows.get(nameOf(position));
    rows.set(
      nameOf(position),
      before?.map((cell, index) => (cell === 'found' ? (cells[index] ?? cell) : cell)) ?? [...cells],
    );
  }
  const letters = CARRIERS.map((_, index) => String.fromCharCode('a'.charCodeAt(0) + index));
  const matrix = [
    CARRIERS.map(({ name }, index) => `${letters[index] ?? ''} ${name}`).join(' · '),
    '',
    `| position | ${letters.join(' | ')} |`,
    `|---${'|---'.repeat(letters.length)}|`,
    ...[...rows].map(
      ([name, cells]) => `| ${name} | ${cells.map((cell) => (cell === 'found' ? '✓' : cell)).join(' | ')} |`,
    ),
    '',
    '| in pieces | |',
    '|---|---|',
    ...PIECES.map(([name, signal, request]) => {
      made += 1;
      const { bytes } = transcodeJson(signal, Buffer.from(JSON.stringify(request(canaries.token(made)))));
      const cell = cellOf(signal, bytes);
      return `| ${name} | ${cell === 'found' ? '✓' : cell} |`;
    }),
  ].join('\n');
  const before = readFileSync(document, 'utf8');
  expect(before).toContain('<!-- matrix:start -->');
  // `vitest run <this file> --update=all` writes the document anew.
  await expect(
    before.replace(
      /<!-- matrix:start -->[^]*<!-- matrix:end -->/,
      () => `<!-- matrix:start -->\n${matrix}\n<!-- matrix:end -->`,
    ),
  ).toMatchFileSnapshot(document);
  process.stdout.write(`${made} canaries\n`);
  expect(matrix).not.toContain('leaks');
});
