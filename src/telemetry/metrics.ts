import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { metrics, resources } from '@opentelemetry/sdk-node';
import { createSelfExport, type SelfExportOptions } from './self-export.ts';

/**
 * Docket's own metrics. Stages take the `meter` and name their instruments in their own `instruments.ts`
 * (`docket.<stage>.<what>`, units in UCUM); `docs/spec/self-telemetry.md` lists them all.
 */
export interface Metrics {
  readonly meter: Meter;
  /** Everything measured so far, in the Prometheus text format. */
  prometheusText(): Promise<string>;
  /** Sends what was measured last, where it is sent at all, and ends. */
  close(): Promise<void>;
}

export interface MetricsOptions {
  /** Docket's version, for the resource. */
  readonly version?: string;
  /** Sends the metrics by OTLP as well; off unless given. */
  readonly otlp?: SelfExportOptions;
}

export function createMetrics(options: MetricsOptions = {}): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new metrics.MeterProvider({
    resource: resources.resourceFromAttributes({
      'service.name': 'docket',
      ...(options.version === undefined ? {} : { 'service.version': options.version }),
    }),
    readers: [exporter, ...(options.otlp === undefined ? [] : [createSelfExport(options.otlp)])],
  });
  const serializer = new PrometheusSerializer();
  return {
    meter: provider.getMeter('docket'),
    async prometheusText() {
      const { resourceMetrics } = await exporter.collect();
      return serializer.serialize(resourceMetrics);
    },
    async close() {
      await provider.shutdown();
    },
  };
}
