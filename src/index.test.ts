import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { expect, test } from 'vitest';
import { createIncidentSpanProcessor, incidentAttributes, withIncident } from './index.ts';

function tracing(ref?: string) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    spanProcessors: [createIncidentSpanProcessor(ref), new SimpleSpanProcessor(exporter)],
  });
  return { tracer: provider.getTracer('test'), exporter };
}

test('spans name the incident of their context, else the one given, else none', () => {
  const { tracer, exporter } = tracing('INC-1');
  tracer.startSpan('a').end();
  tracer.startSpan('b', {}, withIncident(context.active(), 'INC-2')).end();
  tracer.startSpan('c', {}, withIncident(ROOT_CONTEXT, '')).end();
  const bare = tracing();
  bare.tracer.startSpan('d').end();
  expect(exporter.getFinishedSpans().map((span) => span.attributes['incident.id'])).toEqual([
    'INC-1',
    'INC-2',
    undefined,
  ]);
  expect(bare.exporter.getFinishedSpans()[0]?.attributes).toEqual({});
  expect(incidentAttributes('INC-3')).toEqual({ 'incident.id': 'INC-3' });
});
