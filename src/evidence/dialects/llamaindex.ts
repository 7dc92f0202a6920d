import type { Dialect } from '../recognised.ts';
import { openInference } from './openinference.ts';
import { openLlmetry } from './openllmetry.ts';
import { otelGenAi } from './otel-genai.ts';

/** LlamaIndex, through OpenInference, OpenLLMetry or the OpenTelemetry instrumentation. */
export const llamaIndex: Dialect = {
  name: 'llamaindex',
  recognise(record) {
    if (!/llama[-_]?index/i.test(record.scope.name)) return undefined;
    const host = openInference.recognise(record) ?? openLlmetry.recognise(record) ?? otelGenAi.recognise(record);
    return host === undefined ? undefined : { ...host, dialect: 'llamaindex' };
  },
};
