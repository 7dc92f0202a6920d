// LangChain and LangGraph with Traceloop's instrumentation (OpenLLMetry).
import { flush, tracerProvider } from './telemetry.mjs';
import * as callbackManager from '@langchain/core/callbacks/manager';
import { LangChainInstrumentation } from '@traceloop/instrumentation-langchain';
import { runLangGraphAgent } from './langgraph-agent.mjs';

const instrumentation = new LangChainInstrumentation();
instrumentation.setTracerProvider(tracerProvider);
instrumentation.manuallyInstrument({ callbackManagerModule: callbackManager });
await runLangGraphAgent();
await flush();
