// openai with @opentelemetry/instrumentation-openai: content goes into log records, not into its spans.
import { flush, loggerProvider, tracerProvider } from './telemetry.mjs';
import { createRequire } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { OpenAIInstrumentation } from '@opentelemetry/instrumentation-openai';
import { runOpenAiAgent } from './openai-loop.mjs';

registerInstrumentations({
  tracerProvider,
  loggerProvider,
  instrumentations: [new OpenAIInstrumentation({ captureMessageContent: true })],
});
// Instrumentations that patch a package as it is loaded need it loaded by require.
const { OpenAI } = createRequire(import.meta.url)('openai');
await runOpenAiAgent(OpenAI, true);
await flush();
