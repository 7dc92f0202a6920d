import { trace, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { NodeSDK, resources, tracing } from '@opentelemetry/sdk-node';

export interface DemoTelemetry {
  readonly tracer: Tracer;
  /** Sends what is still buffered and stops. */
  close(): Promise<void>;
}

/**
 * The OpenTelemetry SDK as any service of the reader's would set it up: spans in batches over OTLP/gRPC to Docket.
 * Metrics and logs stay off: the demo is about traces and what an agent does with them.
 */
export function startTelemetry(options: {
  readonly service: string;
  readonly version: string;
  readonly endpoint: string;
}): DemoTelemetry {
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({
      'service.name': options.service,
      'service.version': options.version,
      'deployment.environment.name': 'demo',
    }),
    spanProcessors: [
      new tracing.BatchSpanProcessor(new OTLPTraceExporter({ url: `http://${options.endpoint}` }), {
        scheduledDelayMillis: 200,
      }),
    ],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
    autoDetectResources: false,
  });
  sdk.start();
  return { tracer: trace.getTracer('docket-demo', '1.0.0'), close: () => sdk.shutdown() };
}
