// openai with OpenInference's instrumentation; the agent makes no span for running its tool.
import { flush, tracerProvider } from './telemetry.mjs';
import { createRequire } from 'node:module';
import { OpenAIInstrumentation } from '@arizeai/openinference-instrumentation-openai';
import { runOpenAiAgent } from './openai-loop.mjs';

const openai = createRequire(import.meta.url)('openai');
const instrumentation = new OpenAIInstrumentation({ tracerProvider });
instrumentation.manuallyInstrument(openai);
await runOpenAiAgent(openai.OpenAI, false);
await flush();
