/**
 * The composition root: configuration -> stages, wired in the order the data takes. Read this file first.
 *
 *   receiver -> redaction -> spool -> { store/loader, evidence/linker, forward }
 *   api, ui -> record -> store
 */
import type { Meter } from '@opentelemetry/api';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createApi } from './api/create-api.ts';
import type { ComponentHealth } from './api/health.ts';
import { createOpenIdentity, createTokenIdentity, type Identify } from './api/identity.ts';
import { listenForApi } from './api-listener.ts';
import { prepareDataDirectory } from './config/data-directory.ts';
import { formatListenAddress, isLoopback } from './config/listen-address.ts';
import type { DocketConfig } from './config/load-config.ts';
import { createStoreHealth, healthOf, STORE_ANSWER_MS } from './docket-health.ts';
import { openCatalogueFiles } from './evidence/catalogue/catalogue-files.ts';
import { createCatalogueService } from './evidence/catalogue/catalogue-service.ts';
import { createIncidentWatch } from './evidence/incident-watch.ts';
import { createLinker } from './evidence/linker.ts';
import { AGENT_KEY_PREFIXES, INCIDENT_REF_KEYS } from './evidence/recognition-set.ts';
import { createWebhookIntake } from './evidence/webhook-intake.ts';
import { createForwarder } from './forward/forwarder.ts';
import type { ExportHandler } from './pipeline/consumer.ts';
import { createPolicyApplications, type ResumingPolicyApplications } from './policy-application.ts';
import { createPolicyReload, type PolicyReload } from './policy-reload.ts';
import { lateEvidenceNotice, OBSERVE_NOTICE, withNotice } from './notice.ts';
import { createReceiver } from './receiver/receiver.ts';
import type { Authenticate } from './receiver/options.ts';
import { createBundleExporter } from './record/bundle-exporter.ts';
import { openCheckpointAnchors } from './record/checkpoint-anchors.ts';
import { loadCheckpointKey } from './record/checkpoint-key.ts';
import { createCheckpointSigner, type CheckpointSigner } from './record/checkpoint-signer.ts';
import { createCheckpointWebhook } from './record/checkpoint-webhook.ts';
import { readPublicKey } from './record/checkpoint.ts';
import { observeEvidence } from './record/evidence-version.ts';
import { createChangeFeed } from './record/memory/change-feed.ts';
import { createKeyedTurns } from './record/keyed-turns.ts';
import { createMemoryService } from './record/memory/memory-service.ts';
import type { RecordService } from './record/record-service.ts';
import { createRecordService } from './record/service.ts';
import { createRecordScrub } from './record-scrub.ts';
import { ACTOR_NAME } from './record/scrub-texts.ts';
import { loadFingerprintKey } from './redaction/fingerprint-key.ts';
import { brokenRules } from './redaction/detectors/rule-examples.ts';
import { createScanner } from './redaction/detectors/scanner.ts';
import { fileUnknownKeys } from './redaction/key-overflow.ts';
import { loadPolicy } from './redaction/policy-file.ts';
import { knowsTenant, type CompiledPolicy } from './redaction/policy.ts';
import { createRedactor } from './redaction/redactor.ts';
import { createSpool } from './spool/spool.ts';
import { openStore } from './store/connect.ts';
import { isStoreAway, mayPass } from './store/engine-error.ts';
import { createStoreArrival } from './store-arrival.ts';
import type { Logger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { refuseOwnListener } from './telemetry/self-export.ts';
import { createPages } from './ui/create-pages.ts';
import { createWithheldGaps } from './withheld-gap.ts';

const TENANT = 'default';
/** Beside what evidence goes by: attributes by which services, hosts and failures are found. */
const SERVICE_KEY_PREFIXES = [
  'service.',
  'host.',
  'k8s.',
  'deployment.',
  'exception.',
  'error.',
  'http.',
  'db.',
  'rpc.',
];
/** How long a stopping service lets its consumers catch up; what is left is delivered at the next start. */
const DRAIN_MS = 10_000;
const TAKE_UP_AGAIN_MS = 5_000;

export interface DocketOptions {
  readonly config: DocketConfig;
  readonly logger: Logger;
  readonly version: string;
}

/** host:port of each listener. */
export interface Listening {
  readonly otlpGrpc: string;
  readonly otlpHttp: string;
  readonly api: string;
}

export interface Docket {
  /** Resolves when requests are taken. */
  start(): Promise<Listening>;
  /**
   * Puts the policy file in force as it is now; false, and the old policy stays, when it cannot be used. Asked before `start` has read
   * the file, it is false, and the file is read once more when it was.
   */
  reloadPolicy(): boolean;
  /** Stops intake, lets what was acknowledged reach the store, and closes everything. */
  close(): Promise<void>;
}

export function createDocket(options: DocketOptions): Docket {
  const { config, logger } = options;
  const closers: (() => Promise<void>)[] = [];
  let policyReload: PolicyReload | undefined;
  let reloadAskedEarly = false;

  async function start(): Promise<Listening> {
    const { otlpUrl } = config.telemetry;
    const metrics = createMetrics({
      version: options.version,
      ...(otlpUrl === null ? {} : { otlp: { url: otlpUrl, logger } }),
    });
    const { meter } = metrics;
    closers.push(() => metrics.close());
    await prepareDataDirectory(config.dataDir);

    const policy = loadPolicy(config.policy.file ?? undefined);
    const key = await loadFingerprintKey(join(config.dataDir, 'keys'));
    const scanner = createScanner();
    const broken = brokenRules(scanner);
    if (broken.length > 0) {
      throw new Error(`detection rules do not find their own examples, so nothing is taken in: ${broken.join(', ')}`);
    }
    const redactor = createRedactor({
      policy,
      scanner,
      fingerprintKey: key.key,
      fingerprintKeyId: key.keyId,
      incidentOf: (tenant, refs, traceId) => incidentOf(record, tenant, refs, traceId),
      meter,
      logger,
    });
    if (policy.mode === 'observe') {
      logger.warn({ policy: redactor.policyVersion }, 'the policy observes only: content is stored as it was sent');
    }
    const tenants = [...new Set([TENANT, ...config.auth.tokens.map((token) => token.tenant)])];
    const sending =
      config.auth.mode === 'none' ? [TENANT] : [...new Set(config.auth.tokens.map((each) => each.tenant))];
    warnOfUnknownTenants(policy, sending, logger);

    const reload = createPolicyReload({
      path: config.policy.file ?? undefined,
      current: policy,
      apply(changed) {
        redactor.setPolicy(changed);
        warnOfUnknownTenants(changed, sending, logger);
      },
      logger,
      meter,
    });
    policyReload = reload;
    if (reloadAskedEarly) reload.reload();
    closers.push(async () => reload.close());
    const spool = createSpool({
      directory: join(config.dataDir, 'spool'),
      bytesMax: config.spool.bytesMax,
      meter,
      logger,
    });
    /** What readers of a record should know first. */
    const notice = (): string | undefined => {
      const linker = spool.status().consumers.find(({ name }) => name === 'linker');
      const late = lateEvidenceNotice(linker?.oldestAgeMs ?? 0);
      const notices = [redactor.policy.mode === 'observe' ? OBSERVE_NOTICE : undefined, late];
      return notices.filter((each) => each !== undefined).join(' ') || undefined;
    };

    const store = openStore({
      location:
        config.clickhouse.url === null
          ? { kind: 'embedded', directory: join(config.dataDir, 'clickhouse') }
          : { kind: 'server', url: config.clickhouse.url },
      retentionSeconds: config.retention.telemetrySeconds,
      logger,
      meter,
    });
    closers.push(() => store.close());

    const gaps = createWithheldGaps({
      record: { append: (...command) => record.append(...command) },
      rulesOf: (tenant, incident, rules) => store.receiptReader.rulesApplied(tenant, incident, rules),
      logger,
    });
    const changes = createChangeFeed();
    const observed = observeEvidence(gaps.watch(changes.evidenceLog(store.evidenceLog)));
    const evidenceLog = observed.log;
    const checkpoints = await openSigner(config, logger, meter);
    closers.push(() => checkpoints.close());
    const scrub = createRecordScrub(redactor);
    const plainRecord = createRecordService({
      recordLog: changes.recordLog(store.recordLog),
      evidenceLog,
      queries: store.evidenceQueries,
      evidenceVersions: observed.versions,
      eraser: store.contentEraser,
      checkpoints,
      // Another Docket may run on the same server.
      sharedLog: store.kind === 'server',
      scrub,
      logger,
      meter,
    });
    const record = withNotice(plainRecord, notice);
    closers.push(() => record.close());
    closers.push(() => gaps.settled());
    const memory = createMemoryService({
      record,
      evidenceLog,
      memory: store.incidentMemory,
      changes,
      heads: () => store.recordLog.heads(),
      logger,
    });
    closers.push(() => memory.close());

    const arrival = createStoreArrival({
      async prepare() {
        await store.migrate();
        await record.start();
        await memory.start();
      },
      // The embedded engine is in this process: it is waited for, and what it fails with does not pass.
      mayPass: (error) => store.kind === 'server' && mayPass(error),
      ...(store.kind === 'server' ? { patienceMs: STORE_ANSWER_MS } : {}),
      logger,
    });
    await arrival.begin();

    spool.attach(arrival.gate(store.loader));
    const changeTurns = createKeyedTurns();
    const webhooks = createWebhookIntake({
      evidenceLog,
      record,
      changeTurns,
      scrub: (text, tenant, key) => redactor.redactText(text, { tenant, key }).text,
      meter,
    });
    const alerts = webhooks.telemetryAlerts;
    const linker = createLinker({ evidenceLog, incidents: record.index, alerts, meter, logger });
    spool.attach(arrival.gate(linker));
    const { url: forwardUrl } = config.forward;
    const forwarder =
      forwardUrl === null ? undefined : createForwarder({ ...config.forward, url: forwardUrl, meter, logger });
    if (forwarder !== undefined) {
      closers.push(async () => forwarder.close());
      spool.attach(forwarder);
    }
    await spool.start();
    closers.push(async () => {
      if (!arrival.arrived() || !(await spool.drain(DRAIN_MS)))
        logger.warn('stopping with a backlog; it is delivered at the next start');
      await spool.close();
    });
    closers.push(() => arrival.close());

    const applications = createPolicyApplications({
      redactor,
      rewrite: store.rewrite,
      evidenceLog,
      linker,
      recordLog: store.recordLog,
      refOf: async (tenant, incident) => (await record.summary(tenant, incident))?.ref,
      spool,
      file: join(config.dataDir, 'policy-application.json'),
      logger,
    });
    closers.push(() => applications.close());
    arrival.afterwards(() => void takeUp(applications, logger));

    const files =
      config.catalogue.path === null ? undefined : await openCatalogueFiles({ path: config.catalogue.path, logger });
    if (files !== undefined) closers.push(async () => files.close());
    const catalogue = createCatalogueService({
      store: store.catalogueStore,
      ...(files === undefined ? {} : { files }),
      scrub: (text, tenant) => redactor.redactText(text, { tenant }).text,
      logger,
    });
    closers.push(async () => catalogue.close());
    arrival.afterwards(() => void catalogue.start());
    const watch = createIncidentWatch({
      signals: store.signalReader,
      evidenceLog,
      record,
      tenants,
      changeTurns,
      catalogue: (tenant) => catalogue.of(tenant),
      retentionSeconds: config.retention.telemetrySeconds,
      meter,
      logger,
    });
    closers.push(() => watch.close());
    arrival.afterwards(() => watch.start());

    const handler: ExportHandler = async (request) => {
      const refusal = spool.refusal(request.bytes.length);
      if (refusal !== undefined) return refusal;
      const frame = redactor.redact(request);
      const { signal, knownKeys } = request;
      if (knownKeys === undefined) return spool.append(frame);
      return spool.append({ ...frame, bytes: fileUnknownKeys(signal, frame.bytes, knownKeys) });
    };
    const receiver = createReceiver({
      grpc: config.listen.otlpGrpc,
      http: config.listen.otlpHttp,
      handler,
      authenticate: authenticateOf(config),
      limits: {
        requestBytesMax: config.otlp.requestBytesMax,
        maxConnectionAgeMs: config.otlp.connectionAgeMs,
        keepaliveTimeMs: config.otlp.keepaliveMs,
      },
      corsAllowedOrigins: config.otlp.corsOrigins,
      reservedKeyPrefixes: [...AGENT_KEY_PREFIXES, ...INCIDENT_REF_KEYS, ...SERVICE_KEY_PREFIXES],
      meter,
      logger,
    });
    const otlp = await receiver.start();
    closers.push(() => receiver.close());

    const identify: Identify =
      config.auth.mode === 'token'
        ? createTokenIdentity(config.auth.tokens)
        : createOpenIdentity(TENANT, (name) => scrub(name, TENANT, undefined, ACTOR_NAME));
    const answers = createStoreHealth(store);
    const storeHealth = async (): Promise<ComponentHealth> =>
      arrival.arrived()
        ? answers()
        : { name: 'store', ok: false, detail: `ClickHouse (${store.kind}) is not there yet: ${arrival.reason()}` };
    const app = createApi({
      record,
      evidence: evidenceLog,
      telemetry: store.telemetryReader,
      signalRerun: store.signalRerun,
      memory,
      receipts: store.receiptReader,
      policyApplications: applications,
      webhooks,
      catalogue,
      bundles: createBundleExporter({ record, evidence: evidenceLog, signer: checkpoints, logger, meter }),
      identify,
      available: () => arrival.arrived(),
      isStoreAway,
      health: () => healthOf({ dataDir: config.dataDir, storeHealth, spool, policy: reload, forwarder }),
      metricsText: () => metrics.prometheusText(),
      version: options.version,
      logger,
      meter,
      loopbackOnly: isLoopback(config.listen.api.host),
    });
    app.route(
      '/',
      createPages({
        record,
        evidence: store.evidenceLog,
        telemetry: store.telemetryReader,
        memory,
        version: options.version,
        notice,
      }),
    );
    const listener = await listenForApi(app.fetch, config.listen.api);
    closers.push(() => listener.close());
    if (otlpUrl !== null) await refuseOwnListener(otlpUrl, [otlp.grpc, otlp.http, listener.address]);
    return {
      otlpGrpc: formatListenAddress(otlp.grpc),
      otlpHttp: formatListenAddress(otlp.http),
      api: formatListenAddress(listener.address),
    };
  }

  return {
    async start() {
      try {
        return await start();
      } catch (error) {
        await close();
        throw error;
      }
    },
    reloadPolicy() {
      reloadAskedEarly = policyReload === undefined;
      return policyReload?.reload() ?? false;
    },
    close,
  };

  async function close(): Promise<void> {
    // Last opened, first closed: intake stops before what it feeds.
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        logger.error({ error: error instanceof Error ? error.name : 'unknown' }, 'a stage did not close cleanly');
      }
    }
  }
}

/** The key and the file of anchors belong to the data directory, whatever database the record lies in. */
async function openSigner(config: DocketConfig, logger: Logger, meter: Meter): Promise<CheckpointSigner> {
  const key = await loadCheckpointKey(join(config.dataDir, 'keys'));
  const anchors = await openCheckpointAnchors(join(config.dataDir, 'anchors.jsonl'), readPublicKey(key.publicKey));
  if (anchors.foreignLines > 0) {
    logger.warn({ lines: anchors.foreignLines }, 'anchors.jsonl holds lines that this key did not sign');
  }
  const { webhook } = config.anchor;
  return createCheckpointSigner({
    key,
    anchors,
    ...(webhook === null ? {} : { webhook: createCheckpointWebhook({ url: webhook, logger, meter }) }),
  });
}

/** The incident that telemetry belongs to by the refs it names or by its trace, as far as it is known when it comes. */
function incidentOf(
  { index }: Pick<RecordService, 'index'>,
  tenant: string,
  refs: readonly string[],
  traceId: string,
): string | undefined {
  const nothingElse = { conversationId: '', sessionId: '', agent: '', service: '', environment: '' };
  const keys = { ...nothingElse, refs, traceId, occurredAtUnixNano: 0n, namedTraceIds: [] };
  return index.resolve(tenant, keys)[0]?.incidentId;
}

/** Tries until the store lets it: rows that were being put in place must not stay out of it. */
async function takeUp(applications: ResumingPolicyApplications, logger: Logger): Promise<void> {
  for (;;) {
    try {
      return await applications.start();
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown error';
      logger.warn({ reason }, 'what an application of the policy left unfinished could not be taken up; trying again');
      await setTimeout(TAKE_UP_AGAIN_MS, undefined, { ref: false });
    }
  }
}

/** A policy that lists tenants holds for those; what others send is kept without content, which should be no surprise. */
function warnOfUnknownTenants(policy: CompiledPolicy, tenants: readonly string[], logger: Logger): void {
  const unknown = tenants.filter((tenant) => !knowsTenant(policy, tenant));
  if (unknown.length === 0) return;
  logger.warn(
    { policy: policy.version, tenants: unknown },
    'the policy has no rules for these tenants: their content is withheld',
  );
}

/** Senders of telemetry present the same tokens as callers of the API. */
function authenticateOf(config: DocketConfig): Authenticate {
  if (config.auth.mode === 'none') return () => ({ tenant: TENANT });
  const identify = createTokenIdentity(config.auth.tokens);
  return (headers) => {
    const authorization = headers.get('authorization');
    if (authorization === undefined) return undefined;
    const caller = identify(new Request('http://docket.invalid/', { headers: { authorization } }));
    return caller === undefined ? undefined : { tenant: caller.tenant };
  };
}
