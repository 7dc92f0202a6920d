/**
 * How fast do the text detectors read chat and tool JSON, and what does the worst input of 64 KB cost?
 * `node --import tsx bench/detectors.bench.ts [--json FILE]` prints throughput, latency per document, the prefilter's speed and the
 * slowest hostile inputs. All input is made here, the same every time.
 */
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import { createScanner } from '../src/redaction/detectors/scanner.ts';

const words =
  'the checkout service is failing with timeout errors after the deploy please look at latency and restart the pod shard queue message consumer lag database connection pool exhausted error rate increased since rollback node memory pressure'.split(
    ' ',
  );
const commands = [
  'kubectl get pods -n checkout -o json',
  'curl -sS https://api.internal.example/v1/orders/7781?limit=20',
  "SELECT id, status FROM orders WHERE created_at > now() - interval '1 hour'",
];

let state = 1;
function below(limit: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return state % limit;
}

function conversation(): string {
  const messages = [];
  for (let m = 4 + below(6); m > 0; m--) {
    let content = '';
    for (let w = 60 + below(80); w > 0; w--) content += `${words[below(words.length)] ?? ''} `;
    messages.push({
      role: ['user', 'assistant', 'tool'][below(3)],
      parts: [
        { type: 'text', content },
        {
          type: 'tool_call',
          id: `call_${below(1e9).toString(36)}${below(1e9).toString(36)}`,
          name: 'shell',
          arguments: {
            command: commands[below(3)],
            timeout_ms: below(30_000),
            pod: `checkout-7d9f8b6c5d-${below(99_999).toString(36)}`,
          },
        },
      ],
    });
  }
  return JSON.stringify(messages);
}

const hostileSize = 65_536;
const repeated = (unit: string): string => unit.repeat(Math.ceil(hostileSize / unit.length)).slice(0, hostileSize);

function nestedBase64(): string {
  let text = 'hello secret world password=abc123xyz456 '.repeat(20);
  while (text.length < hostileSize * 0.7) text = Buffer.from(text).toString('base64');
  return text.slice(0, hostileSize);
}

const hostile: Readonly<Record<string, string>> = {
  vendors: repeated('sumo okta meraki '),
  keys: repeated('key='),
  tokens: repeated('token '),
  passwords: repeated('password:'),
  digits: repeated('4'),
  'digit groups': repeated('4111 '),
  dots: repeated('1.1.'),
  'base64 of text': repeated('QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo'),
  'nested base64': nestedBase64(),
  'unicode escapes': repeated('\\u0041'),
  'percent escapes': repeated('%2541'),
  'e-mail': repeated('a.b@c.d '),
  colons: repeated(':a'),
  'key markers': repeated('-----BEGIN PRIVATE KEY-----'),
  'token heads': repeated('eyJhbGciOiJIUzI1NiJ9.'),
  'url users': repeated('://a:b@'),
  'vendor and token': repeated('openai key a1b2c3d4e5f6g7h8 '),
  phones: repeated('+1 415 555 '),
  accounts: repeated('DE89 3704 '),
  'open quotes': repeated('secret="'),
  'percent bytes': repeated('%41'),
  'percent of UTF-8': repeated('%E2%82%AC'),
  'HTML entities': repeated('&#65;'),
  'invisible characters': repeated('a1\u200bb'),
  'environment keys': repeated('a_live_'),
  'bucket addresses': repeated('a.s3.amazonaws.com'),
  'licence keys': repeated('aaaaaa_mmk'),
  'authorization headers': repeated('authorization: a '),
  'curl users': repeated('-u a:b '),
  'curl users without end': repeated('--user aaaaaaaaaaaa'),
  'web tokens in base64': repeated('ZXlKhbGciOi'),
  'labelled values': repeated('token=a.b='),
  'names after names': repeated('token="secret":'),
  'quoted names': repeated('{"token":"'),
  slashes: repeated('/api/v1/'),
};

const documents: string[] = [];
let total = 0;
while (total < 10e6) {
  const text = conversation();
  documents.push(text);
  total += text.length;
}
const scanner = createScanner();
const rounds = [];
for (let round = 0; round < 4; round++) {
  const times: number[] = [];
  let outOfBudget = 0;
  const started = performance.now();
  const usage = process.cpuUsage();
  for (const text of documents) {
    const before = performance.now();
    if (scanner.scan(text, { key: '' }).status !== 'ok') outOfBudget++;
    times.push(performance.now() - before);
  }
  const seconds = (performance.now() - started) / 1e3;
  const used = process.cpuUsage(usage);
  times.sort((a, b) => a - b);
  rounds.push({
    megabytesPerSecond: total / 1e6 / seconds,
    megabytesPerCpuSecond: total / (used.user + used.system),
    p50Ms: times[times.length >> 1] ?? 0,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    outOfBudget,
  });
}
const quiet = 'GET /orders checkout production ok http server request route '.repeat(1000);
const before = process.cpuUsage();
let cleared = 0;
for (let i = 0; i < 200; i++) if (scanner.surveyJson(quiet)?.length === 0) cleared++;
const prefilterUsage = process.cpuUsage(before);
const prefilterMegabytesPerSecond = (quiet.length * 200) / (prefilterUsage.user + prefilterUsage.system);

const worst = Object.entries(hostile)
  .map(([name, text]) => {
    scanner.scan(text, { key: '' });
    const start = process.cpuUsage();
    const { status } = scanner.scan(text, { key: '' });
    const used = process.cpuUsage(start);
    return { name, ms: (used.user + used.system) / 1e3, status };
  })
  .sort((a, b) => b.ms - a.ms);

const result = {
  documents: documents.length,
  bytes: total,
  rounds,
  prefilterMegabytesPerSecond,
  prefilterCleared: cleared,
  worst,
};
console.log(`documents ${documents.length}, ${(total / 1e6).toFixed(1)} MB`);
for (const round of rounds) {
  console.log(
    `${round.megabytesPerSecond.toFixed(1)} MB/s, ${round.megabytesPerCpuSecond.toFixed(1)} MB per CPU second, p50 ${round.p50Ms.toFixed(3)} ms, p99 ${round.p99Ms.toFixed(3)} ms, out of budget ${round.outOfBudget}`,
  );
}
console.log(`prefilter ${prefilterMegabytesPerSecond.toFixed(0)} MB per CPU second, cleared ${cleared} of 200`);
for (const each of worst.slice(0, 12))
  console.log(`64 KB of ${each.name}: ${each.ms.toFixed(1)} CPU ms, ${each.status}`);
const at = process.argv.indexOf('--json');
const file = at < 0 ? undefined : process.argv[at + 1];
if (file !== undefined) writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`);
