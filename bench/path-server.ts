/**
 * What a request costs Docket's own code, alone in its process: received, redacted, spooled, encoded into Native blocks, by the parts
 * and in the order of src/docket.ts. The blocks are dropped where Docket hands them to ClickHouse, and nothing is linked or served.
 * The `ingest` bench starts it: `node --import tsx bench/path-server.ts`; it prints where it listens as one line of JSON.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_KEY_PREFIXES, INCIDENT_REF_KEYS } from '../src/evidence/recognition-set.ts';
import { keepHeapFloor } from '../src/heap-floor.ts';
import type { ExportHandler } from '../src/pipeline/consumer.ts';
import { createReceiver } from '../src/receiver/receiver.ts';
import { defaultPolicy } from '../src/redaction/policy-file.ts';
import { createRedactor } from '../src/redaction/redactor.ts';
import { createSpool } from '../src/spool/spool.ts';
import type { Database } from '../src/store/database.ts';
import { createStoreInstruments } from '../src/store/instruments.ts';
import { createLoader } from '../src/store/loader.ts';
import { blockBytes } from '../src/store/native/column.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';

keepHeapFloor();
const logger = createLogger('warn');
const metrics = createMetrics();
const { meter } = metrics;
const key = randomBytes(32);
const redactor = createRedactor({
  policy: defaultPolicy(),
  fingerprintKey: key,
  fingerprintKeyId: createHash('sha256').update(key).digest('hex').slice(0, 8),
  meter,
  logger,
});
const unused = (): never => {
  throw new Error('only inserts of the loader are expected here');
};
const dropped: Database = {
  kind: 'embedded',
  select: unused,
  selectRows: unused,
  command: unused,
  insertRows: unused,
  // Summing the parts is what completes them.
  insert: async (_purpose, _table, block) => void blockBytes(block),
  close: async () => {},
};
const directory = mkdtempSync(join(tmpdir(), 'docket-bench-path-'));
const spool = createSpool({ directory, meter, logger });
spool.attach(createLoader({ database: dropped, instruments: createStoreInstruments(meter), logger }));
await spool.start();
const handler: ExportHandler = async (request) =>
  spool.refusal(request.bytes.length) ?? spool.append(redactor.redact(request));
const any = { host: '127.0.0.1', port: 0 };
const receiver = createReceiver({
  grpc: any,
  http: any,
  handler,
  authenticate: () => ({ tenant: 'default' }),
  reservedKeyPrefixes: [...AGENT_KEY_PREFIXES, ...INCIDENT_REF_KEYS],
  meter,
  logger,
});
const { grpc, http } = await receiver.start();
const figures = createServer((_, response) => {
  void metrics.prometheusText().then((text) => response.end(text));
});
figures.listen(0, any.host, () => {
  const { port } = figures.address() as AddressInfo;
  const at = (address: { readonly port: number }): string => `${any.host}:${address.port}`;
  process.stdout.write(
    `${JSON.stringify({ otlpGrpc: at(grpc), otlpHttp: at(http), api: at({ port }), dataDirectory: directory })}\n`,
  );
});
