/**
 * What does the linker cost on one core? Service spans pass the pre-filter only; agent spans (tool calls with arguments, result
 * and messages, about 2.4 KB) are decoded, recognised and made rows, stored in memory. Prints spans a CPU-second (of
 * the whole process, garbage collection included), best of five rounds, and writes bench/results/linker.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selectCandidates } from '../src/evidence/candidates.ts';
import { recognise } from '../src/evidence/recognise.ts';
import { markRedacted } from '../src/pipeline/redacted.ts';
import { LinkerHarness } from '../test/support/linker-harness.ts';
import { createCorpus } from './corpus.ts';

const SPANS = 512;
const ROUNDS = 5;

interface Measured {
  readonly name: string;
  readonly spansPerCpuSecond: number;
  readonly megabytesPerCpuSecond: number;
}

async function measure(
  name: string,
  agentShare: number,
  requests: number,
  run: (body: Buffer, linker: LinkerHarness) => unknown,
): Promise<Measured> {
  let best = Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    // Before the spans begin: what began before its start, the linker looks up in the store.
    const linker = new LinkerHarness();
    const corpus = createCorpus({ signal: 'traces', itemsPerRequest: SPANS, agentShare, templates: requests });
    const bodies = Array.from({ length: requests }, () => corpus.next());
    bytes = bodies.reduce((sum, body) => sum + body.length, 0);
    const before = process.cpuUsage();
    for (const body of bodies) await run(body, linker);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return {
    name,
    spansPerCpuSecond: Math.round((requests * SPANS) / best),
    megabytesPerCpuSecond: Math.round(bytes / best / 1e5) / 10,
  };
}

function link(body: Buffer, linker: LinkerHarness): Promise<unknown> {
  return linker.consume([
    {
      tenant: 'default',
      signal: 'traces',
      receivedAtUnixNano: BigInt(Date.now()) * 1_000_000n,
      policyVersion: 'bench@000000000000',
      items: SPANS,
      receipts: [],
      facts: [],
      bytes: markRedacted(body),
      contentHash: '',
    },
  ]);
}

const results = [
  await measure('service spans, pre-filter', 0, 100, (body) => selectCandidates('traces', body)),
  await measure('service spans, linker', 0, 100, link),
  await measure('1 % agent spans, linker', 0.01, 100, link),
  await measure('agent spans, recognition', 1, 20, (body) =>
    selectCandidates('traces', body).records.map((record) => recognise(record)),
  ),
  await measure('agent spans, linker', 1, 20, link),
];
for (const { name, spansPerCpuSecond, megabytesPerCpuSecond } of results) {
  console.log(
    `${name.padEnd(28)} ${String(spansPerCpuSecond).padStart(10)} spans/CPU-s ${String(megabytesPerCpuSecond).padStart(8)} MB/CPU-s`,
  );
}
const folder = join(import.meta.dirname, 'results');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'linker.json'), `${JSON.stringify(results, null, 2)}\n`);
