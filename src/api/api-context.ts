import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi';
import type { Meter } from '@opentelemetry/api';
import type { BundleExporter } from '../record/bundle-exporter.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { MemoryService } from '../record/memory/memory-service.ts';
import type { PolicyApplications } from '../record/policy-application.ts';
import type { RecordService } from '../record/record-service.ts';
import type { ReceiptReader } from '../record/receipt-reader.ts';
import type { CatalogueIntake } from '../record/service-catalogue.ts';
import type { SignalRerun } from '../record/signal-rerun.ts';
import type { TelemetryReader } from '../record/telemetry-reader.ts';
import type { WebhookIntake } from '../record/webhook-intake.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Accesses } from './access-audit.ts';
import type { HealthReport } from './health.ts';
import type { Caller, Identify } from './identity.ts';
import { problemSchema } from './schema.ts';

/** What the API is made of; every part is given. */
export interface ApiOptions {
  readonly record: RecordService;
  readonly evidence: EvidenceLog;
  readonly telemetry: TelemetryReader;
  /** Asks the queries of service signals again; its route is left out without it. */
  readonly signalRerun?: SignalRerun;
  /** Takes alerts and changes; without it those routes are not there. */
  readonly webhooks?: WebhookIntake;
  /** Owners and runbooks of services; its routes are left out without it. */
  readonly catalogue?: CatalogueIntake;
  /** What past incidents teach; its routes are left out without it. */
  readonly memory?: MemoryService;
  /** Redaction receipts; their routes are left out without it. */
  readonly receipts?: ReceiptReader;
  /** Applying the policy to what is stored; its routes are left out without it. */
  readonly policyApplications?: PolicyApplications;
  /** Signed bundles; the routes are left out where there is no key. */
  readonly bundles?: BundleExporter;
  readonly identify: Identify;
  /** False while there is nothing to read from or write to yet: then all but health and metrics is answered 503. Always true when absent. */
  readonly available?: () => boolean;
  /** Whether a failure says that the store cannot answer now: 503 in place of 500. */
  readonly isStoreAway?: (error: unknown) => boolean;
  readonly health: () => HealthReport | Promise<HealthReport>;
  /** Docket's own metrics in the Prometheus text format. */
  readonly metricsText: () => Promise<string>;
  readonly version: string;
  readonly logger: Logger;
  readonly meter: Meter;
  /** True when the listener is on loopback: requests whose Host is another name are refused. */
  readonly loopbackOnly: boolean;
}

export interface ApiEnv {
  readonly Variables: {
    readonly caller: Caller;
    /** Where it is noted what the caller is shown. */
    readonly accesses: Accesses;
  };
}

export type ApiApp = OpenAPIHono<ApiEnv>;

const CALLERS_PROBLEMS = {
  400: 'The request makes no sense',
  401: 'No token, or an unknown one',
} as const;

type Answers = RouteConfig['responses'];

/** The documented answers of a route: its own, and the problems every route can have. */
export function answers(own: Answers, problems: Readonly<Record<number, string>> = {}): Answers {
  const documented: Answers = { ...own };
  for (const [status, description] of Object.entries({ ...CALLERS_PROBLEMS, ...problems })) {
    documented[Number(status)] = { description, content: { 'application/problem+json': { schema: problemSchema } } };
  }
  return documented;
}
