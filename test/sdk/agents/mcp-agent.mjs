// An agent on `ai` 7 whose tool is on an MCP server, another process. OpenInference's instrumentation puts the trace context
// into `_meta`; it makes no spans itself.
import { flush, tracerProvider } from './telemetry.mjs';
import { join } from 'node:path';
import { OpenTelemetry } from '@ai-sdk/otel';
import { MCPInstrumentation } from '@arizeai/openinference-instrumentation-mcp';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import * as clientStdioModule from '@modelcontextprotocol/sdk/client/stdio.js';
import { generateText, isStepCount, registerTelemetry, tool } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { z } from 'zod';
import { ANSWER, ARGUMENTS, QUESTION } from './work.mjs';

const instrumentation = new MCPInstrumentation();
instrumentation.setTracerProvider(tracerProvider);
instrumentation.manuallyInstrument({ clientStdioModule });
registerTelemetry(new OpenTelemetry());

const client = new Client({ name: 'sre-agent', version: '1.0.0' });
await client.connect(
  new clientStdioModule.StdioClientTransport({
    command: process.execPath,
    args: [join(import.meta.dirname, 'mcp-server.mjs')],
    env: { ...process.env, OTEL_SERVICE_NAME: 'kubernetes-mcp' },
    stderr: 'inherit',
  }),
);

let turn = 0;
const model = new MockLanguageModelV4({
  provider: 'openai',
  modelId: 'gpt-5',
  doGenerate: async () => {
    turn += 1;
    return {
      content:
        turn === 1
          ? [{ type: 'tool-call', toolCallId: 'call_mcp', toolName: 'kubectl_get', input: JSON.stringify(ARGUMENTS) }]
          : [{ type: 'text', text: ANSWER }],
      finishReason: turn === 1 ? { unified: 'tool-calls' } : { unified: 'stop' },
      usage: { inputTokens: { total: 42 }, outputTokens: { total: 7 } },
      warnings: [],
    };
  },
});

await generateText({
  model,
  prompt: QUESTION,
  stopWhen: isStepCount(3),
  telemetry: { functionId: 'sre-agent' },
  tools: {
    kubectl_get: tool({
      inputSchema: z.object({ resource: z.string(), namespace: z.string(), authorization: z.string() }),
      execute: async (input) => {
        const { content } = await client.callTool({ name: 'kubectl_get', arguments: input });
        return content[0].text;
      },
    }),
  },
});
await client.close();
await flush();
