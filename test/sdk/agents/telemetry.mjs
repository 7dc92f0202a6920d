/**
 * OpenTelemetry as an agent's own process sets it up: the SDK, its OTLP exporters for spans and log records, and a resource
 * that reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. The endpoint comes from OTEL_EXPORTER_OTLP_ENDPOINT.
 */
import { logs } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const resource = defaultResource().merge(detectResources({ detectors: [envDetector] }));

export const tracerProvider = new NodeTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
tracerProvider.register();

export const loggerProvider = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })],
});
logs.setGlobalLoggerProvider(loggerProvider);

/** Sends what is left; an agent calls it before it ends. */
export async function flush() {
  await tracerProvider.shutdown();
  await loggerProvider.shutdown();
}
