import { metrics } from '@opentelemetry/api';
import { createIncidentWatch, type IncidentWatch } from '../../src/evidence/incident-watch.ts';
import { createLinker } from '../../src/evidence/linker.ts';
import { createWebhookIntake } from '../../src/evidence/webhook-intake.ts';
import { checkRequest } from '../../src/otlp/protobuf/check.ts';
import { transcodeJson } from '../../src/otlp/json/transcode.ts';
import type { Signal } from '../../src/otlp/signal.ts';
import type { FrameConsumer } from '../../src/pipeline/consumer.ts';
import type { WebhookIntake } from '../../src/record/webhook-intake.ts';
import { createKeyedTurns } from '../../src/record/keyed-turns.ts';
import { createRecordService, type SweepingRecordService } from '../../src/record/service.ts';
import { defaultPolicy } from '../../src/redaction/policy-file.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createCatalogueService, type CatalogueService } from '../../src/evidence/catalogue/catalogue-service.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { batchOf, frameOf } from './spooled-frame.ts';
import { openTemporaryStore, type TemporaryStore } from './temporary-store.ts';

const meter = metrics.getMeter('test');
const logger = createLogger('silent');

/** The stages between a request and its evidence, in this process, on a store of their own. */
export interface IncidentBench {
  readonly temporary: TemporaryStore;
  readonly record: SweepingRecordService;
  readonly watch: IncidentWatch;
  readonly catalogue: CatalogueService;
  readonly intake: WebhookIntake;
  /** Redacts an OTLP/JSON request and delivers it to loader and linker. */
  send(tenant: string, signal: Signal, request: object): Promise<void>;
  /** A linker that has heard of nothing, as after a restart. */
  restartLinker(): void;
  /** The same for what takes webhooks. */
  restartIntake(): void;
  dispose(): Promise<void>;
}

export async function openIncidentBench(
  options: { readonly tenants?: readonly string[] } = {},
): Promise<IncidentBench> {
  const temporary = await openTemporaryStore();
  const { recordLog, evidenceLog, loader, signalReader, evidenceQueries } = temporary.store;
  const redactor = createRedactor({
    policy: defaultPolicy(),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'k1',
    meter,
    logger,
  });
  const scrub = (text: string): string => redactor.redactText(text).text;
  const record = createRecordService({
    recordLog,
    evidenceLog,
    queries: evidenceQueries,
    scrub,
    logger,
    meter,
    sweepIntervalMilliseconds: 0,
  });
  await record.start();
  const catalogue = createCatalogueService({
    store: temporary.store.catalogueStore,
    scrub,
    logger,
    pollMilliseconds: 0,
  });
  await catalogue.start();
  const changeTurns = createKeyedTurns();
  const watch = createIncidentWatch({
    signals: signalReader,
    evidenceLog,
    record,
    changeTurns,
    tenants: options.tenants ?? ['default'],
    pollMilliseconds: 0,
    catalogue: (tenant) => catalogue.of(tenant),
    meter,
    logger,
  });
  let intake = createWebhookIntake({ evidenceLog, record, scrub, changeTurns, meter });
  const newLinker = (): FrameConsumer =>
    createLinker({ evidenceLog, incidents: record.index, alerts: intake.telemetryAlerts, meter, logger });
  let linker = newLinker();
  return {
    temporary,
    record,
    watch,
    get intake() {
      return intake;
    },
    catalogue,
    async send(tenant, signal, request) {
      const { bytes } = transcodeJson(signal, Buffer.from(JSON.stringify(request)));
      const { items } = checkRequest(signal, bytes);
      const receivedAtUnixNano = BigInt(Date.now()) * 1_000_000n;
      const frame = redactor.redact({ tenant, signal, bytes, items, receivedAtUnixNano });
      const batch = batchOf(frameOf(signal, frame.bytes, { ...frame }));
      for (const consumer of [loader, linker]) {
        const outcome = await consumer.consume(batch);
        if (outcome.kind !== 'accepted') throw new Error(`${consumer.name}: ${outcome.kind} ${outcome.reason}`);
      }
    },
    restartLinker() {
      linker = newLinker();
    },
    restartIntake() {
      intake = createWebhookIntake({ evidenceLog, record, scrub, changeTurns, meter });
      linker = newLinker();
    },
    async dispose() {
      await watch.close();
      await record.close();
      await temporary.dispose();
    },
  };
}
