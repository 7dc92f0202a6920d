import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { metrics } from '@opentelemetry/sdk-node';
import type { Logger } from './logger.ts';

/** Sending Docket's own metrics on, beside showing them at /metrics. */
export interface SelfExportOptions {
  /** Base URL of an OTLP/HTTP endpoint, as in OTEL_EXPORTER_OTLP_ENDPOINT: `/v1/metrics` is appended. */
  readonly url: string;
  /** Milliseconds between exports; 60 s unless given. One more is sent at the end. */
  readonly intervalMs?: number;
  readonly logger: Logger;
}

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 10_000;

/**
 * A reader that sends metrics by OTLP over HTTP in protobuf. Headers and compression come from the standard variables
 * OTEL_EXPORTER_OTLP_HEADERS and OTEL_EXPORTER_OTLP_COMPRESSION, which the exporter reads itself. An export that fails is logged and
 * forgotten: the next one carries the sums again.
 */
export function createSelfExport(options: SelfExportOptions): metrics.PeriodicExportingMetricReader {
  const { logger } = options;
  const url = new URL(options.url);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/metrics`;
  const otlp = new OTLPMetricExporter({ url: url.href, timeoutMillis: TIMEOUT_MS });
  const exporter: metrics.PushMetricExporter = {
    export(resourceMetrics, done) {
      otlp.export(resourceMetrics, (result) => {
        // A failed export carries its error (@opentelemetry/core ExportResult); its text may quote the answer, so its name must do.
        if (result.error !== undefined) {
          logger.warn({ error: result.error.name }, "Docket's own metrics could not be exported");
        }
        done(result);
      });
    },
    forceFlush: () => otlp.forceFlush(),
    shutdown: () => otlp.shutdown(),
    selectAggregation: (type) => otlp.selectAggregation(type),
    selectAggregationTemporality: (type) => otlp.selectAggregationTemporality(type),
  };
  return new metrics.PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: options.intervalMs ?? INTERVAL_MS,
    exportTimeoutMillis: Math.min(TIMEOUT_MS, options.intervalMs ?? INTERVAL_MS),
  });
}

/** Where something of Docket listens. */
export interface OwnListener {
  readonly host: string;
  readonly port: number;
}

/**
 * Throws when `url` leads to one of Docket's own listeners: metrics about taking metrics would feed themselves. A name is looked up, and
 * an address counts as Docket's own when it is one of this machine's and the port is one that Docket listens on.
 */
export async function refuseOwnListener(url: string, listeners: readonly OwnListener[]): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  const portNumber = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  const onPort = listeners.filter((listener) => listener.port === portNumber);
  if (onPort.length === 0) return;
  const own = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)));
  for (const { host } of onPort) own.add(host);
  const addresses = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => []);
  const leadsHere = addresses.some(
    ({ address }) => own.has(address) || address.startsWith('127.') || address === '::1' || address === '0.0.0.0',
  );
  if (leadsHere) {
    throw new Error(`telemetry.otlp_url leads to Docket's own port ${portNumber}: its metrics would feed themselves`);
  }
}
