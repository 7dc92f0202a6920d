// LangChain and LangGraph with OpenInference's instrumentation.
import { flush, tracerProvider } from './telemetry.mjs';
import * as callbackManager from '@langchain/core/callbacks/manager';
import { LangChainInstrumentation } from '@arizeai/openinference-instrumentation-langchain';
import { runLangGraphAgent } from './langgraph-agent.mjs';

const instrumentation = new LangChainInstrumentation({ tracerProvider });
instrumentation.manuallyInstrument(callbackManager);
await runLangGraphAgent();
await flush();
