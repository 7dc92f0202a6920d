import { join } from 'node:path';
import type { Meter } from '@opentelemetry/api';
import type { FrameConsumer } from '../pipeline/consumer.ts';
import type { ContentEraser } from '../record/content-erasure.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { EvidenceQueries } from '../record/evidence-queries.ts';
import type { IncidentMemory } from '../record/memory/incident-memory.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { CatalogueStore } from '../record/service-catalogue.ts';
import type { SignalReader } from '../record/service-signals.ts';
import type { SignalRerun } from '../record/signal-rerun.ts';
import type { ReceiptReader } from '../record/receipt-reader.ts';
import type { TelemetryReader } from '../record/telemetry-reader.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createCatalogueStore } from './catalogue-store.ts';
import { createContentEraser } from './content-eraser.ts';
import { inBackground, type Database } from './database.ts';
import { openEmbedded } from './embedded.ts';
import { openEntryJournal } from './entry-journal.ts';
import { createEvidenceLog } from './evidence-log.ts';
import { createEvidenceQueries } from './evidence-queries.ts';
import { createIncidentMemory } from './incident-memory.ts';
import { createStoreInstruments } from './instruments.ts';
import type { SqlParameters } from './literal.ts';
import { createLoader } from './loader.ts';
import { migrate } from './migrate.ts';
import { createReceiptReader } from './queries/receipts.ts';
import { createSignalRerun } from './queries/signal-rerun.ts';
import { createSignalReader } from './queries/service-signals.ts';
import { createRecordClaims } from './record-claims.ts';
import { createRecordLog } from './record-log.ts';
import { createJournalledRecordLog } from './journalled-record-log.ts';
import { createStoredAside, type StoredAside } from './rewrite/stored-aside.ts';
import { createStoredEvidence, type StoredEvidence } from './rewrite/stored-evidence.ts';
import { createStoredTelemetry, type StoredTelemetry } from './rewrite/stored-telemetry.ts';
import { openServer } from './server.ts';
import { createTelemetryReader } from './telemetry-reader.ts';

/** ClickHouse in this process under `directory`, or a server at `url` (`http(s)://user:pass@host:8123/database`). */
export type StoreLocation =
  | { readonly kind: 'embedded'; readonly directory: string; readonly memoryMax?: number }
  | { readonly kind: 'server'; readonly url: string };

export interface StoreOptions {
  readonly location: StoreLocation;
  /** How long telemetry is kept after it was received. Evidence and the record are kept. */
  readonly retentionSeconds: number;
  readonly logger: Logger;
  readonly meter: Meter;
}

export interface TableSize {
  readonly table: string;
  readonly rows: number;
  readonly bytesOnDisk: number;
}

/** ClickHouse as the rest of Docket uses it. */
export interface Store {
  readonly kind: Database['kind'];
  /** Brings the schema up to date; run it before anything else. Resolves to the number of migrations that ran. */
  migrate(): Promise<number>;
  readonly recordLog: RecordLog;
  readonly evidenceLog: EvidenceLog;
  readonly evidenceQueries: EvidenceQueries;
  readonly contentEraser: ContentEraser;
  readonly telemetryReader: TelemetryReader;
  readonly signalReader: SignalReader;
  readonly signalRerun: SignalRerun;
  readonly catalogueStore: CatalogueStore;
  readonly incidentMemory: IncidentMemory;
  readonly receiptReader: ReceiptReader;
  readonly loader: FrameConsumer;
  /** What is stored, for redacting it again. */
  readonly rewrite: {
    readonly telemetry: StoredTelemetry;
    readonly evidence: StoredEvidence;
    readonly aside: StoredAside;
  };
  /** Rows of a bounded SELECT with `{name:Type}` placeholders; for `docket doctor` and tests. */
  query<Row>(sql: string, parameters?: SqlParameters): Promise<Row[]>;
  sizes(): Promise<readonly TableSize[]>;
  /** Lets running statements end, then closes. */
  close(): Promise<void>;
}

const MEMORY_MAX = 1_500_000_000;

/** Opens the store. Embedded: on the main thread only, one process per directory. */
export function openStore(options: StoreOptions): Store {
  const { location } = options;
  const database =
    location.kind === 'embedded'
      ? openEmbedded({ directory: location.directory, memoryMax: location.memoryMax ?? MEMORY_MAX })
      : openServer(location.url);
  const background = inBackground(database);
  const instruments = createStoreInstruments(options.meter);
  const claims = createRecordClaims(database);
  const table = createRecordLog(database, claims);
  // On a server other processes append too, and the place of an entry is claimed there.
  const journalled =
    location.kind === 'embedded'
      ? createJournalledRecordLog({
          table,
          journal: openEntryJournal(join(location.directory, 'entries.journal')),
          contradicted: openEntryJournal(join(location.directory, 'entries.contradicted')),
          instruments,
          logger: options.logger,
        })
      : undefined;
  return {
    kind: database.kind,
    async migrate() {
      const ran = await migrate(database, options.retentionSeconds);
      if (!(await claims.prepare()) && database.kind === 'server') {
        options.logger.warn(
          'the ClickHouse server has no Keeper for KeeperMap tables: run one Docket on its database only',
        );
      }
      return ran;
    },
    recordLog: journalled ?? table,
    evidenceLog: createEvidenceLog(database),
    evidenceQueries: createEvidenceQueries(database),
    contentEraser: createContentEraser(database),
    telemetryReader: createTelemetryReader(database),
    signalReader: createSignalReader(background),
    signalRerun: createSignalRerun(background),
    catalogueStore: createCatalogueStore(database),
    incidentMemory: createIncidentMemory(database),
    receiptReader: createReceiptReader(database),
    rewrite: {
      telemetry: createStoredTelemetry(background),
      evidence: createStoredEvidence(background),
      aside: createStoredAside(background),
    },
    loader: createLoader({ database, instruments, logger: options.logger }),
    async query(sql, parameters) {
      await journalled?.settled();
      return database.select(sql, parameters);
    },
    async sizes() {
      const rows = await database.select<{ table: string; rows: string; bytes: string }>(
        `SELECT table, toString(sum(rows)) AS rows, toString(sum(bytes_on_disk)) AS bytes
FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table LIMIT 1000`,
      );
      return rows.map((row) => ({ table: row.table, rows: Number(row.rows), bytesOnDisk: Number(row.bytes) }));
    },
    async close() {
      await journalled?.close();
      await database.close();
    },
  };
}
