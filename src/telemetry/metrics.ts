import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { metrics } from '@opentelemetry/sdk-node';

/**
 * Docket's own metrics. Stages take the `meter` and name their instruments in their own `instruments.ts`
 * (`docket.<stage>.<what>`, units in UCUM); `docs/spec/self-telemetry.md` lists them all.
 */
export interface Metrics {
  readonly meter: Meter;
  /** Everything measured so far, in the Prometheus text format. */
  prometheusText(): Promise<string>;
  close(): Promise<void>;
}

export function createMetrics(): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new metrics.MeterProvider({ readers: [exporter] });
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
