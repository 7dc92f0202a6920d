// openai with Traceloop's instrumentation (OpenLLMetry).
import { flush, tracerProvider } from './telemetry.mjs';
import { createRequire } from 'node:module';
import { OpenAIInstrumentation } from '@traceloop/instrumentation-openai';
import { runOpenAiAgent } from './openai-loop.mjs';

const openai = createRequire(import.meta.url)('openai');
const instrumentation = new OpenAIInstrumentation();
instrumentation.setTracerProvider(tracerProvider);
instrumentation.manuallyInstrument(openai.OpenAI);
await runOpenAiAgent(openai.OpenAI, true);
await flush();
