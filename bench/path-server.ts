/**
 * What a request costs Docket's own code, alone in its process: received, redacted, spooled, encoded into Native blocks, by the built
 * parts and in the order of src/docket.ts. The blocks are dropped where Docket hands them to ClickHouse, and nothing is linked or served.
 * The `ingest` bench starts it: `node --import tsx bench/path-server.ts`; it prints where it listens as one line of JSON.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as RecognitionSet from '../src/evidence/recognition-set.ts';
import type * as HeapGrowth from '../src/heap-growth.ts';
import type { ExportHandler } from '../src/pipeline/consumer.ts';
import type * as Receiver from '../src/receiver/receiver.ts';
import type * as PolicyFile from '../src/redaction/policy-file.ts';
import type * as Redactor from '../src/redaction/redactor.ts';
import type * as Spool from '../src/spool/spool.ts';
import type { Database } from '../src/store/database.ts';
import type * as StoreInstruments from '../src/store/instruments.ts';
import type * as Loader from '../src/store/loader.ts';
import type * as Column from '../src/store/native/column.ts';
import type * as LoggerModule from '../src/telemetry/logger.ts';
import type * as Metrics from '../src/telemetry/metrics.ts';
import { built } from './built.ts';

const { AGENT_KEY_PREFIXES, INCIDENT_REF_KEYS } = await built<typeof RecognitionSet>('evidence/recognition-set.js');
const { boundHeapGrowth } = await built<typeof HeapGrowth>('heap-growth.js');
const { createReceiver } = await built<typeof Receiver>('receiver/receiver.js');
const { defaultPolicy } = await built<typeof PolicyFile>('redaction/policy-file.js');
const { createRedactor } = await built<typeof Redactor>('redaction/redactor.js');
const { createSpool } = await built<typeof Spool>('spool/spool.js');
const { createStoreInstruments } = await built<typeof StoreInstruments>('store/instruments.js');
const { createLoader } = await built<typeof Loader>('store/loader.js');
const { blockBytes } = await built<typeof Column>('store/native/column.js');
const { createLogger } = await built<typeof LoggerModule>('telemetry/logger.js');
const { createMetrics } = await built<typeof Metrics>('telemetry/metrics.js');

boundHeapGrowth();
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
